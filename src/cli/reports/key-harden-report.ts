import { printable } from '../../crypto/printable.ts';
import { ROUNDS_VARIABLE } from '../../keys/key-strength.ts';
import type { HardenedKey, HardenKeysReport } from '../../operations/keys/key-harden.ts';
import type { Paint } from '../display.ts';
import { errorLines } from '../error-report.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';

export function keyHardenJson({ exitCode: _, ...report }: HardenKeysReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** IDs of the keys whose files are (or would be) new. */
export function keyHardenBrief({ keys }: HardenKeysReport): string[] {
  return keys
    .filter(({ status }) => status === 'hardened' || status === 'would-harden')
    .map(({ id }) => printable(id));
}

/** What went wrong, for stderr. */
export function keyHardenErrors({ keys }: HardenKeysReport): string[] {
  return keys.flatMap(key =>
    key.error === undefined
      ? []
      : errorLines({ ...key.error, message: `${nameOf(key)}: ${key.error.message}` }),
  );
}

/** What to ask before files are changed; undefined when there is nothing to do. */
export function keyHardenQuestion({ keys }: HardenKeysReport): string | undefined {
  const count = keys.filter(({ status }) => status === 'would-harden').length;
  if (count === 0) return undefined;
  return count === 1 ? 'Encrypt this key file anew?' : `Encrypt these ${count} key files anew?`;
}

export function keyHardenLines(report: HardenKeysReport, paint: Paint): string[] {
  if (report.keys.length === 0) return ['There are no private keys.'];
  return report.keys.flatMap(key => keyLines(key, report, paint));
}

function keyLines(key: HardenedKey, report: HardenKeysReport, paint: Paint): string[] {
  const name = nameOf(key);
  switch (key.status) {
    case 'hardened':
      return [
        `${paint.green('✓')} ${name} hardened`,
        `  ${before(key)}, now ${rounds(key.iterations)}`,
      ];
    case 'would-harden':
      return [
        `${paint.cyan('+')} ${name} would be hardened`,
        `  ${before(key)}, then at least ${rounds(report.targetIterations)}`,
      ];
    case 'strong':
      return [
        key.strengthBefore === 'strong'
          ? `${paint.dim('=')} ${name} is strong, nothing to do`
          : `${paint.dim('=')} ${name} is ${key.strengthBefore}, but has as many rounds as ${ROUNDS_VARIABLE} asks for`,
      ];
    case 'failed': {
      const { message = '', hint } = key.error ?? {};
      return [
        `${paint.red('✗')} ${name} not hardened`,
        `  ${printable(message)}`,
        ...(hint === undefined ? [] : [`    hint: ${printable(hint)}`]),
      ];
    }
  }
}

function nameOf({ role, gun, id }: HardenedKey): string {
  return `${keyName(role, gun)} ${shortKeyId(id)}`;
}

function before({ iterationsBefore }: HardenedKey): string {
  return iterationsBefore === undefined
    ? 'was in the old encryption of OpenSSL'
    : `had ${rounds(iterationsBefore)}`;
}

/** `1,300,000 rounds` */
function rounds(count = 0): string {
  return `${count.toLocaleString('en-GB')} rounds`;
}
