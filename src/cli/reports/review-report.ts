import { printable } from '../../crypto/printable.ts';
import type { RepositoryReview } from '../../operations/rotation/review.ts';
import type { SignerItem, Standing, TagItem } from '../../operations/rotation/review-items.ts';
import { absoluteTime } from '../dates.ts';
import { roleName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { table } from '../table.ts';

/** Everything in a repository beside what was known of it: what a person reviews. */
export function reviewLines(review: RepositoryReview, style: ReportStyle): string[] {
  const { paint } = style;
  const lines = [paint.bold(printable(review.repository)), `  ${comparison(review, style)}`];
  if (review.registryProblem !== undefined)
    lines.push(`  the registry could not be asked: ${printable(review.registryProblem)}`);
  if (review.tags.length > 0) {
    const rows = review.tags.map(item => [
      printable(item.tag),
      digest(item.sha256),
      signedIn(item, review),
      standingText(item, style),
      registryText(item, review, style),
    ]);
    lines.push('  tags', ...table(rows, { indent: 4 }));
  }
  if (review.signers.length > 0) {
    const rows = review.signers.map(item => [
      roleName(item.role),
      keysText(item.keyIds),
      changeText(item, style),
    ]);
    lines.push('  signers', ...table(rows, { indent: 4 }));
  }
  const gone = [
    ...review.goneTags.map(({ tag, sha256 }) => `${printable(tag)} ${digest(sha256)}`),
    ...review.goneSigners.map(role => `the signer ${roleName(role)}`),
  ];
  if (gone.length > 0) lines.push('  gone since', ...gone.map(text => `    ${text}`));
  return lines;
}

/** One line of a tick list. */
export function tagChoice(item: TagItem, review: RepositoryReview, style: ReportStyle): string {
  const registry = registryText(item, review, style);
  return [
    printable(item.tag),
    digest(item.sha256),
    signedIn(item, review),
    standingText(item, style),
    ...(registry === '' ? [] : [registry]),
  ].join('  ');
}

/** One line of a tick list. */
export function signerChoice(item: SignerItem, style: ReportStyle): string {
  return `${roleName(item.role)}  ${keysText(item.keyIds)}  ${changeText(item, style)}`;
}

function comparison({ trustedSince, known }: RepositoryReview, { now }: ReportStyle): string {
  if (trustedSince === undefined)
    return 'nothing to compare with: no day was named until which all was well';
  const day = absoluteTime(new Date(trustedSince), now);
  if (known === undefined) return `this machine remembers nothing of it from before ${day}`;
  const verified = absoluteTime(new Date(known.verifiedAt), now);
  return known.from === 'server'
    ? `beside what this machine had verified before ${day}: the state of ${verified}`
    : `beside what lay in the trust directory before ${day}: the state of ${verified}`;
}

/** The roles, and by which keys they are signed. */
function signedIn({ roles }: TagItem, { signedBy }: RepositoryReview): string {
  return roles
    .map(role => {
      const keys = signedBy[role] ?? [];
      return keys.length === 0 ? roleName(role) : `${roleName(role)} (${keysText(keys)})`;
    })
    .join(', ');
}

function standingText({ standing, was }: TagItem, style: ReportStyle): string {
  if (was === undefined || standing !== 'changed') return plainStanding(standing, style);
  const { red } = style.paint;
  return `${red('CHANGED')}, was ${digest(was.sha256)}`;
}

function plainStanding(standing: Standing, { paint }: ReportStyle): string {
  switch (standing) {
    case 'known':
      return paint.green('known');
    case 'changed':
      return paint.red('CHANGED');
    case 'new':
      return paint.red('NEW');
    case 'unremembered':
      return paint.yellow('not known');
  }
}

function changeText(item: SignerItem, style: ReportStyle): string {
  if (item.standing !== 'changed') return plainStanding(item.standing, style);
  const { added, removed, thresholdWas } = item;
  const parts = [
    ...added.keyIds.map(id => `got the key ${shortKeyId(id)}`),
    ...added.paths.map(path => `got the path “${printable(path)}”`),
    ...removed.keyIds.map(id => `lost the key ${shortKeyId(id)}`),
    ...removed.paths.map(path => `lost the path “${printable(path)}”`),
    ...(thresholdWas === undefined
      ? []
      : [`needs ${item.threshold} signatures instead of ${thresholdWas}`]),
  ];
  return `${style.paint.red('CHANGED')}: ${parts.join(', ')}`;
}

function registryText(
  { sha256 }: TagItem,
  { registry }: RepositoryReview,
  { paint }: ReportStyle,
): string {
  switch (registry?.[sha256]) {
    case 'present':
      return 'in the registry';
    case 'absent':
      return paint.yellow('not in the registry');
    case 'unknown':
      return 'registry unknown';
    default:
      return '';
  }
}

function digest(sha256: string): string {
  return sha256 === '' ? 'no digest' : `sha256:${sha256.slice(0, 12)}`;
}

function keysText(ids: readonly string[]): string {
  if (ids.length === 0) return 'no key';
  return `${ids.length === 1 ? 'key' : 'keys'} ${ids.map(shortKeyId).join(' ')}`;
}
