// Reads the report of vitest's JSON reporter and ends with one plain line, "N passed, N failed".
// Exits with 1 when something failed, when nothing ran, or when a test with real programs was skipped.
import { readFileSync } from 'node:fs';

const { success, testResults } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const tests = testResults.flatMap(file =>
  file.assertionResults.map(test => ({ ...test, file: file.name })),
);
const passed = tests.filter(test => test.status === 'passed').length;
// A file that could not be loaded has no tests of its own, and must count all the same.
const broken = testResults.filter(
  file => file.status === 'failed' && file.assertionResults.every(test => test.status !== 'failed'),
);
const failed = tests.filter(test => test.status === 'failed').length + broken.length;
const skipped = tests.filter(test => !['passed', 'failed'].includes(test.status));
const skippedInterop = skipped.filter(test => /[\\/]test[\\/]interop[\\/]/.test(test.file));

for (const test of skipped) process.stdout.write(`skipped: ${test.fullName}\n`);
if (skippedInterop.length > 0) {
  process.stdout.write(`${skippedInterop.length} tests with real programs were skipped\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
if (!success || failed > 0 || passed === 0 || skippedInterop.length > 0) process.exitCode = 1;
