/** How the inventory of a backup is told to people: within 80 columns; `--json` has everything. */
import { printable } from '../../crypto/printable.ts';
import type {
  BackupInventory,
  InventoryKey,
  InventoryRepository,
} from '../../operations/backup/inventory.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { fitted, table } from '../table.ts';

/** Columns of the widest line. */
const WIDTH = 80;
const KEY_WIDTH = 26;
const SHORT_ID = 12;
const GAPS = 8;

/** `3 keys` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The name of a key, and its short ID. */
export function keyCells({ role, id }: { role: string; id: string }): [string, string] {
  return [fitted(keyName(role), KEY_WIDTH), shortKeyId(id)];
}

/** What a key is for: the repository, or how many there are. */
export function keyUse({ gun, trustedBy }: InventoryKey, width: number): string {
  const guns = new Set(trustedBy.map(({ repository }) => repository));
  const [only = gun] = guns;
  if (guns.size > 1) return counted(guns.size, 'repository', 'repositories');
  return only === undefined ? 'none here' : fitted(printable(only), width);
}

/** Keys and repositories as tables, and the names of records. */
export function inventoryLines(inventory: BackupInventory, { paint }: ReportStyle): string[] {
  const { keys, repositories, records } = inventory;
  const lines: string[] = [];
  if (keys.length > 0) {
    const nameWidth = Math.max(...keys.map(key => keyCells(key)[0].length));
    const width = WIDTH - nameWidth - SHORT_ID - 'WRITTEN   '.length - GAPS;
    const rows = keys.map(key => [
      ...keyCells(key),
      key.modifiedAt.slice(0, 10),
      key.encrypted
        ? keyUse(key, width)
        : paint.yellow(`not encrypted; ${keyUse(key, width - 15)}`),
    ]);
    const header = ['KEY', 'KEY ID', 'WRITTEN', 'TRUSTED BY'];
    lines.push('', ...table([header, ...rows], { header: paint.dim }));
  }
  if (repositories.length > 0) {
    const header = ['REPOSITORY', 'ROOT', 'TARGETS', 'EXPIRES', ''];
    const rows = repositories.map(repositoryCells);
    lines.push('', ...table([header, ...rows], { header: paint.dim }));
  }
  if (records.length > 0) {
    lines.push(
      '',
      paint.dim("TABELLION'S OWN RECORDS"),
      ...table(recordRows(records), { indent: 2 }),
    );
  }
  return lines;
}

/** There can be thousands: those in a folder are counted. */
function recordRows(records: BackupInventory['records']): string[][] {
  const counts = new Map<string, number>();
  for (const { name } of records) {
    const [top = name] = name.split('/');
    counts.set(top, (counts.get(top) ?? 0) + 1);
  }
  return [...counts].map(([top, count]) => [
    fitted(printable(top), WIDTH / 2),
    counted(count, 'file'),
  ]);
}

/** The date is that of the targets metadata: nobody can verify a tag after it. */
function repositoryCells({ gun, metadata, changes }: InventoryRepository): string[] {
  const find = (role: string) => metadata.find(file => file.role === role);
  const version = (role: string) => String(find(role)?.version ?? '-');
  const delegations = metadata.filter(({ role }) => role.includes('/')).length;
  const remarks = [
    delegations === 0 ? '' : counted(delegations, 'delegation'),
    changes === 0 ? '' : `${changes} staged`,
  ].filter(Boolean);
  return [
    fitted(printable(gun), 28),
    version('root'),
    version('targets'),
    printable(find('targets')?.expires?.slice(0, 10) ?? '-'),
    remarks.join(', '),
  ];
}
