import { printable } from '../../crypto/printable.ts';
import type { KeyList } from '../../operations/keys/key-list.ts';
import { relativeTime } from '../dates.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, roleName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { table } from '../table.ts';

type ListedKey = KeyList['keys'][number];

/** Repositories that are named below a key; of more, only how many there are. */
const NAMED = 3;

/** Of 80 columns, two are the indent. */
const NOTE_WIDTH = 78;

export function keyListJson(report: KeyList): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

export function keyListBrief(report: KeyList): string[] {
  return report.keys.map(key => printable(key.id));
}

/** Without a word on the keychain: many machines have none, and the column says what is unknown. */
export function keyListWarnings({ unreadable }: KeyList): string[] {
  return unreadable.map(
    ({ repository, message }) => `Which keys ${repository} trusts is unknown: ${message}`,
  );
}

/** A table, and below each key what does not fit into one: who trusts it, and what is wrong with it. */
export function keyListLines(report: KeyList, { paint, now }: ReportStyle): string[] {
  const directory = printable(report.privateDir);
  if (report.keys.length === 0) {
    return [`No private keys in ${directory}.`, 'Make one with: tabellion key generate NAME'];
  }
  const hasKeychain = report.keys.some(({ inKeychain }) => inKeychain !== undefined);
  const rows = report.keys.map(key => [
    keyName(key.role),
    shortKeyId(key.id),
    strengthText(key, paint),
    ageText(key, now),
    ...(hasKeychain ? [keychainText(key)] : []),
  ]);
  const header = ['KEY', 'KEY ID', 'FILE', 'AGE', ...(hasKeychain ? ['PASSPHRASE'] : [])];
  const [head = '', ...lines] = table([header, ...rows], { header: paint.dim });
  return [
    `Private keys in ${directory}`,
    '',
    head,
    ...report.keys.flatMap((key, index) => [lines[index] ?? '', ...notesOf(key, paint)]),
  ];
}

function notesOf(key: ListedKey, paint: Paint): string[] {
  const problem = key.usable ? paint.yellow : paint.red;
  return [
    ...trustLines(key).map(line => paint.dim(line)),
    ...(key.problem === undefined ? [] : [problem(printable(key.problem))]),
  ].map(line => `  ${line}`);
}

/** `reg.example/app, for alice and releases`; without trust data, the repository that the file names. */
function trustLines({ trustedBy, gun }: ListedKey): string[] {
  if (trustedBy.length === 0) {
    const unnamed = 'no trust data here names it';
    if (gun === undefined) return [unnamed];
    const of = `of ${printable(gun)}`;
    const line = `${of}; ${unnamed}`;
    return line.length <= NOTE_WIDTH ? [line] : [of, unnamed];
  }
  const byRepository = new Map<string, string[]>();
  for (const { repository, role } of trustedBy) {
    byRepository.set(repository, [...(byRepository.get(repository) ?? []), roleName(role)]);
  }
  const lines = [...byRepository].map(
    ([repository, roles]) => `${printable(repository)} (${roles.join(', ')})`,
  );
  const more = lines.length - NAMED;
  // One more line would be as long as to say that it is left out.
  return more <= 1 ? lines : [...lines.slice(0, NAMED), `and ${more} more repositories`];
}

function strengthText({ strength, usable }: ListedKey, paint: Paint): string {
  if (!usable) return paint.red('unusable');
  switch (strength) {
    case 'none':
      return paint.red('not encrypted');
    case 'weak':
      return paint.yellow(strength);
    default:
      return strength;
  }
}

/** By the certificate where there is one: a file is younger than its key when it was copied or encrypted anew. */
function ageText({ certifiedAt, modified }: ListedKey, now: Date): string {
  const since = certifiedAt ?? modified;
  return since === undefined ? '' : relativeTime(new Date(since), now).replace(/ ago$/, '');
}

function keychainText({ inKeychain }: ListedKey): string {
  if (inKeychain === undefined) return '';
  return inKeychain === null ? 'unknown' : inKeychain ? 'in keychain' : 'not stored';
}
