import { printable } from '../../crypto/printable.ts';
import type { InspectResult } from '../../operations/inspect.ts';
import { naturalOrder } from '../../operations/natural-order.ts';
import { dateWithDistance, expiryState } from '../dates.ts';
import { errorLines } from '../error-report.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { table } from '../table.ts';
import { treeLines } from '../tree.ts';
import { originText } from './origin.ts';

const BANNER = 'EXPIRED: nothing of this is trusted any more, until its owner renews it';

export interface InspectReport {
  readonly images: readonly InspectResult[];
}

/**
 * Docker's array, member for member and in its order, each object with ours under `tabellion`. An
 * image that could not be read has its name and the error only: no list of tags that looks empty.
 */
export function inspectJson(report: InspectReport): object[] {
  return report.images.map(({ dockerJson, ...ours }) => {
    if (ours.error === undefined) {
      return { ...dockerJson, tabellion: { schemaVersion: SCHEMA_VERSION, ...ours } };
    }
    if (ours.expired === true) {
      return { Name: dockerJson.Name, tabellion: { schemaVersion: SCHEMA_VERSION, ...ours } };
    }
    const { image, repository, error, exitCode, warnings } = ours;
    return {
      Name: dockerJson.Name,
      tabellion: { schemaVersion: SCHEMA_VERSION, image, repository, error, exitCode, warnings },
    };
  });
}

/** The signed tags as references. */
export function inspectBrief(report: InspectReport): string[] {
  return report.images
    .filter(image => image.error === undefined)
    .flatMap(image => sortedTags(image).map(row => printable(`${image.repository}:${row.tag}`)));
}

/** What went wrong, for stderr. */
export function inspectErrors(report: InspectReport): string[] {
  return report.images.flatMap(({ image, error, platformDigests }) => {
    if (error !== undefined) {
      return errorLines({ ...error, message: `${image}: ${error.message}` });
    }
    // One sentence for all tags that fail alike.
    const failures = new Map(
      (platformDigests?.tags ?? []).flatMap(tag =>
        tag.error === undefined ? [] : [[tag.error.message, tag.error] as const],
      ),
    );
    return [...failures.values()].flatMap(errorLines);
  });
}

/** One section for each image that could be read, also where it has expired. */
export function inspectLines(report: InspectReport, style: ReportStyle): string[] {
  return report.images
    .filter(image => image.error === undefined || image.expired === true)
    .flatMap((image, index) => [...(index === 0 ? [] : ['']), ...imageLines(image, style)]);
}

function imageLines(image: InspectResult, style: ReportStyle): string[] {
  const { paint } = style;
  return [
    ...(image.expired === true ? expiredBanner(style) : []),
    paint.bold(printable(image.image)),
    ...(image.trustData
      ? [`${paint.dim('trust data')}  ${originText(image.trustData, style)}`]
      : []),
    '',
    ...tagLines(image, style),
    ...platformLines(image, style),
    ...signerLines(image, style),
    '',
    ...roleLines(image, style),
    '',
    ...administrativeLines(image, style),
  ];
}

/** Nobody shall take what follows for trusted. */
function expiredBanner({ paint }: ReportStyle): string[] {
  const rule = '!'.repeat(BANNER.length + 8);
  return [rule, `!!  ${BANNER}  !!`, rule].map(line => paint.red(paint.bold(line)));
}

function tagLines(image: InspectResult, { paint }: ReportStyle): string[] {
  if (image.signedTags.length === 0) return ['No signed tags.'];
  const rows = sortedTags(image).map(row => [
    printable(row.tag),
    printable(row.digest.replace(/^sha256:/, '')),
    row.signers.map(printable).join(', '),
  ]);
  return table([['SIGNED TAG', 'DIGEST (SHA256)', 'SIGNERS'], ...rows], { header: paint.dim });
}

function sortedTags(image: InspectResult): InspectResult['signedTags'] {
  return [...image.signedTags].sort((a, b) => naturalOrder(a.tag, b.tag));
}

