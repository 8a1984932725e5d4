import { printable } from '../../crypto/printable.ts';
import type { CheckedPassphrase, StoredPassphrase } from '../../operations/stored-passphrases.ts';
import type { Paint } from '../display.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { table } from '../table.ts';

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
  return [
    'Keys whose passphrase is in the keychain',
    '',
    ...table([[...HEADER, ''], ...rows], { header: paint.dim }),
  ];
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
  return [...table([[...HEADER, 'PASSPHRASE'], ...rows], { header: paint.dim }), ...advice];
}

const HEADER = ['KEY', 'KEY ID', 'REPOSITORY'];

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
