import { printable } from '../../crypto/printable.ts';
import type { KeyRotation } from '../../operations/rotate.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';

type RotatedKey = KeyRotation['oldKeys'][number];

export function rotateJson(report: KeyRotation): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The IDs of the new keys. */
export function rotateBrief(report: KeyRotation): string[] {
  return report.newKeys.map(({ id }) => printable(id));
}

export function rotateLines(report: KeyRotation, paint: Paint): string[] {
  const { dryRun, role, managedBy } = report;
  const name = keyName(role);
  const lines = [paint.bold(printable(report.repository))];
  const by = managedBy === 'server' ? ', kept by the server' : '';
  lines.push(
    dryRun
      ? `  ${paint.cyan('-')} the ${name} would be replaced${managedBy === 'server' ? ' by one that the server keeps' : ''}`
      : `  ${paint.green('✓')} the ${name} was replaced${by}`,
  );
  for (const key of report.oldKeys) lines.push(...oldKeyLines(report, key));
  for (const key of report.newKeys) {
    lines.push(`  new  ${shortKeyId(key.id)}`);
    if (key.file !== undefined) lines.push(`       ${printable(key.file)}`);
  }
  if (report.resignedTargets > 0) {
    const count = `${report.resignedTargets} target${report.resignedTargets === 1 ? '' : 's'}`;
    lines.push(
      `  ${count} of the repository ${dryRun ? 'would be' : report.resignedTargets === 1 ? 'was' : 'were'} signed again as ${report.resignedTargets === 1 ? 'it is' : 'they are'}`,
    );
  }
  if (!dryRun && report.createdKeys.length > 0)
    lines.push(`  ${paint.yellow('new keys')} cannot be restored: back up their files`);
  if (!dryRun) lines.push(`  published to ${printable(report.server)}`);
  return lines;
}

function oldKeyLines(report: KeyRotation, { id, file }: RotatedKey): string[] {
  const lines = [`  old  ${shortKeyId(id)}`];
  if (report.removedKeys.includes(id)) lines.push('       its file was removed');
  else if (file !== undefined)
    lines.push(`       ${printable(file)} ${report.dryRun ? 'stays' : 'is still there'}`);
  return lines;
}