/** What machines of the platform that was asked for run, beside what is signed. */
function platformLines(image: InspectResult, { paint }: ReportStyle): string[] {
  const { platformDigests } = image;
  if (platformDigests === undefined || platformDigests.tags.length === 0) return [];
  const { platform, tags } = platformDigests;
  const rows = [...tags]
    .sort((a, b) => naturalOrder(a.tag, b.tag))
    .map(row => [
      printable(row.tag),
      row.digest === undefined
        ? paint.red('none')
        : row.digest.replace(/^sha256:/, '') +
          (row.platform === platform ? '' : ` (${row.platform})`),
    ]);
  const header = ['TAG', `DIGEST FOR ${platform}`];
  return ['', ...table([header, ...rows], { header: paint.dim })];
}

function signerLines(image: InspectResult, { paint }: ReportStyle): string[] {
  if (image.signers.length === 0) return [];
  const rows = [...image.signers]
    .sort((a, b) => naturalOrder(a.name, b.name))
    .map(signer => [
      printable(signer.name),
      keysText(
        signer.keys.map(key => key.id),
        signer.threshold,
      ),
      pathsText(signer.paths),
    ]);
  return ['', ...table([['SIGNER', 'KEYS', 'MAY SIGN'], ...rows], { header: paint.dim })];
}

/** The roles as the tree in which each vouches for those below it. */
function roleLines(image: InspectResult, style: ReportStyle): string[] {
  const { paint } = style;
  const root = image.roles.find(({ role }) => role === 'root');
  if (root === undefined) return [];
  const lines = treeLines(root, parent =>
    image.roles.filter(child => parentOf(child.role) === parent.role),
  );
  const rows = lines.map(({ branches, node }) => [
    // Below its parent a role needs the last part of its name only.
    branches + printable(node.role.split('/').at(-1) ?? ''),
    String(node.version),
    expiryText(node, style),
    keysText(node.keyIds, node.threshold),
  ]);
  return table([['ROLE', 'VERSION', 'VALID UNTIL', 'KEYS'], ...rows], { header: paint.dim });
}

/** The role that vouches for this one: by name, as the TUF dialect of Notary nests them. */
function parentOf(role: string): string | undefined {
  if (role === 'root') return undefined;
  const slash = role.lastIndexOf('/');
  return slash === -1 ? 'root' : role.slice(0, slash);
}

function expiryText(role: InspectResult['roles'][number], { paint, now }: ReportStyle): string {
  const expires = new Date(role.expires);
  const text = dateWithDistance(expires, now);
  const state = expiryState(expires, now);
  if (state === 'expired') return paint.red(`${text}, expired`);
  // A timestamp lives for days by design; the server renews it without anybody's help.
  if (state === 'soon' && role.role !== 'timestamp') return paint.yellow(text);
  return text;
}

function administrativeLines(image: InspectResult, style: ReportStyle): string[] {
  const { paint } = style;
  const rows = image.administrativeKeys.flatMap(({ name, keys }) =>
    keys.map(key => [
      `${name} key`,
      shortKeyId(key.id),
      key.certificateId === undefined ? '' : shortKeyId(key.certificateId),
      key.notAfter === undefined ? '' : dateWithDistance(new Date(key.notAfter), style.now),
    ]),
  );
  return table([['ADMINISTRATIVE KEY', 'KEY ID', 'CERTIFICATE', 'VALID UNTIL'], ...rows], {
    header: paint.dim,
  });
}

function keysText(ids: readonly string[], threshold: number): string {
  const keys = ids.map(shortKeyId).join(', ');
  return threshold > 1 ? `${threshold} of: ${keys}` : keys;
}

/** Paths are prefixes of tags; the empty one lets everything through. */
function pathsText(paths: readonly string[]): string {
  if (paths.includes('')) return 'every tag';
  if (paths.length === 0) return 'no tag';
  return paths.map(path => `${printable(path)}*`).join(', ');
}
