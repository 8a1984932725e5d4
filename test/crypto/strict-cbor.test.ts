import { describe, expect, it } from 'vitest';
import { decodeCeremony } from '../../src/ceremony/ceremony-file.ts';
import { CEREMONY_CBOR } from '../../src/ceremony/malformed.ts';
import { checkStrictCbor } from '../../src/crypto/strict-cbor.ts';
import { OperationError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';

describe('strict CBOR', () => {
  it.each([
    ['nothing', ''],
    ['a byte after the end', '0000'],
    ['a length that is not there', '5818'],
    ['a length of four gigabytes', '5affffffff'],
    ['a length of 64 bits', '5b00000000000000010a'],
    ['a list of four thousand million items', '9affffffff'],
    ['a map of four thousand million members', 'baffffffff'],
    ['a list without end', '9f00ff'],
    ['a text without end', '7f6161ff'],
    ['a map without end', 'bfff'],
    ['a number longer than need be', '1817'],
    ['a length longer than need be', '580141'],
    ['a length of 16 bits that needs 8', '590001aa'],
    ['a negative number', '20'],
    ['a tag', 'c100'],
    ['a tag for a typed array', 'd8404100'],
    ['a fraction', 'f93c00'],
    ['a double', 'fb3ff0000000000000'],
    ['true', 'f5'],
    ['undefined', 'f7'],
    ['a break', 'ff'],
    ['text that is not UTF-8', '62c328'],
    ['a name twice', 'a2616100616101'],
    ['names out of order', 'a2616200616100'],
    ['a longer name first', 'a262616100616200'],
    ['a name that is a number', 'a10000'],
    ['a name that is bytes', 'a1416100'],
    ['nesting', `${'81'.repeat(20)}00`],
    ['endless nesting', '81'.repeat(100_000)],
    ['nested maps', `${'a16161'.repeat(100_000)}00`],
  ])('refuses %s', async (_name, hex) => {
    const bytes = Buffer.from(hex, 'hex');
    await expectFailure(
      () => checkStrictCbor(bytes, CEREMONY_CBOR),
      OperationError,
      'CEREMONY_MALFORMED',
    );
    await expectFailure(decodeCeremony(bytes), OperationError, 'CEREMONY_MALFORMED');
  });

  it.each(['00', '17', '1818', '190100', '1a00010000', '40', '4100', '60', '6161', '80', '8200a0'])(
    'takes %s',
    hex => {
      expect(() => checkStrictCbor(Buffer.from(hex, 'hex'), CEREMONY_CBOR)).not.toThrow();
    },
  );
});
