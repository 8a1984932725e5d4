import { printable } from '../../crypto/printable.ts';
import type { PassphraseSearch, PassphraseStep } from '../../keys/passphrase.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { table } from '../table.ts';

/** Where the passphrase of a key was looked for, in order. */
export function searchLines({ keyId, role, gun, purpose, steps }: PassphraseSearch): string[] {
  const id = keyId === undefined ? '' : ` (${shortKeyId(keyId)})`;
  const what = purpose === 'create' ? 'New passphrase' : 'Passphrase';
  const rows = steps.map(step => [
    `  ${printable(step.place ?? step.source)}`,
    printable(result(step)),
  ]);
  return [`${what} for the ${keyName(role, gun)}${id}:`, ...table(rows)];
}

export function searchJson({ keyId, role, gun, purpose, steps }: PassphraseSearch): object {
  return {
    ...(keyId === undefined ? {} : { keyId }),
    role,
    ...(gun === undefined ? {} : { gun }),
    purpose,
    steps: steps.map(step => ({ ...step })),
  };
}

function result({ outcome, detail }: PassphraseStep): string {
  switch (outcome) {
    case 'none':
      return detail ?? 'has none';
    case 'wrong':
      return 'does not open the key';
    case 'opened':
      return 'opens the key';
    case 'used':
      return 'is taken';
    case 'failed':
      return detail === undefined ? 'failed' : `failed (${detail})`;
  }
}
