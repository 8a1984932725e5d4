import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CeremonyParts, ceremonyParts } from '../../src/ceremony/ceremony-text.ts';
import { OperationError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';

function whole(lines: readonly string[]): Buffer {
  const parts = new CeremonyParts();
  for (const line of lines) parts.add(line);
  return Buffer.from(parts.file());
}

describe('a ceremony file as text', () => {
  it.each([0, 1, 2, 3, 4, 5, 249, 250, 251, 3000])('comes back whole with %i bytes', size => {
    const file = randomBytes(size);
    const parts = ceremonyParts(file);
    for (const part of parts) expect(part).toMatch(/^[A-Z0-9/]{1,430}$/);
    expect(whole(parts)).toEqual(file);
    // Scanners read codes twice and in any order, and some give lower case.
    const odd = [...parts, ...parts].reverse().map(part => `  ${part.toLowerCase()}\r`);
    expect(whole(['', ...odd])).toEqual(file);
  });

  it('tells what is missing', async () => {
    const [first = '', ...others] = ceremonyParts(randomBytes(900));
    const parts = new CeremonyParts();
    expect(parts.missing).toBeUndefined();
    for (const line of others) parts.add(line);
    expect(parts.missing).toEqual([1]);
    await expectFailure(() => parts.file(), OperationError, 'CEREMONY_PARTS_MISSING');
    parts.add(first);
    expect(parts.missing).toEqual([]);
  });

  it('never makes another file of digits that were misread', () => {
    const file = randomBytes(40);
    const [part = ''] = ceremonyParts(file);
    let refused = 0;
    for (let index = part.lastIndexOf('/') + 1; index < part.length; index++) {
      const other = part[index] === 'A' ? 'B' : 'A';
      const misread = part.slice(0, index) + other + part.slice(index + 1);
      try {
        // A few bits stand for nothing.
        expect(whole([misread])).toEqual(file);
      } catch (error) {
        expect(error).toMatchObject({ code: 'CEREMONY_PART_INVALID' });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(60);
  });

  it('refuses parts of another file, numbers out of range, and what is no part', async () => {
    const [a = '', b = ''] = [randomBytes(10), randomBytes(10)].flatMap(ceremonyParts);
    const refused = [
      [a, b],
      [a.replace('/1/1/', '/2/1/')],
      [a.replace('/1/1/', '/0/1/')],
      [a.replace('/1/1/', '/1/41/')],
      ['https://example.com/'],
      [a, a.slice(0, -1)],
    ];
    for (const lines of refused)
      await expectFailure(() => whole(lines), OperationError, 'CEREMONY_PART_INVALID');
  });

  it('shows no more codes than anybody scans', async () => {
    await expectFailure(
      () => ceremonyParts(randomBytes(12_000)),
      OperationError,
      'CEREMONY_TOO_LARGE',
    );
  });
});
