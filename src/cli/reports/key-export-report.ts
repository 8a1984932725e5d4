import { printable } from '../../crypto/printable.ts';
import type { ExportKeysReport } from '../../operations/keys/export-keys.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { table } from '../table.ts';

/** Without the keys themselves, which are in the file. */
export function keyExportJson({ file, keys, skipped }: ExportKeysReport): object {
  return { schemaVersion: SCHEMA_VERSION, file, keys, skipped };
}

export function keyExportBrief({ keys }: ExportKeysReport): string[] {
  return keys.map(({ id }) => printable(id));
}

export function keyExportWarnings({ keys, skipped }: ExportKeysReport): string[] {
  return [
    ...keys
      .filter(({ encrypted }) => !encrypted)
      .map(({ id, role }) => `The ${keyName(role)} ${shortKeyId(id)} is not encrypted`),
    ...skipped.map(
      ({ path, problem = 'it holds no private key' }) => `${path} was not exported: ${problem}`,
    ),
  ];
}

export function keyExportLines(
  { file = '', keys, skipped }: ExportKeysReport,
  paint: Paint,
): string[] {
  const count = keys.length === 1 ? '1 key' : `${keys.length} keys`;
  const others = skipped.length === 1 ? '1 file' : `${skipped.length} files`;
  const rows = keys.map(({ id, role, gun }) => [
    keyName(role),
    shortKeyId(id),
    gun === undefined ? '' : printable(gun),
  ]);
  return [
    `Exported ${count} to ${printable(file)}`,
    ...table(rows, { indent: 2 }),
    ...(skipped.length === 0
      ? []
      : [`${paint.red('✗')} ${others} in the key store could not be exported`]),
  ];
}
