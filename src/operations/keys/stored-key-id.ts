/** The key that is meant, where the keychain may know keys that the trust directory does not have. */
import { KeyError } from '../../errors.ts';
import { isKeyId } from '../../keys/key-files.ts';
import type { Session } from '../session.ts';
import { resolveKeyIds } from './key-id.ts';

/**
 * The full ID of a key here, else of one whose passphrase is in the keychain.
 * @throws UsageError `KEY_ID_INVALID` | `KEY_ID_AMBIGUOUS`; KeyError `KEY_NOT_FOUND` | `KEYCHAIN_…`
 */
export async function resolveStoredKeyId(session: Session, given: string): Promise<string> {
  const digits = given.toLowerCase();
  if (isKeyId(digits)) return digits;
  try {
    const [id = given] = await resolveKeyIds(session, [given]);
    return id;
  } catch (error) {
    if (!(error instanceof KeyError && error.code === 'KEY_NOT_FOUND')) throw error;
    const accounts = (await (await session.keychain())?.list()) ?? [];
    const [match, ...others] = accounts.filter(id => isKeyId(id) && id.startsWith(digits));
    if (match === undefined || others.length > 0) throw error;
    return match;
  }
}
