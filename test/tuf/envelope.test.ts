import { describe, expect, it } from 'vitest';
import { canonicalJson, type JsonValue } from '../../src/crypto/canonical-json.ts';
import { TrustError } from '../../src/errors.ts';
import { type Envelope, openEnvelope } from '../../src/tuf/envelope.ts';
import { verifySignatures } from '../../src/tuf/verify-signatures.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  envelopeOf,
  MetadataSimulator,
  newKey,
  SimulatedClient,
  signatureOf,
  type Tampering,
} from '../support/metadata-simulator.ts';

const KEY = newKey();

function verified(file: string | Uint8Array): Envelope {
  const envelope = openEnvelope(Buffer.from(file as string), 'targets');
  const roleKeys = { keyIds: [KEY.id], threshold: 1 };
  verifySignatures(envelope, 'targets', roleKeys, new Map([[KEY.id, KEY.publicKey]]));
  return envelope;
}

/** A file that says `text`, signed over the canonical form of `value`. */
function fileOf(text: string, value: JsonValue): Buffer {
  return envelopeOf(text, [signatureOf(KEY, canonicalJson(value))]);
}

const malformed = (file: string | Uint8Array) =>
  expectFailure(
    () => openEnvelope(Buffer.from(file as string), 'targets'),
    TrustError,
    'METADATA_MALFORMED',
  );

const SIGNATURES = '"signatures":[]';

describe('an envelope', () => {
  it.each<[string, string]>([
    ['pretty-printed', JSON.stringify({ signed: { a: 1, b: [2, {}] }, signatures: [] }, null, 3)],
    ['with its members in another order', `{${SIGNATURES},"signed":{"a":1,"b":[2,{}]}}`],
    ['with the payload’s members in another order', `{"signed":{"b":[2,{}],"a":1},${SIGNATURES}}`],
    ['with escapes that are not needed', `{"signed":{"\\u0061":1,"b":[2,{}]},${SIGNATURES}}`],
    ['with space around it', ` \r\n\t{"signed":{"a":1,"b":[2,{}]},${SIGNATURES}} \n`],
  ])('%s is read over its canonical form', (_, text) => {
    const { signed, message } = openEnvelope(Buffer.from(text), 'targets');
    expect(signed).toEqual({ a: 1, b: [2, {}] });
    expect(Buffer.from(message).toString()).toBe('{"a":1,"b":[2,{}]}');
  });

  it.each<[string, string]>([
    ['empty', ''],
    ['cut by one byte', `{"signed":{},${SIGNATURES}`],
    ['of HTML', '<!DOCTYPE html><html>'],
    ['of a list', '[]'],
    ['of null', 'null'],
    ['without “signed”', `{${SIGNATURES}}`],
    ['without “signatures”', '{"signed":{}}'],
    ['with “signed” null', `{"signed":null,${SIGNATURES}}`],
    ['with “signed” null, spaced', `{"signed": null,${SIGNATURES}}`],
    ['with “signed” a list', `{"signed":[],${SIGNATURES}}`],
    ['with “signatures” an object', '{"signed":{},"signatures":{}}'],
    ['with “signatures” null', '{"signed":{},"signatures":null}'],
    ['with something after it', `{"signed":{},${SIGNATURES}}{}`],
    ['with “signed” twice', `{"signed":{},${SIGNATURES},"signed":{}}`],
    ['with “signed” twice at once', `{"signed":{},"signed":{},${SIGNATURES}}`],
    ['with “signed” twice, once escaped', `{"signed":{},${SIGNATURES},"s\\u0069gned":{}}`],
    ['with “signatures” twice', `{"signed":{},${SIGNATURES},${SIGNATURES}}`],
    ['with “Signed” beside “signed”', `{"signed":{},${SIGNATURES},"Signed":{}}`],
    ['with “ſigned” beside “signed”', `{"signed":{},${SIGNATURES},"ſigned":{}}`],
    ['with “SIGNATURES” beside “signatures”', `{"signed":{},${SIGNATURES},"SIGNATURES":[]}`],
    ['with a comma too many', `{"signed":{},${SIGNATURES},}`],
    ['with a comma too few', `{"signed":{}${SIGNATURES}}`],
    ['with a comment', `{"signed":{},/**/${SIGNATURES}}`],
    ['with a raw control character', `{"signed":{"a":"\n"},${SIGNATURES}}`],
    ['with an escape that does not exist', `{"signed":{"a":"\\x41"},${SIGNATURES}}`],
    ['with a string that does not end', '{"signed":{"a":"b'],
    ['with a byte order mark', `\ufeff{"signed":{},${SIGNATURES}}`],
    ['with a space that JSON does not know', `{"signed":\u00a0{},${SIGNATURES}}`],
  ])('%s is refused', async (_, text) => {
    await malformed(text);
  });

  it('with members that nobody signed is read without them', () => {
    const { signed } = openEnvelope(
      Buffer.from(`{"signed":{"a":1},${SIGNATURES},"abc":"xyz"}`),
      'targets',
    );
    expect(signed).toEqual({ a: 1 });
  });

  it('with more signatures than anybody needs is refused before one is tried', async () => {
    const list = Array.from({ length: 257 }, () => ({ keyid: KEY.id, method: 'ecdsa', sig: '' }));
    await malformed(envelopeOf('{}', list));
  });

  it.each<[string, JsonValue]>([
    ['null', null],
    ['a text', 'x'],
    ['without a key ID', { method: 'ecdsa', sig: '' }],
    ['with a number as method', { keyid: '', method: 1, sig: '' }],
    ['in base64 of URLs', { keyid: '', method: '', sig: 'ab-_' }],
    ['without padding', { keyid: '', method: '', sig: 'abc' }],
    ['with padding in the middle', { keyid: '', method: '', sig: 'a===' }],
    ['with a line break', { keyid: '', method: '', sig: 'abcd\nabc' }],
    ['with “keyID” for “keyid”', { keyid: '', method: '', sig: '', keyID: '' }],
  ])('with a signature that is %s is refused', async (_, signature) => {
    await malformed(envelopeOf('{}', [signature]));
  });
});

