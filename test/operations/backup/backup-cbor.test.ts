import { Encoder, Tag } from 'cbor-x';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OperationError } from '../../../src/errors.ts';
import {
  type CborValue,
  type Decoded,
  decodeCbor,
  encodeCbor,
} from '../../../src/operations/backup/backup-cbor.ts';
import { expectFailure } from '../../support/expect-failure.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

/** Maps as what they were encoded from. */
function plain(value: Decoded): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return Array.isArray(value) ? value.map(plain) : value;
}

describe('CBOR', () => {
  it('of any value is read back, and is the one that RFC 8949 calls deterministic', () => {
    const values = fc.letrec<{ value: CborValue }>(tie => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.nat(0xffffffff),
        fc.string({ unit: 'grapheme', maxLength: 400 }),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array({ maxLength: 400 }),
        fc.array(tie('value'), { maxLength: 30 }),
        fc.dictionary(fc.string({ maxLength: 40 }), tie('value'), { noNullPrototype: true }),
      ),
    })).value;
    fc.assert(
      fc.property(values, value => {
        const bytes = encodeCbor(value);
        const read = decodeCbor(bytes);
        const again = JSON.stringify(value, (_, part: unknown) =>
          part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
        );
        expect(plain(read)).toEqual(JSON.parse(again));
      }),
    );
  });

  it('of texts of any length has the shortest head', () => {
    for (let length = 0; length < 300; length++) {
      for (const letter of ['a', 'é', '漢', '🦉']) decodeCbor(encodeCbor(letter.repeat(length)));
    }
    decodeCbor(encodeCbor('é'.repeat(40_000)));
  });

  it.each([
    ['a member twice', 'a2616101616102'],
    ['members out of order', 'a2616201616102'],
    ['a member whose name is no text', 'a10102'],
    ['a tag', 'c000'],
    ['a tag that cbor-x would evaluate', 'd81b8266536574f6'],
    ['a negative number', '20'],
    ['a float', 'fb3ff0000000000000'],
    ['undefined', 'f7'],
    ['an array without end', '9f01ff'],
    ['a text in pieces', '7f6161ff'],
    ['a number that is longer than it is', '1801'],
    ['a length that is longer than it is', '580161'],
    ['a number of eight bytes', '1b0000000100000000'],
    ['text that is not UTF-8', '61ff'],
    ['a cut text', '6261'],
    ['an array of more than there is', '9affffffff'],
    ['a map of more than there is', 'baffffffff'],
    ['nothing', ''],
    ['something after the end', '0000'],
  ])('with %s is refused', async (_, bytes) => {
    await expectFailure(() => decodeCbor(hex(bytes)), OperationError, 'BACKUP_DAMAGED');
  });

  it('that is deep or endless is refused before it hurts', async () => {
    const deep = Buffer.alloc(10_000_000, 0x81);
    await expectFailure(() => decodeCbor(deep), OperationError, 'BACKUP_DAMAGED');
    const many = Buffer.concat([hex('9a00ffffff'), Buffer.alloc(0xffffff)]);
    await expectFailure(() => decodeCbor(many), OperationError, 'BACKUP_DAMAGED');
  });

  it('with records of cbor-x is refused', async () => {
    const bytes = new Encoder({ structures: [] }).encode({ a: 1 });
    await expectFailure(() => decodeCbor(bytes), OperationError, 'BACKUP_DAMAGED');
    const tagged = new Encoder().encode(new Tag('x', 27));
    await expectFailure(() => decodeCbor(tagged), OperationError, 'BACKUP_DAMAGED');
  });

  it('has no members that mean anything to JavaScript', () => {
    const read = decodeCbor(hex('a1695f5f70726f746f5f5f01'));
    expect(read).toEqual(new Map([['__proto__', 1]]));
  });
});
