/** A key that a person names, among all keys that are trusted somewhere or lie here. */
import { printable } from '../../crypto/printable.ts';
import { KeyError, UsageError } from '../../errors.ts';
import { SHORTEST_KEY_ID } from '../keys/key-id.ts';

/**
 * The canonical ID of the key that a text stands for: an ID of either kind, or the beginning of one.
 * @param known IDs by which keys are known, each with its key's canonical ID
 * @throws UsageError `KEY_ID_INVALID`, `KEY_ID_AMBIGUOUS`; KeyError `KEY_NOT_FOUND`
 */
export function meansKey(
  text: string,
  known: readonly { readonly id: string; readonly keyId: string }[],
): string {
  const digits = text.toLowerCase();
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < SHORTEST_KEY_ID || digits.length > 64) {
    throw new UsageError('KEY_ID_INVALID', `“${printable(text)}” is not a key ID`, {
      hint: `Give its 64 hexadecimal digits, or at least the first ${SHORTEST_KEY_ID}; see: tabellion inventory`,
    });
  }
  const matches = new Set(
    known.filter(({ keyId }) => keyId.startsWith(digits)).map(({ id }) => id),
  );
  const [match] = matches;
  if (match === undefined) {
    throw new KeyError(
      'KEY_NOT_FOUND',
      `No repository on this machine trusts a key ${digits}, and there is no such private key here`,
      { hint: 'See which there are with: tabellion inventory', details: { keyId: digits } },
    );
  }
  if (matches.size === 1) return match;
  throw new UsageError(
    'KEY_ID_AMBIGUOUS',
    `${matches.size} keys begin with ${digits}: ${[...matches].join(', ')}`,
    { hint: 'Give more digits.', details: { matches: [...matches] } },
  );
}
