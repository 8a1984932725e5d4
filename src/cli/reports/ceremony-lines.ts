/** What a ceremony would change, in words: the part that all its reports share. */
import { printable } from '../../crypto/printable.ts';
import type {
  CeremonyKey,
  CeremonyRepositoryView,
  CeremonyRoleChange,
} from '../../operations/ceremony/view.ts';
import { dateWithDistance } from '../dates.ts';
import type { Paint } from '../display.ts';
import { groupedLines } from '../grouped-digits.ts';
import { keyName, shortKeyId } from '../key-names.ts';

/** What would be done, as a clause: `a new repository key`. */
export function kindWords({ kind, role, changes }: CeremonyRepositoryView): string {
  switch (kind) {
    case 'init':
      return 'makes the repository, with its first root';
    case 'rotate':
      return `replaces the ${keyName(role)}`;
    case 'rotate-root':
      return 'replaces the root keys';
    case 'add-root-key':
      return 'adds a root key';
    case 'renew-root':
      return changes.length === 0
        ? 'renews the root: the same keys, a later date'
        : 'renews the root, with another number of signatures';
  }
}

/** All of one repository. */
export function repositoryLines(view: CeremonyRepositoryView, paint: Paint, now: Date): string[] {
  const { version, expires } = view;
  const date = (text: string): string => dateWithDistance(new Date(text), now);
  const from = version.before === undefined ? '' : `${version.before} → `;
  const lines = [
    paint.bold(printable(view.repository)),
    `  on ${printable(view.server)}`,
    `  ${kindWords(view)}`,
    `  root version ${from}${version.after}, good until ${date(expires.after)}`,
  ];
  if (expires.before !== undefined)
    lines.push(`    the present one is until ${date(expires.before)}`);
  for (const change of view.changes) lines.push(...changeLines(change, paint, now));
  lines.push(...currentLines(view));
  lines.push(...allSignersLines(view, paint));
  return lines;
}

/** Who must sign, and who has. */
export function allSignersLines({ signers, kind }: CeremonyRepositoryView, paint: Paint): string[] {
  return signers.flatMap(one => {
    const { by, threshold, missing, keys } = one;
    const whose =
      by === 'current'
        ? 'present root keys'
        : signers.length > 1 || kind === 'init'
          ? 'new root keys'
          : 'root keys';
    const state = missing === 0 ? paint.green('enough') : paint.yellow(`${missing} missing`);
    return [
      `  needs ${threshold} signature${threshold === 1 ? '' : 's'} of the ${whose}: ${state}`,
      ...keys.map(
        key =>
          `    ${key.signed ? `${paint.green('✓')} signed ` : '  not yet'} ${shortKeyId(key.id)}`,
      ),
    ];
  });
}

function changeLines(
  { role, added, removed, kept, threshold }: CeremonyRoleChange,
  paint: Paint,
  now: Date,
): string[] {
  const lines = [`  ${printable(role)}`];
  for (const key of removed)
    lines.push(...keyLines(paint.red('−'), `${keyName(role)} goes`, key, now));
  for (const key of added)
    lines.push(...keyLines(paint.green('+'), `${keyName(role)} comes`, key, now));
  if (kept.length > 0)
    lines.push(`    = stays: ${kept.map(({ id }) => shortKeyId(id)).join(', ')}`);
  const keys = added.length + kept.length;
  const must = `${threshold.after} of ${keys} key${keys === 1 ? '' : 's'} must sign`;
  const was =
    threshold.before === undefined || threshold.before === threshold.after
      ? ''
      : paint.yellow(` (until now ${threshold.before})`);
  return [...lines, `    ${must}${was}`];
}

function keyLines(mark: string, what: string, key: CeremonyKey, now: Date): string[] {
  const until =
    key.validUntil === undefined
      ? ''
      : `, certificate until ${dateWithDistance(new Date(key.validUntil), now)}`;
  const of = key.certificateId === undefined ? 'public key' : 'certificate';
  return [
    `    ${mark} ${what}: ${shortKeyId(key.id)} (${printable(key.algorithm)}${until})`,
    `      SHA-256 of the ${of}`,
    ...groupedLines(key.thumbprint).map(line => `        ${line}`),
  ];
}

/** By these a person tells that it is the repository's root at all. */
function currentLines({ currentRootKeys, changes }: CeremonyRepositoryView): string[] {
  const gone = new Set(
    changes.flatMap(({ removed }) => removed.map(({ thumbprint }) => thumbprint)),
  );
  const others = currentRootKeys.filter(({ thumbprint }) => !gone.has(thumbprint));
  return others.flatMap(key => [
    `  present root key ${shortKeyId(key.id)}, SHA-256 of its certificate`,
    ...groupedLines(key.thumbprint).map(line => `        ${line}`),
  ]);
}
