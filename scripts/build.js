// Bundles the command and the library into dist/, and writes the type declarations beside them.
// Bundled because start-up time is dominated by the number of modules Node.js has to open.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const { dependencies, version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));

rmSync(`${root}/dist`, { recursive: true, force: true });
const bundle = await rolldown({
  cwd: root,
  input: { cli: 'src/cli/main.ts', index: 'src/index.ts' },
  platform: 'node',
  external: [/^node:/, ...Object.keys(dependencies).map(name => new RegExp(`^${name}(/|$)`))],
  transform: { define: { __TABELLION_VERSION__: JSON.stringify(version) } },
});
await bundle.write({
  dir: `${root}/dist`,
  format: 'esm',
  sourcemap: true,
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], {
  cwd: root,
  stdio: 'inherit',
});
