import { printable } from '../../crypto/printable.ts';
import type {
  Inventory,
  InventoryRepository,
  InventoryRole,
  KeyAtHand,
  TrustedKey,
} from '../../operations/inventory/inventory.ts';
import { dateWithDistance } from '../dates.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, roleName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { table } from '../table.ts';

export function inventoryJson(report: Inventory): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The repositories, one a line. */
export function inventoryBrief(report: Inventory): string[] {
  return report.repositories.map(({ repository }) => printable(repository));
}

export function inventoryWarnings(report: Inventory): string[] {
  return report.repositories.flatMap(({ repository, problem }) =>
    problem === undefined ? [] : [`${repository}: ${problem.message}`],
  );
}

/** Root keys with what is under each, then the repositories one by one, then keys that nobody trusts. */
export function inventoryLines(report: Inventory, style: ReportStyle): string[] {
  const { paint } = style;
  if (report.repositories.length === 0 && report.rootKeys.length === 0) {
    return [`No repositories and no root keys in ${printable(report.trustDir)}.`];
  }
  const unused =
    report.unusedKeys.length === 0
      ? []
      : ['', paint.bold('Keys that no repository here trusts'), ...unusedLines(report, style)];
  return [
    paint.bold(`Root keys in ${printable(report.trustDir)}`),
    ...report.rootKeys.flatMap(key => rootKeyLines(key, style)),
    ...report.repositories.flatMap(repository => ['', ...repositoryLines(repository, style)]),
    ...unused,
  ];
}

function rootKeyLines(
  { id, atHand, repositories }: Inventory['rootKeys'][number],
  { paint }: ReportStyle,
): string[] {
  const under = repositories.length === 0 ? 'no repository' : counted(repositories.length);
  return [
    `  ${paint.bold(shortKeyId(id))}  ${whereText(atHand, paint)}  ${paint.dim(under)}`,
    ...repositories.map(({ repository }) => `    ${printable(repository)}`),
  ];
}

function repositoryLines(repository: InventoryRepository, style: ReportStyle): string[] {
  const { paint, now } = style;
  const from = repository.from === 'server' ? 'from' : 'as last seen from';
  const when =
    repository.checkedAt === undefined
      ? ''
      : `, ${dateWithDistance(new Date(repository.checkedAt), now)}`;
  const server = repository.serverKnown
    ? `${from} ${printable(repository.server)}${when}`
    : `its server is not noted${when}`;
  const lines = [paint.bold(printable(repository.repository)), `  ${paint.dim(server)}`];
  const state = stateText(repository, paint);
  if (state !== undefined) lines.push(`  ${state}`);
  if (repository.roles.length === 0) return lines;
  const rows = repository.roles.flatMap(role => roleRows(role, style));
  const header = ['ROLE', 'KEY', 'PRIVATE KEY', 'VERSION', 'VALID UNTIL'];
  return [...lines, ...table([header, ...rows], { indent: 2, header: paint.dim })];
}

function stateText(
  { state }: InventoryRepository,
  paint: ReportStyle['paint'],
): string | undefined {
  switch (state) {
    case 'verified':
      return undefined;
    case 'expired':
      return paint.red('expired: nobody can use it until it is renewed');
    case 'unpublished':
      return paint.yellow('made on this machine, never read from a server');
    case 'partial':
      return paint.yellow('only in part: the copy on this machine is incomplete');
    case 'unreadable':
      return paint.red('cannot be read');
  }
}

function roleRows(role: InventoryRole, style: ReportStyle): string[][] {
  const { paint, now } = style;
  const threshold = role.threshold > 1 ? ` (${role.threshold} must sign)` : '';
  const until = role.expires === undefined ? '' : dateWithDistance(new Date(role.expires), now);
  const keys: readonly (TrustedKey | undefined)[] =
    role.keys.length === 0 ? [undefined] : role.keys;
  return keys.map((key, index) => [
    index === 0 ? `${roleName(role.role)}${threshold}` : '',
    key === undefined ? 'none' : shortKeyId(key.id),
    key === undefined ? '' : keyPlace(role.role, key.atHand, paint),
    index === 0 && role.version !== undefined ? String(role.version) : '',
    index > 0 ? '' : role.expired ? paint.red(`${until}, expired`) : until,
  ]);
}

/** The server keeps the timestamp's key, and often the snapshot's: that they are not here is no loss. */
function keyPlace(
  role: string,
  atHand: KeyAtHand | undefined,
  paint: ReportStyle['paint'],
): string {
  const isServers = role === 'timestamp' || role === 'snapshot';
  return atHand === undefined && isServers ? paint.dim('not here') : whereText(atHand, paint);
}

function whereText(atHand: KeyAtHand | undefined, paint: ReportStyle['paint']): string {
  if (atHand === undefined) return paint.yellow('not here');
  if (atHand.form === 'encrypted') return paint.green('here');
  return atHand.form === 'unusable'
    ? paint.red('here, but cannot be used')
    : paint.yellow('here, not encrypted');
}

function unusedLines({ unusedKeys }: Inventory, { paint }: ReportStyle): string[] {
  const rows = unusedKeys.map(({ id, role, gun, ...atHand }) => [
    shortKeyId(id),
    keyName(role, gun),
    whereText({ role, ...atHand }, paint),
  ]);
  return table(rows, { indent: 2 });
}

function counted(repositories: number): string {
  return repositories === 1 ? '1 repository' : `${repositories} repositories`;
}
