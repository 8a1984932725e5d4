import { printable } from '../../crypto/printable.ts';
import { naturalOrder } from '../../operations/natural-order.ts';
import type { RevokeReport } from '../../operations/revoke.ts';
import type { Paint } from '../display.ts';
import { EXIT, worstExitCode } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { roleName } from '../key-names.ts';

type RevokedRepository = RevokeReport['repositories'][number];
type RevokedTag = RevokedRepository['tags'][number];

export function revokeJson(report: RevokeReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The tags that are (or would be) trusted no more. */
export function revokeBrief(report: RevokeReport): string[] {
  return report.repositories.flatMap(({ repository, tags }) =>
    sorted(tags)
      .filter(({ status }) => status === 'revoked' || status === 'would-revoke')
      .map(({ tag }) => printable(`${repository}:${tag}`)),
  );
}

export function revokeWarnings(report: RevokeReport): string[] {
  return report.repositories.flatMap(repository => repository.warnings);
}

/** A revocation that changed nothing, or left a tag trusted, is no success. */
export function revokeOutcome(report: RevokeReport): number {
  return worstExitCode(
    report.repositories.map(({ exitCode, tags }) => {
      if (exitCode !== EXIT.done) return exitCode;
      return tags.every(({ status }) => status === 'revoked') ? EXIT.done : EXIT.failed;
    }),
  );
}

export function revokeLines(report: RevokeReport, paint: Paint): string[] {
  return report.repositories.flatMap((repository, index) => [
    ...(index === 0 ? [] : ['']),
    ...repositoryLines(repository, paint),
  ]);
}

function repositoryLines(revoked: RevokedRepository, paint: Paint): string[] {
  const lines = [paint.bold(printable(revoked.repository))];
  if (revoked.error !== undefined) {
    lines.push(`  ${paint.red('✗')} nothing revoked: ${printable(revoked.error.message)}`);
    if (revoked.error.hint !== undefined) lines.push(`    hint: ${printable(revoked.error.hint)}`);
  }
  for (const tag of sorted(revoked.tags)) lines.push(`  ${tagText(tag, paint)}`);
  if (Object.keys(revoked.versions).length > 0) {
    lines.push(`  published to ${printable(revoked.server)}`);
  }
  return lines;
}

function tagText(tag: RevokedTag, paint: Paint): string {
  const name = paint.bold(printable(tag.tag));
  const from = tag.removedFrom.map(roleName).join(', ');
  const remains = tag.remainsIn.map(roleName).join(', ');
  switch (tag.status) {
    case 'revoked':
      return `${paint.green('✓')} ${name} revoked from ${from}`;
    case 'would-revoke':
      return remains === ''
        ? `${paint.cyan('-')} ${name} would be revoked from ${from}`
        : `${paint.yellow('-')} ${name} would stay trusted through ${remains}: no key for it here`;
    case 'partly':
      return `${paint.red('✗')} ${name} is still trusted through ${remains}: no key for it here`;
    case 'not-signed':
      return `${paint.yellow('!')} ${name} is not signed`;
  }
}

function sorted(tags: readonly RevokedTag[]): RevokedTag[] {
  return [...tags].sort((a, b) => naturalOrder(a.tag, b.tag));
}
