import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VECTORS = fileURLToPath(new URL('../../fixtures/vectors/', import.meta.url));

/**
 * Where a file or folder of the specification's vectors is on disk: `keys/store/…`, `metadata/a/…`. Give the
 * name as the specification has it; a `:` is written `%3A` on disk, so that Windows can check it out.
 */
export function vectorPath(name: string): string {
  return join(VECTORS, ...name.split('/').map(segment => segment.replaceAll(':', '%3A')));
}

/** The bytes of a vector. */
export function readVector(name: string): Buffer {
  return readFileSync(vectorPath(name));
}

/** A vector parsed as JSON, in the shape that the test knows it to have. */
export function readVectorJson<T>(name: string): T {
  return JSON.parse(readVector(name).toString('utf8')) as T;
}

/** The names in a folder of vectors as the specification has them, sorted. */
export function listVectors(name: string): string[] {
  return readdirSync(vectorPath(name)).map(originalName).sort();
}

/** Copies a folder of vectors to `target`, which is made, with the names as the specification has them. */
export function copyVectors(name: string, target: string): void {
  copyFolder(vectorPath(name), target);
}

function copyFolder(source: string, target: string): void {
  mkdirSync(target, { recursive: true });
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    const to = join(target, originalName(entry.name));
    if (entry.isDirectory()) {
      copyFolder(from, to);
    } else {
      cpSync(from, to);
    }
  }
}

function originalName(name: string): string {
  return name.replaceAll('%3A', ':');
}
