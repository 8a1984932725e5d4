/**
 * Makes one runnable file of a TypeScript program, for tests that need a process of their own.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

/** @returns the path of the program in `folder`, to be run with node */
export async function bundleProgram(entry: URL, folder: string): Promise<string> {
  const file = join(folder, 'program.mjs');
  await build({
    input: fileURLToPath(entry),
    platform: 'node',
    logLevel: 'silent',
    output: { file, format: 'esm', codeSplitting: false },
  });
  return file;
}
