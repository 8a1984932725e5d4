/** The operating system's keychain, through the helper that lies beside the launcher. */
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Keychain } from '../keys/keychain.ts';
import { SystemKeychain } from '../keys/system-keychain.ts';
import { PACKAGE_ROOT } from './package-root.ts';

/** How long the keychain may take, in seconds; for those who have to confirm each access in a dialog. */
const TIMEOUT_VARIABLE = 'TABELLION_KEYCHAIN_TIMEOUT';
const LONGEST_SECONDS = 600;

/** @throws UsageError `VARIABLE_INVALID` */
export function openSystemKeychain(env: NodeJS.ProcessEnv): Keychain {
  const seconds = env[TIMEOUT_VARIABLE];
  const timeoutMs = seconds ? timeout(seconds) : undefined;
  return new SystemKeychain({
    helper: join(PACKAGE_ROOT, 'bin', 'keychain-helper.js'),
    env,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

function timeout(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= LONGEST_SECONDS) return seconds * 1000;
  throw new UsageError(
    'VARIABLE_INVALID',
    `${TIMEOUT_VARIABLE} must be a number of seconds up to ${LONGEST_SECONDS}`,
  );
}
