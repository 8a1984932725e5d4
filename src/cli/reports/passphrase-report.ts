import { stripVTControlCharacters } from 'node:util';
import { printable } from '../../crypto/printable.ts';
import type {
  CheckedPassphrase,
  StoredPassphrase,
} from '../../operations/passphrases/stored-passphrases.ts';
import type { Paint } from '../display.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { fitted, table } from '../table.ts';

const NONE = [
  'The keychain has no passphrases of keys.',
  'Put one there with: tabellion passphrase set KEY-ID',
];

/** For `passphrase list`. */
export function passphraseListLines(
  passphrases: readonly StoredPassphrase[],
  paint: Paint,
): string[] {
  if (passphrases.length === 0) return NONE;
  const rows = passphrases.map(entry => [
    ...named(entry),
    entry.present ? '' : paint.yellow('key not here'),
  ]);
  return ['Keys whose passphrase is in the keychain', '', ...fittingTable('', rows, paint)];
}

/** For `passphrase check`. */
export function passphraseCheckLines(
  passphrases: readonly CheckedPassphrase[],
  paint: Paint,
): string[] {
  if (passphrases.length === 0) return NONE;
  const rows = passphrases.map(entry => [...named(entry), verdict(entry, paint)]);
  const wrong = passphrases.find(({ state }) => state === 'wrong');
  const advice =
    wrong === undefined
      ? []
      : ['', `Put the right one there with: tabellion passphrase set ${shortKeyId(wrong.keyId)}`];
  return [...fittingTable('PASSPHRASE', rows, paint), ...advice];
}

const HEADER = ['KEY', 'KEY ID', 'REPOSITORY'];

/** Columns of the widest line, unless what is wrong with a key takes more. */
const WIDTH = 80;
const KEY_WIDTH = 28;
const SHORT_ID = 12;
const GAPS = 6;
const LEAST_REPOSITORY = 12;

/** The names of keys and repositories give way, so that the last column is read. */
function fittingTable(last: string, rows: readonly string[][], paint: Paint): string[] {
  const names = rows.map(([name = '']) => fitted(name, KEY_WIDTH));
  const widest = (cells: readonly string[]): number =>
    Math.max(...cells.map(cell => [...stripVTControlCharacters(cell)].length));
  const taken = widest(names) + SHORT_ID + widest(rows.map(([, , , cell = '']) => cell)) + GAPS;
  const room = Math.max(WIDTH - taken, LEAST_REPOSITORY);
  const fitting = rows.map(([, id = '', repository = '', cell = ''], index) => [
    ...[names[index] ?? '', id],
    ...[fitted(repository, room), cell],
  ]);
  return table([[...HEADER, last], ...fitting], { header: paint.dim });
}

function named({ keyId, role, gun }: StoredPassphrase): string[] {
  return [
    role === undefined ? 'unknown key' : keyName(role),
    shortKeyId(keyId),
    gun === undefined ? '' : printable(gun),
  ];
}

function verdict({ state, present, problem = '' }: CheckedPassphrase, paint: Paint): string {
  switch (state) {
    case 'opens':
      return paint.green('opens the key');
    case 'wrong':
      return paint.red('does not open the key');
    case 'unknown':
      return paint.yellow(present ? printable(problem) : 'key not here');
  }
}
