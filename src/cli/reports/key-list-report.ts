import { printable } from '../../crypto/printable.ts';
import type { KeyList } from '../../operations/key-list.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { table } from '../table.ts';

type KeyEntry = KeyList['keys'][number];

export function keyListJson(report: KeyList): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

export function keyListBrief(report: KeyList): string[] {
  return report.keys.map(key => printable(key.id));
}

export function keyListLines(report: KeyList, paint: Paint): string[] {
  const directory = printable(report.privateDir);
  if (report.keys.length === 0) {
    return [`No private keys in ${directory}.`, 'Make one with: tabellion key generate NAME'];
  }
  const rows = report.keys.map(key => [
    keyName(key.role),
    shortKeyId(key.id),
    key.gun === undefined ? '' : printable(key.gun),
    remark(key, paint),
  ]);
  return [
    `Private keys in ${directory}`,
    '',
    ...table([['KEY', 'KEY ID', 'REPOSITORY', ''], ...rows], { header: paint.dim }),
  ];
}

function remark(key: KeyEntry, paint: Paint): string {
  const remarks = key.encrypted || !key.usable ? [] : [paint.yellow('not encrypted')];
  if (key.problem !== undefined) {
    remarks.push((key.usable ? paint.yellow : paint.red)(printable(key.problem)));
  }
  return remarks.join('; ');
}
