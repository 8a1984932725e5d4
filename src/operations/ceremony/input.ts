/** Ceremony files from disk: read, merged, and judged by what holds on every machine. */
import { lstat } from 'node:fs/promises';
import {
  CEREMONY_SIZE_LIMIT,
  type CeremonyFile,
  type CeremonySignature,
  decodeCeremony,
  encodeCeremony,
} from '../../ceremony/ceremony-file.ts';
import { printable } from '../../crypto/printable.ts';
import { OperationError, TabellionError } from '../../errors.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { readInputFile } from '../read-input-file.ts';

/**
 * Reads one or more files of one request and puts their signatures together.
 * @throws OperationError `FILE_NOT_READABLE`, `CEREMONY_MALFORMED`, `CEREMONY_DAMAGED`, `CEREMONY_FORMAT_UNKNOWN`,
 *   `CEREMONY_MIXED` for files of different requests
 */
export async function readCeremonies(paths: readonly string[]): Promise<CeremonyFile> {
  const files: CeremonyFile[] = [];
  for (const path of paths) files.push(await readCeremony(path));
  const [first, ...others] = files;
  if (first === undefined) throw new RangeError('no file');
  for (const [index, other] of others.entries()) {
    if (Buffer.from(first.requestBytes).equals(other.requestBytes)) continue;
    throw new OperationError(
      'CEREMONY_MIXED',
      `${printable(paths[index + 1] ?? '')} is an answer to another request than ${printable(paths[0] ?? '')}`,
      { hint: 'Give the answers to one request at a time.' },
    );
  }
  return { ...first, signatures: mergedSignatures(files.flatMap(({ signatures }) => signatures)) };
}

async function readCeremony(path: string): Promise<CeremonyFile> {
  const { content } = await readInputFile(path, CEREMONY_SIZE_LIMIT);
  try {
    return await decodeCeremony(content);
  } catch (error) {
    throw error instanceof TabellionError ? error.noting({ file: path }) : error;
  }
}

/** One signature of each key: a second one by the same key says no more. */
export function mergedSignatures(signatures: readonly CeremonySignature[]): CeremonySignature[] {
  return [
    ...new Map(signatures.map(entry => [`${entry.repository} ${entry.keyId}`, entry])).values(),
  ];
}

/**
 * Checks that a request may still be signed and published.
 * @throws OperationError `CEREMONY_EXPIRED`
 */
export function checkAge({ request }: CeremonyFile, now: Date): void {
  if (Date.parse(request.expires) > now.getTime()) return;
  throw new OperationError(
    'CEREMONY_EXPIRED',
    `The request of ${request.created} was good until ${request.expires}`,
    { hint: 'Have a new request made, or check the clock of this machine.' },
  );
}

/**
 * Checks, before anything is made, that a new file can take this name.
 * @throws OperationError `FILE_EXISTS`
 */
export async function checkNewFile(path: string): Promise<void> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new OperationError(
    'FILE_EXISTS',
    `${printable(path)} exists already; it was not overwritten`,
    { hint: 'Choose another name.', details: { path } },
  );
}

/** Writes a ceremony file whole. @throws OperationError `FILE_NOT_WRITABLE` | `DISK_FULL` */
export async function writeCeremony(
  path: string,
  { requestBytes, signatures }: Pick<CeremonyFile, 'requestBytes' | 'signatures'>,
): Promise<Uint8Array> {
  const bytes = await encodeCeremony(requestBytes, signatures);
  await writeFileAtomic(path, bytes);
  return bytes;
}
