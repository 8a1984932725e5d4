import { printable } from '../../crypto/printable.ts';
import type { RemoveKeyReport } from '../../operations/keys/remove-key.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, roleName, shortKeyId } from '../key-names.ts';
import { table } from '../table.ts';

type TrustingRole = RemoveKeyReport['trusted']['roles'][number];

export function keyRemoveJson({ trusted, ...report }: RemoveKeyReport): object {
  const { roles, unreadable } = trusted;
  return { schemaVersion: SCHEMA_VERSION, ...report, neededBy: roles, unreadable };
}

export function keyRemoveBrief({ id }: RemoveKeyReport): string[] {
  return [printable(id)];
}

export function keyRemoveWarnings({ trusted }: RemoveKeyReport): string[] {
  return trusted.unreadable.map(
    ({ repository, message }) => `Whether ${repository} needs the key is unknown: ${message}`,
  );
}

export function keyRemoveLines(report: RemoveKeyReport, paint: Paint): string[] {
  const { id, role, gun, files, removed, trusted } = report;
  const name = `${keyName(role, gun)} ${shortKeyId(id)}`;
  const rows = trusted.roles.map(one => [
    printable(one.repository),
    roleName(one.role),
    remark(one, paint),
  ]);
  return [
    removed ? `Removed the ${name}` : `The ${name} would be removed`,
    ...files.map(file => `  private key  ${printable(file)}`),
    ...(rows.length === 0
      ? ['  No repository in this trust directory names it.']
      : ['  It is among the keys of:', ...table(rows, { indent: 4 })]),
  ];
}

function remark({ threshold, otherKeysHere }: TrustingRole, paint: Paint): string {
  if (otherKeysHere >= threshold) return `${count(otherKeysHere)} of this role here`;
  return otherKeysHere === 0
    ? paint.yellow('no other key of this role here')
    : paint.yellow(`${count(otherKeysHere)} here, but ${threshold} must sign`);
}

function count(keys: number): string {
  return keys === 1 ? '1 other key' : `${keys} other keys`;
}