describe('a payload', () => {
  it.each<[string, string]>([
    ['one member twice', '{"version":1,"version":2}'],
    ['one member twice, once escaped', '{"version":1,"vers\\u0069on":2}'],
    ['one member twice deep inside', '{"a":[{"b":{"c":1,"c":1}}]}'],
    ['`__proto__` twice', '{"__proto__":1,"__proto__":2}'],
    ['two names that are one once repaired', '{"\\ud800":1,"\\ud801":2}'],
    ['a fraction', '{"a":1.5}'],
    ['a number with a point', '{"a":1.0}'],
    ['a number with an exponent', '{"a":1e3}'],
    ['a number that a float cannot hold', '{"a":9007199254740993}'],
    ['a huge number', `{"a":1${'0'.repeat(400)}}`],
    ['a number with a leading zero', '{"a":01}'],
    ['a number with a plus', '{"a":+1}'],
    ['NaN', '{"a":NaN}'],
    ['Infinity', '{"a":-Infinity}'],
    ['too many levels', '{"a":'.repeat(65) + '1' + '}'.repeat(65)],
    ['endless lists', '{"a":' + '['.repeat(100_000)],
  ])('with %s is refused before any signature is looked at', async (_, text) => {
    await malformed(`{"signed":${text},${SIGNATURES}}`);
  });

  it.each<[string, number[]]>([
    ['a cut character', [0xf0, 0x9f, 0x98]],
    ['a stray continuation', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate half', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0xe9]],
  ])('with invalid UTF-8 (%s) is refused', async (_, bytes) => {
    const parts = [
      Buffer.from('{"signed":{"a":"'),
      Buffer.from(bytes),
      Buffer.from(`"},${SIGNATURES}}`),
    ];
    await malformed(Buffer.concat(parts));
  });

  it.each<[string, string, JsonValue]>([
    ['a lone surrogate, which Go reads as U+FFFD', '{"a":"x\\ud83d"}', { a: 'x\ufffd' }],
    ['a lone surrogate in a name', '{"\\udc00":1}', { '\ufffd': 1 }],
    ['a minus zero', '{"a":-0}', { a: 0 }],
    [
      'the largest exact integer',
      '{"a":[9007199254740992,-9007199254740992]}',
      { a: [2 ** 53, -(2 ** 53)] },
    ],
    ['a control character, escaped', '{"a":"\\n\\u0001"}', { a: '\n\u0001' }],
    [
      'the five characters escaped',
      '{"a":"\\u003c\\u003E\\u0026\\u2028\\u2029"}',
      { a: '<>&\u2028\u2029' },
    ],
    ['the five characters raw', '{"a":"<>&\u2028\u2029"}', { a: '<>&\u2028\u2029' }],
    ['a slash, escaped', '{"a\\/b":"\\/"}', { 'a/b': '/' }],
    ['quotes and back-slashes', '{"a\\"\\\\":"\\"\\\\"}', { 'a"\\': '"\\' }],
  ])('with %s verifies over its canonical form', (_, text, value) => {
    expect(verified(fileOf(text, value)).signed).toEqual(value);
  });

  it('is handed on exactly as it was verified, `__proto__` and all', () => {
    const text = '{"__proto__":{"polluted":true},"constructor":1,"toString":{"__proto__":null}}';
    for (const spelling of [text, text.replace('{', '{ ')]) {
      const { signed } = verified(fileOf(spelling, JSON.parse(text)));
      expect(Object.keys(signed).sort()).toEqual(['__proto__', 'constructor', 'toString']);
      expect(Object.getPrototypeOf(signed)).toBe(Object.prototype);
      expect(canonicalJson(signed as JsonValue)).toBe(text);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('with a string of many megabytes does not exhaust the stack', async () => {
    const long = 'x'.repeat(8 * 1024 * 1024);
    for (const space of ['', ' ']) {
      const { signed } = openEnvelope(
        Buffer.from(`{"signed":${space}{"a":"${long}"},${SIGNATURES}}`),
        'targets',
      );
      expect(signed.a).toBe(long);
    }
    const sig = 'A'.repeat(8 * 1024 * 1024);
    expect(
      openEnvelope(envelopeOf('{}', [{ keyid: '', method: '', sig }]), 'targets').signatures,
    ).toHaveLength(1);
    await malformed(envelopeOf('{}', [{ keyid: '', method: '', sig: `${sig}A` }]));
  });
});

const ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;

/** A first-time client, and one that knows the state before, meet a file that was tampered with. */
async function offer(role: string, tampering: Tampering): Promise<() => Promise<unknown>> {
  const server = MetadataSimulator.published();
  const seen = await SimulatedClient.updated(server);
  server.publish(['root', 'targets'], { [role]: tampering });
  return async () => {
    await seen.update(server);
    await new SimulatedClient().update(server);
  };
}

const setting = (name: string, value: JsonValue): Tampering => ({
  payload: payload => {
    payload[name] = value;
  },
});

describe.each(ROLES)('the file of %s', role => {
  it('is refused when it is cut, and the cached one stays', async () => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    const before = new Map(client.files);
    server.publish(['root', 'targets'], { [role]: { file: bytes => bytes.subarray(0, -1) } });
    await expectFailure(client.update(server), TrustError, 'METADATA_MALFORMED');
    expect(client.files).toEqual(before);
  });

  it.each<[string, JsonValue]>([
    ['version', 'x'],
    ['version', 0],
    ['version', -1],
    ['version', 2 ** 53],
    ['version', null],
    ['version', [1]],
    ['expires', 7],
    ['expires', null],
    ['expires', 'tomorrow'],
    ['_type', 'root'],
    ['_type', null],
    ['_type', role.toUpperCase()],
    ['Version', 7],
    ['EXPIRES', '2099-01-01T00:00:00Z'],
    ['_Type', 'Root'],
    ['verſion', 7],
  ])('is refused with “%s” %j, whoever signed it', async (name, value) => {
    const meeting = await offer(role, setting(name, value));
    await expectFailure(meeting, TrustError, 'METADATA_MALFORMED');
  });

  it.each(['version', 'expires', '_type'])('is refused without “%s”', async name => {
    const meeting = await offer(role, { payload: payload => void delete payload[name] });
    await expectFailure(meeting, TrustError, 'METADATA_MALFORMED');
  });

  it('is refused as the file of another type', async () => {
    const other = role === 'snapshot' ? 'Targets' : 'Snapshot';
    await expectFailure(
      await offer(role, setting('_type', other)),
      TrustError,
      'METADATA_MALFORMED',
    );
  });

  it('is taken with a member that nobody knows, if it was signed', async () => {
    const meeting = await offer(role, setting('x-future', { a: [null, true] }));
    await meeting();
  });

  it('is stored byte for byte, trailing space included', async () => {
    const server = MetadataSimulator.published();
    server.publish(['root', 'targets'], {
      [role]: { file: bytes => Buffer.concat([bytes, Buffer.from('\n ')]) },
    });
    const client = await SimulatedClient.updated(server);
    expect(Buffer.from(client.files.get(role) as Uint8Array)).toEqual(server.files.get(role));
    expect(String(client.files.get(role)).endsWith('}\n ')).toBe(true);
    await client.update(server, { remote: undefined });
  });
});

describe('wrong types inside', () => {
  it.each<[string, string, JsonValue]>([
    ['root', 'keys', []],
    ['root', 'keys', { x: null }],
    ['root', 'keys', { x: { keytype: 'ecdsa' } }],
    ['root', 'keys', { x: { keytype: 1, keyval: { public: '' } } }],
    ['root', 'keys', { x: { keytype: 'ecdsa', keyval: { public: 'no base64' } } }],
    ['root', 'roles', null],
    ['root', 'roles', []],
    ['timestamp', 'meta', null],
    ['timestamp', 'meta', { snapshot: null }],
    ['timestamp', 'meta', { snapshot: { hashes: null, length: 1 } }],
    ['timestamp', 'meta', { snapshot: { hashes: { sha256: 7 }, length: 1 } }],
    ['snapshot', 'meta', []],
    ['snapshot', 'meta', { root: {}, targets: {} }],
    ['targets', 'targets', []],
    ['targets', 'targets', { x: null }],
    ['targets', 'targets', { x: { hashes: {}, length: '1' } }],
    ['targets', 'targets', { x: { hashes: {}, length: -1 } }],
    ['targets', 'targets', { x: { hashes: { sha256: 'AAAA' }, length: 1 } }],
    ['targets', 'targets', { x: { hashes: { sha512: 'AAAA' }, length: 1 } }],
    ['targets', 'targets', { x: { hashes: null, length: 1 } }],
    ['targets', 'targets', { x: { hashes: {}, Length: 1, length: 1 } }],
    ['targets', 'delegations', []],
    ['targets', 'delegations', { keys: [], roles: [] }],
    ['targets', 'delegations', { keys: {}, roles: {} }],
    ['targets', 'delegations', { keys: {}, Roles: [], roles: [] }],
  ])('of %s: “%s” as %j is refused', async (role, name, value) => {
    await expectFailure(await offer(role, setting(name, value)), TrustError, 'METADATA_MALFORMED');
  });
});

it('names of Object.prototype are tags and key IDs like any other', async () => {
  const server = MetadataSimulator.published();
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
    server.addTarget('targets', name);
  const mallory = newKey();
  server.publish(['root', 'targets'], {
    root: {
      payload: payload => {
        const keys = Object.entries(payload.keys as Record<string, JsonValue>);
        const { keytype, publicBytes } = mallory.publicKey;
        const key = {
          keytype,
          keyval: { private: null, public: Buffer.from(publicBytes).toString('base64') },
        };
        payload.keys = Object.fromEntries([...keys, ['__proto__', key], ['constructor', key]]);
      },
    },
  });
  const { trusted } = await new SimulatedClient().update(server);
  const targets = trusted.targets.get('targets')?.metadata.targets;
  expect([...(targets?.keys() ?? [])].sort()).toEqual([
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'latest',
    'toString',
  ]);
  expect(targets?.get('__proto__')?.length).toBe('__proto__'.length);
  expect(trusted.root.metadata.keys.has('__proto__')).toBe(true);
});
