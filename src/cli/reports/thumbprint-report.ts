import { printable } from '../../crypto/printable.ts';
import type { KeyThumbprints } from '../../crypto/thumbprint.ts';
import type {
  ExpectationResult,
  RoleThumbprints,
  ThumbprintReport,
} from '../../operations/thumbprints/thumbprint.ts';
import {
  THUMBPRINT_KINDS,
  type ThumbprintKind,
  thumbprintOf,
} from '../../operations/thumbprints/thumbprint-text.ts';
import { dateWithDistance } from '../dates.ts';
import { errorLines } from '../error-report.ts';
import { GROUP, groupedLines } from '../grouped-digits.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { roleName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import type { ThumbprintWords } from '../thumbprint-words.ts';
import { originText } from './origin.ts';

const KIND_NAMES: Readonly<Record<ThumbprintKind, string>> = {
  'certificate-sha256': 'certificate SHA-256',
  'certificate-sha1': 'certificate SHA-1',
  'public-key-sha256': 'public key SHA-256',
  'key-id': 'key ID',
  'private-key-id': 'private key ID',
};
const LABEL = 21;

export function thumbprintJson(reports: readonly ThumbprintReport[]): object {
  return { schemaVersion: SCHEMA_VERSION, repositories: reports };
}

/** `repository role SHA-256` of each key: of the certificate, else of the public key. */
export function thumbprintBrief(reports: readonly ThumbprintReport[]): string[] {
  return reports
    .filter(({ trusted, exitCode }) => trusted && exitCode === 0)
    .flatMap(({ repository, roles }) =>
      roles.flatMap(({ role, keys }) =>
        keys.map(key =>
          [repository, role, key.certificate?.sha256 ?? key.publicKeySha256]
            .map(printable)
            .join(' '),
        ),
      ),
    );
}

export function thumbprintWarnings(reports: readonly ThumbprintReport[]): string[] {
  return [...new Set(reports.flatMap(({ warnings }) => warnings))];
}

export function thumbprintErrors(reports: readonly ThumbprintReport[]): string[] {
  return reports.flatMap(({ repository, error }) =>
    error === undefined ? [] : errorLines({ ...error, message: `${repository}: ${error.message}` }),
  );
}

export interface ThumbprintView extends ReportStyle {
  /** Only what differs. */
  readonly changedOnly: boolean;
  /** Also as words. */
  readonly words?: ThumbprintWords;
}

export function thumbprintLines(
  reports: readonly ThumbprintReport[],
  view: ThumbprintView,
): string[] {
  const shown = reports.filter(({ roles }) => roles.length > 0);
  return shown.flatMap((report, index) => [
    ...(index === 0 ? [] : ['']),
    ...reportLines(report, view),
  ]);
}

function reportLines(report: ThumbprintReport, view: ThumbprintView): string[] {
  const { paint } = view;
  const lines = [paint.bold(printable(report.repository))];
  if (report.trustData !== undefined)
    lines.push(`${paint.dim('trust data')}  ${originText(report.trustData, view)}`);
  if (!report.trusted) lines.push(paint.red('NOT TRUSTED: these are the keys that are offered'));
  if (!view.changedOnly) lines.push(...report.roles.flatMap(role => roleLines(role, view)));
  lines.push(...changeLines(report, view));
  lines.push(...report.expected.flatMap(result => expectationLines(result, report, view)));
  lines.push(...pinLines(report, view));
  return lines;
}

function roleLines(
  { role, threshold, file, keys }: RoleThumbprints,
  view: ThumbprintView,
): string[] {
  const { paint } = view;
  const note = keys.length > 1 ? `  ${threshold} of ${keys.length} keys must sign` : '';
  return [
    '',
    `${paint.bold(roleName(role))}${note}`,
    `  ${'in'.padEnd(LABEL)}${printable(file)}`,
    ...keys.flatMap((key, index) => [...(index === 0 ? [] : ['']), ...keyLines(key, view)]),
  ];
}

function keyLines(key: KeyThumbprints, { now, words }: ThumbprintView): string[] {
  const { certificate } = key;
  const row = (label: string, text: string): string => `  ${label.padEnd(LABEL)}${text}`;
  const numbers = THUMBPRINT_KINDS.flatMap(kind => {
    const number = thumbprintOf(key, kind);
    // Without a certificate a key has one ID.
    const isRepeated = kind === 'private-key-id' && certificate === undefined;
    if (number === undefined || isRepeated) return [];
    const [first = '', ...more] = groupedLines(number);
    return [row(KIND_NAMES[kind], first), ...more.map(line => row('', line))];
  });
  numbers.push(
    ...wordLines(certificate?.sha256 ?? key.publicKeySha256, words).map(line => row(...line)),
  );
  if (certificate === undefined) return [row('algorithm', key.algorithm), ...numbers];
  const until = dateWithDistance(new Date(certificate.notAfter), now);
  return [
    row('algorithm', key.algorithm),
    row('subject', printable(certificate.subject)),
    row('valid', `${certificate.notBefore.slice(0, 10)} to ${until}`),
    ...numbers,
  ];
}

