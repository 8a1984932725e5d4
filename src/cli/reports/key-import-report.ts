import { printable } from '../../crypto/printable.ts';
import type { TabellionError } from '../../errors.ts';
import type { ImportedBlock, ImportKeysReport } from '../../operations/keys/import-keys.ts';
import type { Paint } from '../display.ts';
import { describeError } from '../error-report.ts';
import { EXIT, worstExitCode } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';

type ImportedFile = ImportKeysReport['files'][number];

export function keyImportJson({ privateDir, files, complete }: ImportKeysReport): object {
  return {
    schemaVersion: SCHEMA_VERSION,
    privateDir,
    complete,
    files: files.map(({ error, blocks, ...file }) => ({
      ...file,
      ...errorMember(error),
      blocks: blocks.map(({ error: blockError, ...block }) => ({
        ...block,
        ...errorMember(blockError),
      })),
    })),
  };
}

/** The keys that are in the store now. */
export function keyImportBrief({ files }: ImportKeysReport): string[] {
  const ids = files.flatMap(({ blocks }) => blocks.filter(isInStore).map(({ id = '' }) => id));
  return [...new Set(ids)].map(id => printable(id));
}

export function keyImportWarnings({ files }: ImportKeysReport): string[] {
  return files.flatMap(({ file, othersHaveAccess, blocks }) => {
    const warnings: string[] = [];
    if (blocks.some(({ reencrypted }) => reencrypted === 'new')) {
      warnings.push(`${file} holds a key that is not encrypted: remove it, or keep it safe`);
    } else if (othersHaveAccess && blocks.some(({ id }) => id !== undefined)) {
      warnings.push(`${file} is open to others than its owner`);
    }
    return warnings;
  });
}

export function keyImportOutcome({ files, complete }: ImportKeysReport): number {
  if (complete) return EXIT.done;
  const errors = files.flatMap(({ error, blocks }) => [error, ...blocks.map(one => one.error)]);
  return worstExitCode([EXIT.failed, ...errors.map(error => error?.exitCode ?? EXIT.done)]);
}

export function keyImportLines(report: ImportKeysReport, paint: Paint): string[] {
  const { files, privateDir, complete } = report;
  const count = keyImportBrief(report).length;
  const keys = count === 1 ? 'The key is' : `All ${count} keys are`;
  return [
    ...files.flatMap(file => fileLines(file, paint)),
    complete
      ? `${keys} in ${printable(privateDir)}`
      : `Nothing was imported into ${printable(privateDir)}`,
  ];
}

function fileLines({ file, blocks, error }: ImportedFile, paint: Paint): string[] {
  return [
    paint.bold(printable(file)),
    ...blocks.flatMap(block => blockLines(block, paint)),
    ...(error === undefined ? [] : errorLines('no private key', error, paint)),
  ];
}

function blockLines(block: ImportedBlock, paint: Paint): string[] {
  const { number, label, id, role, gun, status, error } = block;
  const what =
    id === undefined ? `block ${number}` : `${keyName(role ?? '', gun)} ${shortKeyId(id)}`;
  switch (status) {
    case 'stored':
    case 'replaced':
      return [`  ${paint.green('✓')} ${what} ${storedText(block)}`];
    case 'already-stored':
      return [`  ${paint.green('✓')} ${what} was there already, and keeps its passphrase`];
    case 'duplicate':
      return [`  ${paint.dim('-')} ${what} comes twice`];
    case 'ignored':
      return [`  ${paint.dim('-')} ${what}, “${printable(label)}”, is no key`];
    case 'not-stored':
      return [`  ${paint.yellow('-')} ${what} not stored, because of the rest`];
    case 'refused':
      return error === undefined ? [] : errorLines(what, error, paint);
  }
}

function storedText({ verified, reencrypted }: ImportedBlock): string {
  if (verified === false) return 'stored; locked, so that its ID was not checked';
  if (reencrypted === 'new') return 'stored, under a new passphrase';
  if (reencrypted === 'same') return 'stored, under its passphrase in a form that Notary reads';
  return 'stored';
}

function errorLines(what: string, { message, hint }: TabellionError, paint: Paint): string[] {
  const lines = [`  ${paint.red('✗')} ${what}: ${printable(message)}`];
  if (hint !== undefined) lines.push(`    hint: ${printable(hint)}`);
  return lines;
}

function errorMember(error: TabellionError | undefined): object {
  return error === undefined ? {} : { error: describeError(error) };
}

function isInStore({ status }: ImportedBlock): boolean {
  return status === 'stored' || status === 'replaced' || status === 'already-stored';
}
