/** A new root under the eyes of this machine's own pins: it must be allowed before it is published. */
import { readFile, stat } from 'node:fs/promises';
import { printable } from '../../crypto/printable.ts';
import { OperationError, UsageError } from '../../errors.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { isMissing, readError } from '../../trust-dir/file-error.ts';
import { type PinRule, pinRule } from '../../tuf/pinning.ts';
import type { RepositoryAccess, Session } from '../session.ts';

export interface FollowPin {
  /** `check`: refuse; `update`: allow the new certificates too. */
  readonly mode: 'ignore' | 'check' | 'update';
}

/**
 * Checks that a new root would pass the pins of this machine, or can be made to.
 * @throws UsageError `ROOT_PINNED`
 */
export function checkPinFollows(
  { gun, pinning }: RepositoryAccess,
  { mode }: FollowPin,
): Extract<PinRule, { kind: 'certs' }> | undefined {
  const rule = pinRule({ ...pinning, disableTofu: false }, gun);
  if (mode === 'ignore' || (rule.kind !== 'certs' && rule.kind !== 'ca')) return undefined;
  if (rule.kind === 'ca') {
    throw new UsageError(
      'ROOT_PINNED',
      `The root of ${printable(gun)} is pinned to an authority (the pin for “${printable(rule.pattern)}”), and a certificate that is made here would not be under it`,
      { hint: 'Take the pin out of the configuration first, at all who have it.' },
    );
  }
  if (mode === 'check') {
    throw new UsageError(
      'ROOT_PINNED',
      `The pin for “${printable(rule.pattern)}” on this machine names the old root certificate, and would refuse the new root`,
      {
        hint: '--update-pins allows the new one beside it. Others who pin it must do the same.',
        details: { pattern: rule.pattern, pinned: rule.keyIds },
      },
    );
  }
  return rule;
}

/**
 * Allows new root certificates beside those that are pinned, in Notary's configuration.
 * @throws OperationError `CONFIG_NOT_CHANGED` | `FILE_NOT_READABLE` | `FILE_NOT_WRITABLE`
 */
export async function allowInPin(
  session: Session,
  { pattern, keyIds }: Extract<PinRule, { kind: 'certs' }>,
  certificateIds: readonly string[],
): Promise<void> {
  const ids = [...new Set([...keyIds, ...certificateIds])];
  const path = session.notaryConfigFile;
  const text = await readConfig(path);
  const config = asObject(JSON.parse(text), path);
  const section = asObject(config[memberName(config, 'trust_pinning')], path);
  const certs = asObject(section[memberName(section, 'certs')], path);
  if (!Object.hasOwn(certs, pattern)) throw notChanged(path);
  certs[pattern] = ids;
  const { mode } = await stat(path);
  await writeFileAtomic(path, `${JSON.stringify(config, undefined, 2)}\n`, { mode: mode & 0o777 });
  session.log(`${path} allows ${certificateIds.join(', ')} for ${pattern}`);
  session.configurationChanged();
}

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw isMissing(error) ? notChanged(path) : readError(error, path);
  }
}

/** Notary's reader does not tell capitals in names. */
function memberName(value: Record<string, unknown>, name: string): string {
  return Object.keys(value).find(key => key.toLowerCase() === name) ?? name;
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw notChanged(path);
}

function notChanged(path: string): OperationError {
  return new OperationError(
    'CONFIG_NOT_CHANGED',
    `The pin could not be changed: ${printable(path)} does not hold it`,
    { hint: 'Change the pin where it is configured.', details: { path } },
  );
}