/** Six words to a line. They stand for the SHA-256 of the certificate, else of the public key. */
function wordLines(
  sha256: string,
  words: ThumbprintWords | undefined,
): [label: string, text: string][] {
  const all = words?.(sha256) ?? [];
  const lines: [string, string][] = [];
  for (let start = 0; start < all.length; start += 6) {
    lines.push([start === 0 ? 'SHA-256 in words' : '', all.slice(start, start + 6).join(' ')]);
  }
  return lines;
}

function expectationLines(
  result: ExpectationResult,
  { roles }: ThumbprintReport,
  { paint }: ReportStyle,
): string[] {
  const name = roleName(result.role);
  if (result.matched !== undefined) {
    const kind = KIND_NAMES[result.matched.kind];
    return ['', `${paint.green('✓')} ${name} is as expected: it is its ${kind}`];
  }
  const keys = roles.filter(({ role }) => roleName(role) === name).flatMap(role => role.keys);
  return [
    '',
    `${paint.red('✗')} ${name} is not as expected`,
    ...keys.flatMap(key => comparison('expected', result.digits, 'found', nearest(result, key))),
  ];
}

/** The number of a key that was probably meant: the one that agrees in most digits. */
function nearest({ digits, hash }: ExpectationResult, key: KeyThumbprints): string {
  const numbers = THUMBPRINT_KINDS.filter(
    kind => hash === undefined || (hash === 'sha1') === (kind === 'certificate-sha1'),
  ).flatMap(kind => thumbprintOf(key, kind) ?? []);
  const sameLength = numbers.filter(number => number.length === digits.length);
  const agreement = (number: string): number =>
    [...digits].filter((digit, index) => number[index] === digit).length;
  return (
    [...(sameLength.length > 0 ? sameLength : numbers)].sort(
      (a, b) => agreement(b) - agreement(a),
    )[0] ?? ''
  );
}

/** Two numbers one above the other, with marks under the groups that differ. */
function comparison(
  firstName: string,
  first: string,
  secondName: string,
  second: string,
): string[] {
  const [above, below] = [groupedLines(first), groupedLines(second)];
  const row = (label: string, text: string): string => `  ${label.padEnd(LABEL)}${text}`;
  return Array.from({ length: Math.max(above.length, below.length) }, (_, index) => {
    const [a = '', b = ''] = [above[index], below[index]];
    const [groupsA, groupsB] = [a.split(' '), b.split(' ')];
    const marks = Array.from({ length: Math.max(groupsA.length, groupsB.length) }, (_, at) =>
      groupsA[at] === groupsB[at] ? ' '.repeat(GROUP) : '^'.repeat(GROUP),
    );
    const first = index === 0;
    return [
      row(first ? firstName : '', a),
      row(first ? secondName : '', b),
      row('', marks.join(' ')).trimEnd(),
    ];
  }).flat();
}

function pinLines(report: ThumbprintReport, { paint, now }: ReportStyle): string[] {
  const { pin, pinned, known, roles } = report;
  const lines: string[] = [];
  const [offered] = roles.find(({ role }) => role === 'root')?.keys ?? [];
  const compare = (name: string, before: KeyThumbprints | undefined): void => {
    const [old, fresh] = [before?.certificate?.sha256, offered?.certificate?.sha256];
    if (old !== undefined && fresh !== undefined && old !== fresh)
      lines.push(...comparison(name, old, 'offered', fresh));
  };
  if (pinned)
    lines.push('', `${paint.green('✓')} the root is pinned: every command checks it from now on`);
  else if (pin !== undefined) {
    const when = dateWithDistance(new Date(pin.pinnedAt), now);
    lines.push('', `pinned ${when}`);
    compare('pinned', pin.certificates[0]);
  }
  if (known !== undefined) {
    lines.push('', 'this machine trusted another root before');
    compare('before', known[0]);
  }
  return lines;
}

function changeLines({ changes }: ThumbprintReport, view: ThumbprintView): string[] {
  if (changes === undefined)
    return view.changedOnly ? ['', 'Nothing was shown before: there is nothing to compare.'] : [];
  const since = dateWithDistance(new Date(changes.since), view.now);
  if (changes.roles.length === 0) return view.changedOnly ? ['', `The same keys as ${since}.`] : [];
  return [
    '',
    view.paint.yellow(`Changed since ${since}`),
    ...changes.roles.map(({ role, added, removed }) => {
      const parts = [
        ...removed.map(id => `− ${shortKeyId(id)}`),
        ...added.map(id => `+ ${shortKeyId(id)}`),
      ];
      return `  ${roleName(role)}  ${parts.join('  ')}`;
    }),
  ];
}
