/** Which part of a backup is meant, as people say it: keys by ID, repositories by name. */
import { printable } from '../../crypto/printable.ts';
import { OperationError, UsageError } from '../../errors.ts';
import { SHORTEST_KEY_ID } from '../keys/key-id.ts';
import type { BackupInventory } from './inventory.ts';

export interface RestoreSelection {
  readonly wantsKey: (id: string) => boolean;
  readonly wantsRepository: (gun: string) => boolean;
  readonly wantsRecords: boolean;
}

/**
 * A key ID (or its first 7 digits or more) means that key; a GUN means its trust data and the keys that it trusts.
 * Without any, all is meant.
 * @throws OperationError `NOT_IN_BACKUP`; UsageError `KEY_ID_AMBIGUOUS`
 */
export function selectFromBackup(
  { keys, repositories }: BackupInventory,
  only: readonly string[],
): RestoreSelection {
  if (only.length === 0) {
    return { wantsKey: () => true, wantsRepository: () => true, wantsRecords: true };
  }
  const ids = new Set<string>();
  const guns = new Set<string>();
  for (const word of only) {
    if (repositories.some(({ gun }) => gun === word)) {
      guns.add(word);
      for (const { id, gun, trustedBy } of keys) {
        if (gun === word || trustedBy.some(({ repository }) => repository === word)) ids.add(id);
      }
    } else {
      ids.add(keyMeant(word, [...new Set(keys.map(({ id }) => id))]));
    }
  }
  return {
    wantsKey: id => ids.has(id),
    wantsRepository: gun => guns.has(gun),
    wantsRecords: false,
  };
}

function keyMeant(word: string, known: readonly string[]): string {
  if (known.includes(word)) return word;
  const digits = word.toLowerCase();
  const isId = /^[0-9a-f]+$/.test(digits) && digits.length >= SHORTEST_KEY_ID;
  const matches = isId ? known.filter(id => id.startsWith(digits)) : [];
  const [match] = matches;
  if (match === undefined) {
    throw new OperationError(
      'NOT_IN_BACKUP',
      `There is no key and no repository “${printable(word)}” in the backup`,
      { hint: 'See what is in it with: tabellion backup show', details: { wanted: word } },
    );
  }
  if (matches.length === 1) return match;
  throw new UsageError(
    'KEY_ID_AMBIGUOUS',
    `${matches.length} keys in the backup begin with ${digits}`,
    { hint: 'Give more digits.', details: { matches } },
  );
}
