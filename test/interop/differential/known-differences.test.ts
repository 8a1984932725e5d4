import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { ALL_SCENARIOS } from './scenarios/all.ts';

const DOCUMENT = new URL('../../../docs/notary-dialect.md', import.meta.url);

test('every known difference is of a step that there is, and told once', () => {
  const steps = new Set<string>();
  for (const { name, steps: own } of ALL_SCENARIOS) {
    for (const { title } of own) steps.add(`${name}/${title}`);
  }
  const places = KNOWN_DIFFERENCES.map(({ step, where }) => `${step}: ${where}`);
  expect(KNOWN_DIFFERENCES.filter(({ step }) => !steps.has(step) && !/\/end\b/.test(step))).toEqual(
    [],
  );
  expect(new Set(places).size).toBe(places.length);
});

test('every known difference has a reason that people can find', async () => {
  const headings = new Set<string>();
  for (const [, heading = ''] of (await readFile(DOCUMENT, 'utf8')).matchAll(/^##+ (.*)$/gm)) {
    headings.add(heading);
  }
  const missing = KNOWN_DIFFERENCES.filter(({ documented }) => !headings.has(documented));
  expect(missing.map(({ step, documented }) => `${step}: ${documented}`)).toEqual([]);
  expect(KNOWN_DIFFERENCES.filter(({ reason }) => reason.length < 10)).toEqual([]);
});

test('titles of steps are unique, and there are enough error cases', () => {
  for (const { name, steps } of ALL_SCENARIOS) {
    const titles = steps.map(({ title }) => title);
    expect(
      titles.filter((title, index) => titles.indexOf(title) !== index),
      name,
    ).toEqual([]);
  }
  const errors = ALL_SCENARIOS.flatMap(({ steps }) => steps.filter(({ exit }) => exit !== 0));
  expect(errors.length).toBeGreaterThan(200);
});
