import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type CeremonyRequest,
  type CeremonySignature,
  decodeCeremony,
  encodeCeremony,
  encodeRequest,
  requestFingerprint,
} from '../../src/ceremony/ceremony-file.ts';
import { OperationError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';

const REQUEST: CeremonyRequest = {
  nonce: Buffer.alloc(32, 7),
  created: '2026-11-22T00:00:00Z',
  expires: '2027-02-20T00:00:00Z',
  repositories: [
    {
      gun: 'localhost:5000/é',
      server: 'https://notary.example',
      kind: 'rotate',
      role: 'targets',
      base: Buffer.from('{"base":1}'),
      proposed: Buffer.from('{"proposed":1}'),
    },
    {
      gun: 'b',
      server: 'https://notary.example',
      kind: 'init',
      role: 'root',
      base: undefined,
      proposed: Buffer.alloc(300, 65),
    },
  ],
};
const SIGNATURE: CeremonySignature = {
  repository: 0,
  keyId: 'ab'.repeat(32),
  method: 'ecdsa',
  signature: Buffer.alloc(64, 9),
};

const fileOf = async (request: CeremonyRequest, ...signatures: CeremonySignature[]) =>
  Buffer.from(await encodeCeremony(await encodeRequest(request), signatures));

describe('a ceremony file', () => {
  it('is read as it was written', async () => {
    const other = { ...SIGNATURE, repository: 1 };
    const file = await decodeCeremony(await fileOf(REQUEST, other, SIGNATURE));
    expect(file.request).toEqual(REQUEST);
    expect(file.signatures).toEqual([SIGNATURE, other]);
    expect(Buffer.from(await encodeRequest(REQUEST)).equals(file.requestBytes)).toBe(true);
  });

  it('is the same for the same signatures, in whatever order they came', async () => {
    const other = { ...SIGNATURE, keyId: 'aa'.repeat(32) };
    expect(await fileOf(REQUEST, SIGNATURE, other)).toEqual(
      await fileOf(REQUEST, other, SIGNATURE),
    );
  });

  it('has these bytes, as the documentation says', async () => {
    const { nonce, created, expires } = REQUEST;
    const [, repository] = REQUEST.repositories;
    if (repository === undefined) throw new Error('no second repository');
    const text = (value: string) => Buffer.from([0x60 + value.length, ...Buffer.from(value)]);
    const bytes = (value: Uint8Array) => {
      const { length } = value;
      const head =
        length < 24
          ? [0x40 + length]
          : length < 256
            ? [0x58, length]
            : [0x59, length >> 8, length & 0xff];
      return Buffer.from([...head, ...value]);
    };
    const request = Buffer.concat([
      Buffer.of(0xa4),
      ...[text('nonce'), bytes(nonce), text('created'), text(created), text('expires')],
      ...[text(expires), text('repositories'), Buffer.of(0x81, 0xa6)],
      ...[text('gun'), text('b'), text('base'), Buffer.of(0xf6), text('kind'), text('init')],
      ...[text('role'), text('root'), text('server')],
      text('https://notary.example'),
      ...[text('proposed'), bytes(repository.proposed)],
    ]);
    const signatures = Buffer.of(0x80);
    const sum = createHash('sha256').update(request).update(signatures).digest();
    const file = Buffer.concat([
      ...[Buffer.of(0xa5), text('format'), Buffer.of(1), text('sha256'), bytes(sum)],
      ...[text('request'), bytes(request), text('tabellion'), text('ceremony')],
      ...[text('signatures'), bytes(signatures)],
    ]);
    // No text in it has 24 bytes, from which on the head is longer.
    expect(await fileOf({ ...REQUEST, repositories: [repository] })).toEqual(file);
    expect(requestFingerprint({ requestBytes: request })).toBe(
      createHash('sha256').update(request).digest('hex'),
    );
  });

  it('is refused when any single byte of it was changed, lost or added', async () => {
    const bytes = await fileOf(REQUEST, SIGNATURE);
    for (let index = 0; index < bytes.length; index++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const altered = Buffer.from(bytes);
        altered[index] = (altered[index] ?? 0) ^ flip;
        await expect(decodeCeremony(altered), `byte ${index}`).rejects.toMatchObject({
          code: expect.stringMatching(/^CEREMONY_(MALFORMED|DAMAGED|FORMAT_UNKNOWN)$/),
        });
      }
      const shorter = Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + 1)]);
      await expect(decodeCeremony(shorter), `without byte ${index}`).rejects.toThrow();
      await expect(decodeCeremony(bytes.subarray(0, index)), `cut at ${index}`).rejects.toThrow();
    }
    const longer = Buffer.concat([bytes, Buffer.of(0)]);
    await expectFailure(decodeCeremony(longer), OperationError, 'CEREMONY_MALFORMED');
  });

  it('of a later format says so', async () => {
    const bytes = await fileOf(REQUEST);
    bytes[8] = 2;
    const error = await expectFailure(
      decodeCeremony(bytes),
      OperationError,
      'CEREMONY_FORMAT_UNKNOWN',
    );
    expect(error.message).toContain('format 2');
  });

  it.each<[string, CeremonyRequest]>([
    ['no repository', { ...REQUEST, repositories: [] }],
    ['a short nonce', { ...REQUEST, nonce: Buffer.alloc(31) }],
    ['a date that is none', { ...REQUEST, created: '2026-13-22T00:00:00Z' }],
    ['a date in another form', { ...REQUEST, expires: '2026-11-22' }],
    [
      'a repository twice',
      { ...REQUEST, repositories: REQUEST.repositories.map(item => ({ ...item, gun: 'b' })) },
    ],
    [
      'a first root after another one',
      { ...REQUEST, repositories: REQUEST.repositories.map(item => ({ ...item, kind: 'init' })) },
    ],
    [
      'no root to begin with',
      { ...REQUEST, repositories: REQUEST.repositories.map(item => ({ ...item, kind: 'rotate' })) },
    ],
  ])('with %s is refused', async (_name, request) => {
    await expectFailure(
      decodeCeremony(await fileOf(request)),
      OperationError,
      'CEREMONY_MALFORMED',
    );
  });

  it('with a signature for nothing, or two of one key, is refused', async () => {
    for (const signatures of [[{ ...SIGNATURE, repository: 2 }], [SIGNATURE, SIGNATURE]])
      await expectFailure(
        decodeCeremony(await fileOf(REQUEST, ...signatures)),
        OperationError,
        'CEREMONY_MALFORMED',
      );
  });
});
