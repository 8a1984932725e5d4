#!/usr/bin/env node
import { readFileSync } from 'node:fs';

// `--version` is asked by every completion script and health check: answer before loading anything.
if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  process.stdout.write(`tabellion ${JSON.parse(manifest).version}\n`);
} else {
  const { main } = await import('../dist/cli.js');
  await main(process.argv.slice(2));
}
