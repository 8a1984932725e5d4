import { UsageError } from '../errors.ts';
import type { GlobalOptions } from './global-options.ts';

/** Whether the keychain counts, for a machine or a job. */
export const KEYCHAIN_VARIABLE = 'TABELLION_KEYCHAIN';

/**
 * Whether the system's keychain is to be used: unless `--no-keychain` or `TABELLION_KEYCHAIN=off` say no.
 * @throws UsageError `VARIABLE_INVALID`
 */
export function usesKeychain(globals: Pick<GlobalOptions, 'keychain'>, env: NodeJS.ProcessEnv) {
  return globals.keychain !== false && keychainVariable(env) !== 'off';
}

/** @throws UsageError `VARIABLE_INVALID` */
export function keychainVariable(env: NodeJS.ProcessEnv): 'on' | 'off' | undefined {
  const value = env[KEYCHAIN_VARIABLE];
  if (!value) return undefined;
  if (value === 'on' || value === 'off') return value;
  throw new UsageError('VARIABLE_INVALID', `${KEYCHAIN_VARIABLE} must be “on” or “off”`);
}
