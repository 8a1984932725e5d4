import { printable } from '../../crypto/printable.ts';
import { dataSize } from '../../operations/push/data-size.ts';
import type { PushedRepository, PushReport } from '../../operations/push/push.ts';
import type { Paint } from '../display.ts';
import { errorLines } from '../error-report.ts';
import { worstExitCode } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { createdKeyLines, failureLines, repositoryLines } from './sign-report.ts';

type Upload = NonNullable<PushedRepository['upload']>;

export function pushJson(report: PushReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** `repository:tag@digest` of each tag that is pushed and signed now (or would be). */
export function pushBrief(report: PushReport): string[] {
  return report.repositories.flatMap(({ repository, tags, error }) =>
    error === undefined
      ? tags.map(({ tag, digest }) => printable(`${repository}:${tag}@${digest}`))
      : [],
  );
}

/** Why repositories were not pushed, for stderr. */
export function pushErrors(report: PushReport): string[] {
  return report.repositories.flatMap(({ repository, error }) =>
    error === undefined ? [] : errorLines({ ...error, message: `${repository}: ${error.message}` }),
  );
}

export function pushWarnings(report: PushReport): string[] {
  return [...new Set(report.repositories.flatMap(({ warnings }) => warnings))];
}

/** The gravest of the repositories' exit codes. */
export function pushOutcome(report: PushReport): number {
  return worstExitCode(report.repositories.map(({ exitCode }) => exitCode));
}

export function pushLines(report: PushReport, paint: Paint): string[] {
  return report.repositories.flatMap((repository, index) => [
    ...(index === 0 ? [] : ['']),
    ...lines(repository, report.dryRun, paint),
  ]);
}

function lines(pushed: PushedRepository, dryRun: boolean, paint: Paint): string[] {
  const { error, upload, tags, ...signed } = pushed;
  if (error !== undefined && tags.length === 0) {
    return [
      paint.bold(printable(pushed.repository)),
      ...failureLines('not pushed', error, paint),
      ...(pushed.createdKeys.length > 0 ? createdKeyLines(pushed, paint) : []),
    ];
  }
  return [
    ...repositoryLines({ ...signed, tags }, dryRun, paint),
    ...(upload === undefined ? [] : [`  ${uploadLine(upload, dryRun)}`]),
    ...tags.flatMap(tag => registryLines(tag, paint)),
    ...(error === undefined ? [] : failureLines('signed, but not tagged', error, paint)),
  ];
}

function uploadLine({ blobs, manifests, bytesSent }: Upload, dryRun: boolean): string {
  const parts = [
    `${dryRun ? 'would upload' : 'uploaded'} ${blobs.sent} of ${blobs.total} blobs (${dataSize(bytesSent)})`,
    ...(blobs.resumed > 0 ? [`${blobs.resumed} of them from where it broke off`] : []),
    ...(blobs.mounted > 0 ? [`${blobs.mounted} taken over from other repositories`] : []),
    `${manifests.sent} of ${manifests.total} manifests`,
  ];
  return parts.join(', ');
}

function registryLines(tag: PushedRepository['tags'][number], paint: Paint): string[] {
  const name = paint.bold(printable(tag.tag));
  switch (tag.registry) {
    case 'unchanged':
      return [`  the registry had ${name} already`];
    case 'set':
    case 'would-set': {
      const old = tag.previousRegistryDigest;
      const before = old === undefined ? '' : `, which was ${printable(old)}`;
      return [`  ${tag.registry === 'set' ? 'set' : 'would set'} the tag ${name}${before}`];
    }
    case 'missing':
      return [];
  }
}
