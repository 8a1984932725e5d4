/** Key IDs as people give them: whole, or as much of the beginning as tells them apart. */
import { printable } from '../../crypto/printable.ts';
import { KeyError, UsageError } from '../../errors.ts';
import type { Session } from '../session.ts';

/** Fewer digits of a key ID do not count: a typing error would too easily hit another key. */
export const SHORTEST_KEY_ID = 7;

/**
 * The IDs of the stored keys that are meant, in the order given, each once.
 * @throws UsageError `KEY_ID_INVALID` | `KEY_ID_AMBIGUOUS`; KeyError `KEY_NOT_FOUND`
 */
export async function resolveKeyIds(session: Session, given: readonly string[]): Promise<string[]> {
  const entries = given.length === 0 ? [] : await (await session.keys()).list();
  const known = [...new Set(entries.map(({ id }) => id))].sort();
  return [...new Set(given.map(text => resolve(text, known, session.trustDir.privateDir)))];
}

function resolve(text: string, known: readonly string[], privateDir: string): string {
  // The name of a file that is no key ID may be given in full.
  if (known.includes(text)) return text;
  const digits = text.toLowerCase();
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < SHORTEST_KEY_ID || digits.length > 64) {
    throw new UsageError('KEY_ID_INVALID', `“${printable(text)}” is not a key ID`, {
      hint: `Give its 64 hexadecimal digits, or at least the first ${SHORTEST_KEY_ID}; see: tabellion key list`,
    });
  }
  const matches = known.filter(id => id.startsWith(digits));
  const [match] = matches;
  if (match === undefined) {
    throw new KeyError(
      'KEY_NOT_FOUND',
      `There is no private key ${digits} in ${printable(privateDir)}`,
      {
        hint: 'See which there are with: tabellion key list',
        details: { keyId: digits, privateDir },
      },
    );
  }
  if (matches.length === 1) return match;
  throw new UsageError(
    'KEY_ID_AMBIGUOUS',
    `${matches.length} keys begin with ${digits}: ${matches.map(id => printable(id)).join(', ')}`,
    { hint: 'Give more digits.', details: { matches } },
  );
}
