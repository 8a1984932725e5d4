/** What can be found wrong with a private key without unlocking it. */
import { printable } from '../../crypto/printable.ts';
import type { KeyEntry, KeyFile } from '../../keys/key-store.ts';
import { keyStrength } from '../../keys/key-strength.ts';
import { copyOfKeyFile, hasCopy } from '../../keys/replace-key-file.ts';
import { isBaseRole, isDelegationName } from '../../tuf/role-name.ts';
import type { CachedRole } from '../trusting-roles.ts';

export interface KeyFinding {
  /** Stable, for programs. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** The key cannot do what it is for; else it can, and yet something is amiss. */
  readonly grave: boolean;
}

/** @param others further files under the same ID */
export async function fileFindings(
  { entry, error }: KeyFile,
  others: readonly KeyFile[],
): Promise<KeyFinding[]> {
  const { path, problem, usable } = entry;
  const findings: KeyFinding[] = [];
  if (!usable) {
    const { code = 'KEY_FILE_DAMAGED', message = problem ?? '', hint } = error ?? {};
    findings.push({ code, message, ...(hint === undefined ? {} : { hint }), grave: true });
  } else if (problem !== undefined) {
    findings.push({
      code: 'FILE_AMISS',
      message: problem.slice(0, 1).toUpperCase() + problem.slice(1),
      grave: false,
    });
  }
  for (const other of others) {
    findings.push({
      code: 'FILE_DUPLICATE',
      message: `${printable(other.entry.path)} has the same key ID, and is not used`,
      grave: false,
    });
  }
  if (await hasCopy(path)) {
    findings.push({
      code: 'COPY_LEFT',
      message: `An interrupted run has left a copy of the old file: ${printable(copyOfKeyFile(path))}`,
      hint: 'When the key opens, this removes it: tabellion key harden --all',
      grave: false,
    });
  }
  return usable ? [...findings, ...strengthFindings(entry)] : findings;
}

function strengthFindings(entry: KeyEntry): KeyFinding[] {
  const id = printable(entry.id.slice(0, 12));
  switch (keyStrength(entry)) {
    case 'none':
      return [
        {
          code: 'KEY_NOT_ENCRYPTED',
          message: 'Its file is not encrypted',
          hint: `Give it a passphrase with: tabellion key passwd ${id}`,
          grave: false,
        },
      ];
    case 'weak':
      return [
        {
          code: 'KEY_WEAK',
          message: 'Its file is weakly encrypted',
          hint: `Mend that with: tabellion key harden ${id}`,
          grave: false,
        },
      ];
    default:
      return [];
  }
}

/** Compares what the file says that the key is for with what repositories trust it for. */
export function roleFindings(
  { role, gun, usable }: Pick<KeyEntry, 'role' | 'gun' | 'usable'>,
  trusting: readonly CachedRole[],
): KeyFinding[] {
  if (trusting.length === 0) {
    return [
      {
        code: 'KEY_NOT_TRUSTED',
        message: 'No repository in this trust directory trusts it (any more)',
        grave: false,
      },
    ];
  }
  // A damaged file may have lost what it said.
  if (!usable) return [];
  const roles = [...new Set(trusting.map(one => one.role))];
  if (!roles.some(trusted => fits(role, trusted))) {
    const said = role === '' ? 'nothing' : `“${printable(role)}”`;
    return [
      {
        code: 'ROLE_DIFFERS',
        message: `Its file says ${said} where repositories trust it as ${roles.map(printable).join(', ')}`,
        hint: 'Notary and Docker look for keys by that word: correct the header “role” of the file.',
        grave: true,
      },
    ];
  }
  const isOfGun = gun === undefined || trusting.some(({ repository }) => repository === gun);
  if (isOfGun) return [];
  return [
    {
      code: 'GUN_DIFFERS',
      message: `Its file says that it belongs to ${printable(gun)}, which does not trust it`,
      grave: false,
    },
  ];
}

/** A file of a delegation's key may say anything that is no base role (keys.md 5.5). */
function fits(said: string, trusted: string): boolean {
  return isBaseRole(said) ? said === trusted : isDelegationName(trusted);
}
