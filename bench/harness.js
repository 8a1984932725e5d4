// The harness of the interop tests, which is TypeScript, made loadable for plain Node.js.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Bundles modules of test/interop/support and returns their exports in one object. */
export async function loadHarness() {
  const names = [
    'ca',
    'docker-trust',
    'notary-cli',
    'notary-service',
    'programs',
    'running',
    'tabellion-cli',
    'workspace',
  ];
  const bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries(names.map(name => [name, `test/interop/support/${name}.ts`])),
    platform: 'node',
  });
  // Below node_modules, because git and the linter leave that folder alone.
  const folder = path.join(root, 'node_modules', '.cache', 'tabellion-bench');
  await bundle.write({ dir: folder, entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' });
  await bundle.close();
  const modules = await Promise.all(
    names.map(name => import(pathToFileURL(path.join(folder, `${name}.mjs`)).href)),
  );
  return Object.assign({}, ...modules);
}
