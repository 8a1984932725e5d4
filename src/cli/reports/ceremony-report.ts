import { printable } from '../../crypto/printable.ts';
import type { NewRoot } from '../../operations/ceremony/new-root.ts';
import type { RequestedCeremony } from '../../operations/ceremony/request.ts';
import type { ScannedCeremony } from '../../operations/ceremony/scan.ts';
import type { ShownCeremony, SignedCeremony } from '../../operations/ceremony/sign.ts';
import type { CeremonyView } from '../../operations/ceremony/view.ts';
import type { CeremonyCodes } from '../commands/ceremony-codes.ts';
import type { Paint } from '../display.ts';
import { groupedLines } from '../grouped-digits.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { allSignersLines, kindWords, repositoryLines } from './ceremony-lines.ts';

type Codes = CeremonyCodes | undefined;

export function newRootJson(report: NewRoot): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The thumbprints of the certificates. */
export function newRootBrief({ certificates }: NewRoot): string[] {
  return certificates.map(({ key }) => key.thumbprint);
}

export function newRootLines(report: NewRoot, paint: Paint): string[] {
  const lines = [
    report.created
      ? `Made the root key ${shortKeyId(report.keyId)}`
      : `The root key ${shortKeyId(report.keyId)}`,
    `  private key  ${printable(report.keyFile)}`,
  ];
  if (report.created)
    lines.push(
      `  ${paint.yellow('It cannot be restored')}: back it up before anything relies on it.`,
    );
  for (const { repository, key } of report.certificates) {
    lines.push(
      `  certificate for ${printable(repository)}, SHA-256`,
      ...groupedLines(key.thumbprint).map(line => `        ${line}`),
    );
  }
  lines.push(`Certificates, to carry away: ${printable(report.file)}`);
  return lines;
}

export function requestedJson(report: RequestedCeremony, codes: Codes): object {
  return { schemaVersion: SCHEMA_VERSION, ...report, ...codesJson(codes) };
}

/** The file; with --qr the texts of the codes. */
export function requestedBrief(report: RequestedCeremony, codes: Codes): string[] {
  if (report.dryRun) return report.checked.map(({ repository }) => printable(repository));
  return [...(codes?.parts ?? [printable(report.file)])];
}

export function requestWarnings(report: RequestedCeremony): string[] {
  return report.dryRun ? [] : warningsOf(report);
}

export function requestedLines(
  report: RequestedCeremony,
  codes: Codes,
  paint: Paint,
  now: Date,
): string[] {
  if (report.dryRun) {
    return report.checked.map(
      ({ repository, server }) =>
        `${paint.cyan('-')} ${paint.bold(printable(repository))} on ${printable(server)} would be in the request`,
    );
  }
  const lines = repositories(report, paint, now);
  for (const { role, id, file } of report.createdKeys)
    lines.push(`  new ${keyName(role)} ${shortKeyId(id)}`, `    ${printable(file)}`);
  if (report.createdKeys.length > 0)
    lines.push(`  ${paint.yellow('new keys')} cannot be restored: back up their files`);
  return [
    ...lines,
    '',
    ...fingerprintLines(report),
    `Written to ${printable(report.file)}, good until ${printable(report.expires.slice(0, 10))}. Nothing is published yet.`,
    ...nextLines([
      `have it signed where the root key is:  tabellion ceremony sign ${printable(report.file)}`,
      `then, here again:                      tabellion ceremony apply ${printable(report.file)}`,
    ]),
    ...(codes?.lines ?? []),
  ];
}

export function shownJson(report: ShownCeremony, codes: Codes): object {
  return { schemaVersion: SCHEMA_VERSION, ...report, ...codesJson(codes) };
}

export function shownBrief(report: ShownCeremony, codes: Codes): string[] {
  return [...(codes?.parts ?? [report.fingerprint])];
}

export function shownWarnings(report: ShownCeremony): string[] {
  const { refusal, unknownRepositories } = report;
  const unknown = report.repositories.filter(
    ({ repository, kind }) => kind !== 'init' && unknownRepositories.includes(repository),
  );
  return [
    ...warningsOf(report),
    ...unknown.map(
      ({ repository }) =>
        `This machine has signed no root of ${repository} before: compare the thumbprints of its present root keys with what its owner wrote down`,
    ),
    ...notSignedHereWarnings(report),
    ...(refusal === undefined ? [] : [`This machine will not sign it: ${refusal.message}`]),
  ];
}

