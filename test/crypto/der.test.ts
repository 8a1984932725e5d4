import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DerError,
  DerReader,
  encodeBitString,
  encodeBoolean,
  encodeElement,
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
  encodeUnsignedInteger,
  TAG,
} from '../../src/crypto/der.ts';
import { OID } from '../../src/crypto/object-identifiers.ts';

const hex = (text: string): DerReader =>
  new DerReader(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('what is written is read again', () => {
  test('integers of all sizes, in the shortest form', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 600n }), value => {
        const digits = value.toString(16);
        const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
        const padded = Buffer.concat([Buffer.alloc(3), bytes]);
        for (const written of [encodeUnsignedInteger(bytes), encodeUnsignedInteger(padded)]) {
          const reader = new DerReader(written);
          expect(BigInt(`0x${Buffer.from(reader.unsignedInteger()).toString('hex')}`)).toBe(value);
          reader.end();
        }
      }),
    );
    fc.assert(
      fc.property(fc.nat(), value => {
        expect(new DerReader(encodeUnsignedInteger(value)).smallInteger()).toBe(value);
      }),
    );
  });

  test('strings of every length', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65535, 65536, 70000]) {
      const reader = new DerReader(encodeSequence(encodeOctetString(Buffer.alloc(length, 7))));
      const inner = reader.sequence();
      expect(inner.take(TAG.octetString)).toHaveLength(length);
      inner.end();
      reader.end();
    }
  });

  test('object identifiers', () => {
    for (const oid of [
      ...Object.values(OID),
      '0.0',
      '1.39',
      '2.0',
      '2.999.127.128.16383.16384.4294967295',
    ]) {
      expect(new DerReader(encodeObjectIdentifier(oid)).objectIdentifier()).toBe(oid);
    }
    expect(encodeObjectIdentifier('1.2.840.113549').toString('hex')).toBe('06062a864886f70d');
  });

  test('booleans and bit strings', () => {
    expect(new DerReader(encodeBoolean(true)).boolean()).toBe(true);
    expect(new DerReader(encodeBoolean(false)).boolean()).toBe(false);
    expect([...new DerReader(encodeBitString(Buffer.from([1, 2]))).bitString()]).toEqual([1, 2]);
    expect(encodeBitString(Buffer.from([0xa0]), 5).toString('hex')).toBe('030205a0');
  });
});

describe('strictness', () => {
  test.each<[string, string, (reader: DerReader) => unknown]>([
    ['nothing', '', r => r.element()],
    ['a tag alone', '02', r => r.element()],
    ['an indefinite length', '30 80 00 00', r => r.element()],
    ['a long form where the short one does', '04 81 01 00', r => r.element()],
    ['a long form with a zero in front', `04 82 00 80${'00'.repeat(128)}`, r => r.element()],
    ['a length of five bytes', '04 85 01 00 00 00 00', r => r.element()],
    ['a length beyond the end', '04 84 ff ff ff ff 00', r => r.element()],
    ['a length cut short', '04 82 01', r => r.element()],
    ['a tag of several bytes', '1f 81 00 00', r => r.element()],
    [
      'an inner element beyond the outer',
      '30 02 04 05 00 00 00 00 00',
      r => r.sequence().element(),
    ],
    ['another tag', '04 01 00', r => r.take(TAG.integer)],
    ['an empty integer', '02 00', r => r.unsignedInteger()],
    ['a negative integer', '02 01 80', r => r.unsignedInteger()],
    ['an integer with a needless zero', '02 02 00 7f', r => r.unsignedInteger()],
    ['an integer too large for a number', '02 07 01 00 00 00 00 00 00', r => r.smallInteger()],
    ['an empty object identifier', '06 00', r => r.objectIdentifier()],
    ['a cut object identifier', '06 02 2a 86', r => r.objectIdentifier()],
    ['an object identifier with padding', '06 03 2a 80 01', r => r.objectIdentifier()],
    ['an endless arc', `06 0a 2a ${'ff'.repeat(8)} 7f`, r => r.objectIdentifier()],
    ['bits left over', '03 02 01 00', r => r.bitString()],
    ['an empty bit string', '03 00', r => r.bitString()],
    ['a boolean of 1', '01 01 01', r => r.boolean()],
    ['bytes after the end', '05 00', r => r.end()],
  ])('%s', (_, bytes, take) => {
    expect(() => take(hex(bytes))).toThrow(DerError);
  });

  test('any bytes give an element or a DerError, and never more than there is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        const reader = new DerReader(bytes);
        let total = 0;
        try {
          while (!reader.atEnd) {
            const { tag, content, encoded } = reader.element();
            total += encoded.length;
            expect(Buffer.compare(encodeElement(tag, content), encoded)).toBe(0);
          }
          expect(total).toBe(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
