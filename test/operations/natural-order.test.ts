import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { naturalOrder } from '../../src/operations/natural-order.ts';

/** Tags of few characters, so that equal and nearly equal ones are met often. */
const TAG = fc.string({ unit: fc.constantFrom('0', '1', '9', 'a', 'b', '.'), maxLength: 6 });

describe('naturalOrder', () => {
  it.each([
    // From docker (cli.md 2.4).
    [
      ['10', '009', '9', '09'],
      ['9', '09', '009', '10'],
    ],
    [
      ['v1.10', 'v1.9'],
      ['v1.9', 'v1.10'],
    ],
    [
      ['a_1', 'a.1', 'V1', 'a-1'],
      ['V1', 'a-1', 'a.1', 'a_1'],
    ],
    [
      ['rc10', 'rc2', 'rc1a'],
      ['rc1a', 'rc2', 'rc10'],
    ],
    [
      ['x001', 'x1'],
      ['x1', 'x001'],
    ],
    // At equal numbers fewer zeros decide at once, whatever follows.
    [
      ['1.01.1', '1.1.2'],
      ['1.1.2', '1.01.1'],
    ],
    [
      ['1.0-rc1', '1.0', ''],
      ['', '1.0', '1.0-rc1'],
    ],
    [
      ['99999999999999999999', '100000000000000000000'],
      ['99999999999999999999', '100000000000000000000'],
    ],
  ])('%j', (given, sorted) => {
    expect([...given].sort(naturalOrder)).toEqual(sorted);
  });

  it('is an order: antisymmetric, transitive, and equal only for equal tags', () => {
    fc.assert(
      fc.property(TAG, TAG, TAG, (a, b, c) => {
        expect(Math.sign(naturalOrder(a, b)) + Math.sign(naturalOrder(b, a))).toBe(0);
        expect(naturalOrder(a, b) === 0).toBe(a === b);
        if (naturalOrder(a, b) <= 0 && naturalOrder(b, c) <= 0) {
          expect(naturalOrder(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});
