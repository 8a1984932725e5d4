import { printable } from '../../crypto/printable.ts';
import type { VerifyResult } from '../../operations/verify.ts';
import { dateWithDistance } from '../dates.ts';
import { errorLines } from '../error-report.ts';
import { EXIT } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import type { ReportStyle } from '../report-style.ts';
import { table } from '../table.ts';
import { originText } from './origin.ts';

export interface VerifyReport {
  readonly images: readonly VerifyResult[];
}

export function verifyJson(report: VerifyReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** `repository@digest` of each trusted image: what a pull by digest takes. */
export function verifyBrief(report: VerifyReport): string[] {
  return report.images
    .filter(image => image.exitCode === 0 && image.trusted)
    .map(image => `${printable(image.repository)}@${printable(image.digest)}`);
}

/** What is wrong with each image that did not pass, for stderr. */
export function verifyErrors(report: VerifyReport): string[] {
  return report.images
    .filter(image => image.exitCode !== 0)
    .flatMap(image => {
      const message = image.error?.message ?? 'Not trusted';
      return errorLines({ ...image.error, message: `${image.image}: ${message}` });
    });
}

/** One block for each image: the verdict first, then what it rests on. */
export function verifyLines(report: VerifyReport, style: ReportStyle): string[] {
  const told = new Set<string>();
  return report.images.flatMap((image, index) => {
    // Images of one repository share its warnings.
    const warnings = image.warnings.filter(warning => !told.has(warning));
    for (const warning of warnings) told.add(warning);
    return [...(index === 0 ? [] : ['']), ...imageLines({ ...image, warnings }, style)];
  });
}

function imageLines(image: VerifyResult, style: ReportStyle): string[] {
  const { paint } = style;
  const lines = [`${verdict(image, style)}  ${paint.bold(printable(image.image))}`];
  if (image.error !== undefined) {
    lines.push(`  ${printable(image.error.message)}`);
    if (image.error.hint !== undefined) lines.push(`  hint: ${printable(image.error.hint)}`);
  }
  if (image.lastSigned !== undefined) {
    const { digest, signedBy } = image.lastSigned;
    const was = `before it expired: ${printable(digest)} by ${signersText(signedBy)}`;
    lines.push(`  ${paint.dim(was)}`);
  }
  // What nobody is known to have signed has no facts to be told.
  if (image.signedBy.length > 0) {
    lines.push(`  ${printable(image.digest)}`);
    lines.push(...table(facts(image, style), { indent: 2 }));
  }
  for (const warning of image.warnings) {
    lines.push(`  ${paint.yellow('warning:')} ${printable(warning)}`);
  }
  return lines;
}

/** A finding against the image is one thing, an obstacle on the way to a finding another. */
function verdict(image: VerifyResult, { paint }: ReportStyle): string {
  if (image.trusted && image.exitCode === EXIT.done) return paint.green('✓ trusted');
  return paint.red(image.exitCode === EXIT.untrusted ? '✗ not trusted' : '✗ not verified');
}

function facts(image: VerifyResult, style: ReportStyle): string[][] {
  const rows = [['signed by', signersText(image.signedBy)]];
  if (image.validUntil) {
    rows.push(['valid until', dateWithDistance(new Date(image.validUntil), style.now)]);
  }
  if (image.trustData) rows.push(['trust data', originText(image.trustData, style)]);
  rows.push(['registry', registryText(image.registry, style)]);
  return rows;
}

/** The role `releases` is where signed tags are gathered; it is a signer only if nobody else is. */
function signersText(signedBy: VerifyResult['signedBy']): string {
  const persons = signedBy.filter(({ role }) => role !== 'targets/releases');
  return (persons.length > 0 ? persons : signedBy).map(({ name }) => printable(name)).join(', ');
}

function registryText(registry: VerifyResult['registry'], { paint }: ReportStyle): string {
  const because = registry.message === undefined ? '' : `: ${printable(registry.message)}`;
  switch (registry.status) {
    case 'matches':
      return 'serves this digest';
    case 'moved':
      return paint.red(`serves another digest, ${printable(registry.digest ?? 'unknown')}`);
    case 'absent':
      return paint.yellow('does not have this image');
    case 'unreachable':
      return paint.yellow(`could not be asked${because}`);
    case 'skipped':
      return 'not asked';
  }
}

/** The warnings about all images, each once. */
export function verifyWarnings(report: VerifyReport): string[] {
  return [...new Set(report.images.flatMap(image => image.warnings))];
}