export function shownLines(report: ShownCeremony, codes: Codes, paint: Paint, now: Date): string[] {
  return [
    ...repositories(report, paint, now),
    '',
    ...fingerprintLines(report),
    ...(codes?.lines ?? []),
  ];
}

export function statusJson(report: CeremonyView): object {
  const repositoriesJson = report.repositories.map(({ repository, kind, complete, signers }) => ({
    repository,
    kind,
    complete,
    signers,
  }));
  const { id, fingerprint, complete, expires } = report;
  return {
    schemaVersion: SCHEMA_VERSION,
    ...{ id, fingerprint, expires, complete },
    repositories: repositoriesJson,
  };
}

/** IDs of the keys that have not signed where signatures are missing. */
export function statusBrief({ repositories: all }: CeremonyView): string[] {
  const lacking = all.flatMap(({ signers }) => signers.filter(({ missing }) => missing > 0));
  const ids = lacking.flatMap(({ keys }) => keys.filter(key => !key.signed).map(({ id }) => id));
  return [...new Set(ids)].map(id => printable(id));
}

export function statusLines(report: CeremonyView, paint: Paint): string[] {
  return report.repositories.flatMap((view, index) => [
    ...(index === 0 ? [] : ['']),
    paint.bold(printable(view.repository)),
    `  ${kindWords(view)}`,
    ...allSignersLines(view, paint),
  ]);
}

export function mergedLines(report: CeremonyView, file: string, paint: Paint): string[] {
  return [...statusLines(report, paint), '', `Written to ${printable(file)}`];
}

export function signedJson(report: SignedCeremony, codes: Codes): object {
  return { schemaVersion: SCHEMA_VERSION, ...report, ...codesJson(codes) };
}

export function signedBrief(report: SignedCeremony, codes: Codes): string[] {
  return [...(codes?.parts ?? [printable(report.file)])];
}

export function signedWarnings(report: SignedCeremony): string[] {
  return [
    ...(report.signedBy.length > 0
      ? []
      : [`Every root key that is here had signed it before: ${report.signedBefore.join(', ')}`]),
    ...notSignedHereWarnings(report),
  ];
}

function notSignedHereWarnings({ notSignedHere }: Pick<ShownCeremony, 'notSignedHere'>): string[] {
  return notSignedHere.map(
    gun =>
      `The present root of ${gun} names a root key that is here, which has not signed it: unless other holders of root keys did, somebody has put a key of theirs beside it. Pass no signature on before that is clear`,
  );
}

export function signedLines(report: SignedCeremony, codes: Codes, paint: Paint): string[] {
  const lines = [
    ...statusLines(report, paint),
    '',
    ...fingerprintLines(report),
    `Written to ${printable(report.file)}.`,
  ];
  const next = report.complete
    ? [`where the request was made:  tabellion ceremony apply ${printable(report.file)}`]
    : ['pass it on to the next signer: it is not enough yet'];
  return [...lines, ...nextLines(next), ...(codes?.lines ?? [])];
}

export function scannedJson(report: ScannedCeremony): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

export function scannedBrief({ file }: ScannedCeremony): string[] {
  return [printable(file)];
}

export function scannedLines(report: ScannedCeremony): string[] {
  return [...fingerprintLines(report), `Written to ${printable(report.file)}`];
}

function warningsOf({ repositories: all }: CeremonyView): string[] {
  return [...new Set(all.flatMap(({ warnings }) => warnings))];
}

function repositories(report: CeremonyView, paint: Paint, now: Date): string[] {
  return report.repositories.flatMap((view, index) => [
    ...(index === 0 ? [] : ['']),
    ...repositoryLines(view, paint, now),
  ]);
}

/** The same on all machines, whoever has signed. */
function fingerprintLines({ id, fingerprint }: Pick<CeremonyView, 'id' | 'fingerprint'>): string[] {
  return [
    `Request ${printable(id)}, fingerprint`,
    ...groupedLines(fingerprint).map(line => `        ${line}`),
  ];
}

function nextLines(steps: readonly string[]): string[] {
  return ['Next:', ...steps.map(step => `  ${step}`)];
}

function codesJson(codes: Codes): object {
  return codes === undefined ? {} : { parts: codes.parts };
}
