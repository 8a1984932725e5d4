import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { KeyError, UsageError } from '../../../src/errors.ts';
import {
  openSharesSlot,
  type SharesSlot,
  sharesSlot,
} from '../../../src/operations/backup/seal.ts';
import {
  combineShares,
  decodeShare,
  encodeShare,
  parseShareNumbers,
  type Share,
  shareFileText,
  splitSecret,
} from '../../../src/operations/backup/shares.ts';
import { decodeTyped, encodeTyped } from '../../../src/operations/backup/typed-bytes.ts';
import { expectFailure } from '../../support/expect-failure.ts';

const KEY = new Uint8Array(32).fill(7);
const SECRET = Uint8Array.from({ length: 16 }, (_, index) => index * 3);

let slot: SharesSlot;
let shares: Share[];
beforeAll(async () => {
  let calls = 0;
  const random = (count: number) => new Uint8Array(count).fill(++calls);
  slot = sharesSlot(KEY, SECRET, { threshold: 3, count: 5 }, random);
  shares = await splitSecret(SECRET, slot, slot.setId);
});

describe('shares', () => {
  it('open what was sealed, any three of five and in any order', async () => {
    for (const pick of [
      [0, 1, 2],
      [4, 2, 0],
      [1, 3, 4],
      [0, 1, 2, 3, 4],
    ]) {
      const typed = pick.map(index => decodeShare(encodeShare(shares[index] as Share)));
      const secret = await combineShares(typed, slot);
      expect(openSharesSlot(slot, secret)).toEqual(Buffer.from(KEY));
    }
  });

  it('are a line that can be typed: lower case, spaces, O for 0 and l for 1', () => {
    const [share] = shares as [Share];
    const line = encodeShare(share);
    expect(line).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){9}[0-9A-HJKMNP-TV-Z]{2}$/);
    const typed = line.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
    expect(decodeShare(`  ${typed}\n`)).toEqual(share);
    expect(decodeShare(shareFileText(share, 'b.tbk', '2026-11-22T00:00:00.000Z'))).toEqual(share);
  });

  it('with any one character mistyped are refused', async () => {
    const line = encodeShare(shares[0] as Share);
    for (let at = 0; at < line.length; at++) {
      for (const other of '0123456789ABCDEFGHJKMNPQRSTVWXYZ') {
        if (line[at] === '-' || line[at] === other) continue;
        const typed = line.slice(0, at) + other + line.slice(at + 1);
        await expectFailure(() => decodeShare(typed), KeyError, 'SHARE_INVALID');
      }
    }
    for (const typed of ['', line.slice(0, -1), `${line}0`, line.replace(/.$/, '€')]) {
      await expectFailure(() => decodeShare(typed), KeyError, 'SHARE_INVALID');
    }
  });

  it('that are too few, twice the same, or of another backup are told apart', async () => {
    const [a, b, c] = shares as [Share, Share, Share];
    const few = await expectFailure(combineShares([a, b], slot), KeyError, 'SHARES_TOO_FEW');
    expect(few.message).toBe('This backup needs 3 shares, and 2 were given');
    await expectFailure(combineShares([a, b, a], slot), KeyError, 'SHARE_DUPLICATE');
    const foreign = { ...c, setId: 'ffffffff' };
    await expectFailure(combineShares([a, b, foreign], slot), KeyError, 'SHARE_FOREIGN');
  });

  it('are counted sensibly', async () => {
    expect(parseShareNumbers('2/3')).toEqual({ threshold: 2, count: 3 });
    for (const text of ['1/3', '3/2', '2', '2/17', '0/0', '-2/3', '2/3/4', 'two/three']) {
      await expectFailure(() => parseShareNumbers(text), UsageError, 'SHARES_INVALID');
    }
  });
});

describe('base 32', () => {
  it('gives back any bytes, and has one text for each', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        expect(decodeTyped(encodeTyped(bytes))).toEqual(bytes);
      }),
    );
    expect(encodeTyped(Buffer.from([0xff]))).toBe('ZW');
    expect(decodeTyped('ZX')).toBeUndefined();
    expect(decodeTyped('000')).toBeUndefined();
  });
});
