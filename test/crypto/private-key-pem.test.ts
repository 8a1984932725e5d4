import { createCipheriv, createHash, generateKeyPairSync, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  encodeElement,
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
  encodeUnsignedInteger,
} from '../../src/crypto/der.ts';
import { NOTARY_ENCRYPTION } from '../../src/crypto/encrypted-private-key.ts';
import { decodeAllPem, decodePem, encodePem } from '../../src/crypto/pem.ts';
import { generatePrivateKey, PrivateKey } from '../../src/crypto/private-key.ts';
import {
  decodePrivateKeyPem,
  decodePrivateKeyPemAsync,
  encodePrivateKeyPem,
  inspectPrivateKeyPem,
  isEncryptedPem,
  needsPassphrase,
} from '../../src/crypto/private-key-pem.ts';
import { readPublicKeyPem } from '../../src/crypto/public-key.ts';
import { verifySignature } from '../../src/crypto/signature.ts';
import { KeyError } from '../../src/errors.ts';
import { listVectors, readVector, readVectorJson } from '../support/fixtures.ts';

interface Walkthrough {
  file: string;
  passphrase: string;
  headers: Record<string, string>;
  salt: string;
  iterations: number;
  iv: string;
  pkcs8Der: string;
}

/** What the file name says: `<what>.<id>.key` or `<id>.key`. */
function idInName(file: string): string {
  return /([0-9a-f]{64})\.key$/.exec(file)?.[1] ?? '';
}

/** The error of reading a key, or what went wrong instead. */
function codeOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(KeyError);
    return (error as KeyError).code;
  }
  return 'no error';
}

describe('key files that notary and docker wrote', () => {
  const walkthrough = readVectorJson<Walkthrough[]>('keys/pkcs8-walkthrough.json');

  test('all ten are here', () => {
    expect(walkthrough.map(({ file }) => file).sort()).toEqual(
      ['docker', 'store']
        .flatMap(folder => listVectors(`keys/${folder}`).map(name => `${folder}/${name}`))
        .filter(name => name.endsWith('.key')),
    );
    expect(walkthrough).toHaveLength(10);
  });

  test.each(walkthrough)('$file: read, signs, written again byte for byte', vector => {
    const text = readVector(`keys/${vector.file}`);
    const key = decodePrivateKeyPem(text, vector.passphrase);
    expect(key.id).toBe(idInName(vector.file));
    expect(Buffer.from(key.toPkcs8()).toString('hex')).toBe(vector.pkcs8Der);

    const { method, signature } = key.sign(Buffer.from('message'));
    expect(verifySignature(key.publicKey, method, Buffer.from('message'), signature)).toBe(true);

    const random = [Buffer.from(vector.salt, 'hex'), Buffer.from(vector.iv, 'hex')];
    const written = encodePrivateKeyPem(key, {
      encryption: NOTARY_ENCRYPTION,
      passphrase: vector.passphrase,
      role: vector.headers.role ?? '',
      gun: vector.headers.gun ?? '',
      randomBytes: count => {
        const bytes = random.shift();
        expect(bytes).toHaveLength(count);
        return bytes as Buffer;
      },
    });
    expect(written).toBe(text.toString());
  });

  test.each(walkthrough)('$file: facts without the passphrase', vector => {
    const text = readVector(`keys/${vector.file}`);
    expect(inspectPrivateKeyPem(text)).toEqual({
      label: 'ENCRYPTED PRIVATE KEY',
      headers: new Map(Object.entries(vector.headers)),
      encrypted: true,
      iterations: 2048,
      prf: 'sha1',
    });
    expect(needsPassphrase(text)).toBe(true);
  });

  test.each(walkthrough)('$file: a wrong passphrase', vector => {
    const text = readVector(`keys/${vector.file}`);
    for (const passphrase of ['', 'wrong', `${vector.passphrase} `]) {
      expect(codeOf(() => decodePrivateKeyPem(text, passphrase))).toBe('KEY_PASSPHRASE_WRONG');
    }
  });
});

describe('variants that must be readable', () => {
  test.each(listVectors('keys/variants'))('%s', async file => {
    const text = readVector(`keys/variants/${file}`);
    const plain = file.startsWith('plain');
    expect(isEncryptedPem(text)).toBe(!plain);
    expect(needsPassphrase(text)).toBe(!plain);
    const key = await decodePrivateKeyPemAsync(text, plain ? '' : 'variant-pass-1');
    expect(key.id).toBe(idInName(file));
    if (!file.includes('iter-1300000')) {
      expect(decodePrivateKeyPem(text, 'variant-pass-1').id).toBe(key.id);
    }
  });
});

describe('legacy key files', () => {
  const files = listVectors('keys/legacy').filter(name => name.endsWith('.key'));

  test('all six are here', () => {
    expect(files).toHaveLength(6);
  });

  test.each(files)('%s', async file => {
    const text = readVector(`keys/legacy/${file}`);
    const encrypted = file.includes('dek');
    expect(needsPassphrase(text)).toBe(encrypted);
    const passphrase = encrypted ? 'legacy-pass-1' : '';
    expect(decodePrivateKeyPem(text, passphrase).id).toBe(idInName(file));
    expect((await decodePrivateKeyPemAsync(text, passphrase)).id).toBe(idInName(file));
    if (encrypted) {
      expect(inspectPrivateKeyPem(text)?.headers.get('role')).toBe('dave');
      for (let i = 0; i < 300; i++) {
        // One in 256 wrong passphrases gives a valid padding: that must not be taken for a damaged file.
        expect(codeOf(() => decodePrivateKeyPem(text, `wrong ${i}`))).toBe('KEY_PASSPHRASE_WRONG');
      }
    }
  });

  test.each(['AES-192-CBC', 'DES-CBC'])('%s, which no vector covers', name => {
    const key = generatePrivateKey('ecdsa');
    const sec1 = key.keyObject?.export({ format: 'der', type: 'sec1' }) as Buffer;
    const iv = Buffer.alloc(name === 'DES-CBC' ? 8 : 16, 7);
    const passphrase = 'pässword';
    const md5 = (...parts: Uint8Array[]): Buffer =>
      createHash('md5').update(Buffer.concat(parts)).digest();
    const seed = Buffer.concat([Buffer.from(passphrase), iv.subarray(0, 8)]);
    const first = md5(seed);
    const derived = Buffer.concat([first, md5(first, seed)]);
    const cipher =
      name === 'DES-CBC'
        ? createCipheriv(
            'des-ede3-cbc',
            Buffer.concat([1, 2, 3].map(() => derived.subarray(0, 8))),
            iv,
          )
        : createCipheriv('aes-192-cbc', derived.subarray(0, 24), iv);
    const text = encodePem({
      label: 'EC PRIVATE KEY',
      headers: [
        ['role', 'x'],
        ['DEK-Info', `${name},${iv.toString('hex').toUpperCase()}`],
        ['Proc-Type', '4,ENCRYPTED'],
      ],
      bytes: Buffer.concat([cipher.update(sec1), cipher.final()]),
    });
    expect(decodePrivateKeyPem(text, passphrase).id).toBe(key.id);
  });

  test.each([
    ['RC2-CBC,0011223344556677', 'KEY_UNSUPPORTED'],
    ['', 'KEY_UNSUPPORTED'],
    ['AES-256-CBC', 'KEY_UNSUPPORTED'],
    ['AES-256-CBC,0011', 'KEY_FILE_DAMAGED'],
    ['AES-256-CBC,zz112233445566770011223344556677', 'KEY_FILE_DAMAGED'],
    ['DES-EDE3-CBC,0011223344556677', 'KEY_FILE_DAMAGED'],
  ])('DEK-Info "%s"', (value, code) => {
    const text = encodePem({
      label: 'EC PRIVATE KEY',
      headers: [['DEK-Info', value]],
      bytes: Buffer.alloc(31),
    });
    expect(codeOf(() => decodePrivateKeyPem(text, 'x'))).toBe(code);
    expect(isEncryptedPem(text)).toBe(true);
    expect(needsPassphrase(text)).toBe(false);
    expect(inspectPrivateKeyPem(text)?.problem?.code).toBe(code);
  });

  test.each(listVectors('keys/legacy/tree-after/private'))('migrated: %s', file => {
    const text = readVector(`keys/legacy/tree-after/private/${file}`);
    expect(decodePrivateKeyPem(text, 'legacy-pass-1').id).toBe(idInName(file));
  });
});

describe('key files that are bad', () => {
  const targetsKey = '135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7';
  const expected: Record<string, { code: string } | { id: string; passphrase: string }> = {
    'aes-128-cbc': { code: 'KEY_UNSUPPORTED' },
    certificate: { code: 'KEY_UNSUPPORTED' },
    'ciphertext-not-block-multiple': { code: 'KEY_FILE_DAMAGED' },
    dsa: { code: 'KEY_UNSUPPORTED' },
    'ec-parameters-first': { code: 'KEY_UNSUPPORTED' },
    'ed25519-rfc8410': { code: 'KEY_UNSUPPORTED' },
    empty: { code: 'KEY_FILE_DAMAGED' },
    'iv-12-bytes': { code: 'KEY_FILE_DAMAGED' },
    'not-pem': { code: 'KEY_FILE_DAMAGED' },
    'pbes1-3des': { code: 'KEY_UNSUPPORTED' },
    'public-key': { code: 'KEY_UNSUPPORTED' },
    scrypt: { code: 'KEY_UNSUPPORTED' },
    secp256k1: { code: 'KEY_UNSUPPORTED' },
    'truncated-pem': { code: 'KEY_FILE_DAMAGED' },
    // Notary cannot read this one; we can (spec/keys.md 4.9).
    'prf-hmac-sha256': {
      id: 'cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6',
      passphrase: 'variant-pass-1',
    },
    // Good keys with a wrong header or file name, which is for the key store to notice.
    'wrong-role-header': { id: targetsKey, passphrase: 'targets-pass-1' },
    'wrong-file-name': { id: targetsKey, passphrase: 'targets-pass-1' },
  };
  const files = listVectors('keys/bad');

  test('each has its verdict here', () => {
    expect(files.map(file => file.split('.')[0]).sort()).toEqual(Object.keys(expected).sort());
  });

  test.each(files)('%s', async file => {
    const text = readVector(`keys/bad/${file}`);
    const verdict = expected[file.split('.')[0] ?? ''];
    if (verdict !== undefined && 'id' in verdict) {
      expect(decodePrivateKeyPem(text, verdict.passphrase).id).toBe(verdict.id);
      expect((await decodePrivateKeyPemAsync(text, verdict.passphrase)).id).toBe(verdict.id);
      expect(codeOf(() => decodePrivateKeyPem(text, 'wrong'))).toBe('KEY_PASSPHRASE_WRONG');
    } else {
      expect(codeOf(() => decodePrivateKeyPem(text, 'variant-pass-1'))).toBe(verdict?.code);
      await expect(decodePrivateKeyPemAsync(text, 'variant-pass-1')).rejects.toMatchObject({
        code: verdict?.code,
      });
      expect(needsPassphrase(text)).toBe(false);
    }
  });
});

describe('files to import', () => {
  test('the bundle of an export holds the nine keys of the store', () => {
    const blocks = decodeAllPem(readVector('keys/import/export-bundle.pem'));
    expect(blocks.map(({ headers }) => `${headers.get('path')}.key`)).toEqual(
      listVectors('keys/store'),
    );
    for (const block of blocks) {
      const headers = [...block.headers].filter(([name]) => name !== 'path');
      expect(encodePem({ ...block, headers })).toBe(
        readVector(`keys/store/${block.headers.get('path')}.key`).toString(),
      );
    }
  });

  test.each([
    ['ec-plain-sec1.pem', '', undefined],
    [
      'rsa2048-plain-pkcs8.pem',
      '',
      '81becb51554f3355ac59c9d32ce1425b67a06aa151154acc99b17ebc8933b161',
    ],
    [
      'ed25519-notary-96.pem',
      '',
      '027a5371fed43cfb6745a8b57707ae5536a78be1923821f01c8b353ab9f3c55c',
    ],
    ['ec-dek-aes128-no-path.pem', 'variant-pass-1', undefined],
    ['generate-o-key.pem', 'delegation-pass-1', undefined],
  ])('%s', (file, passphrase, id) => {
    const text = readVector(`keys/import/${file}`);
    const key = decodePrivateKeyPem(text, passphrase);
    if (id !== undefined) {
      expect(key.id).toBe(id);
    }
    expect(needsPassphrase(text)).toBe(passphrase !== '');
    // Written in our form and read again, encrypted or not, it stays the same key.
    for (const chosen of ['', 'correct horse']) {
      const written = encodePrivateKeyPem(key, {
        passphrase: chosen,
        role: 'delegation',
        encryption: NOTARY_ENCRYPTION,
      });
      expect(decodePrivateKeyPem(written, chosen).id).toBe(key.id);
      expect(decodePem(written)?.label).toBe(
        chosen === '' ? 'PRIVATE KEY' : 'ENCRYPTED PRIVATE KEY',
      );
    }
  });

  test('the two files of "key generate -o" belong together', () => {
    const key = decodePrivateKeyPem(
      readVector('keys/import/generate-o-key.pem'),
      'delegation-pass-1',
    );
    const publicKey = readPublicKeyPem(readVector('keys/import/generate-o.pem'), new Date());
    expect(publicKey).toEqual({ ...key.publicKey, publicBytes: expect.anything() as unknown });
    expect(Buffer.compare(publicKey.publicBytes, key.publicKey.publicBytes)).toBe(0);
  });
});

/** An encrypted key file made by hand, to be wrong in one thing at a time. */
function handMade(options: {
  key: PrivateKey;
  label?: string;
  iterations?: Uint8Array;
  realIterations?: number;
  salt?: Buffer;
  keyLength?: number;
  prf?: Uint8Array;
  digest?: string;
  plain?: Uint8Array;
  padding?: 'zero' | 'garbage';
  iv?: Buffer;
  trailing?: Buffer;
}): string {
  const salt = options.salt ?? Buffer.alloc(8, 1);
  const iv = options.iv ?? Buffer.alloc(16, 2);
  const derived = pbkdf2Sync(
    'pass',
    salt,
    options.realIterations ?? 1,
    32,
    options.digest ?? 'sha1',
  );
  const aes = createCipheriv('aes-256-cbc', derived, iv);
  let plain = Buffer.from(options.plain ?? options.key.toPkcs8());
  if (options.padding !== undefined) {
    aes.setAutoPadding(false);
    const padding = Buffer.alloc(16 - (plain.length % 16), options.padding === 'zero' ? 0 : 0xee);
    plain = Buffer.concat([plain, padding]);
  }
  const ciphertext = Buffer.concat([aes.update(plain), aes.final()]);
  const der = encodeSequence(
    encodeSequence(
      encodeObjectIdentifier('1.2.840.113549.1.5.13'),
      encodeSequence(
        encodeSequence(
          encodeObjectIdentifier('1.2.840.113549.1.5.12'),
          encodeSequence(
            encodeOctetString(salt),
            options.iterations ?? encodeUnsignedInteger(1),
            ...(options.keyLength === undefined ? [] : [encodeUnsignedInteger(options.keyLength)]),
            ...(options.prf === undefined ? [] : [options.prf]),
          ),
        ),
        encodeSequence(encodeObjectIdentifier('2.16.840.1.101.3.4.1.42'), encodeOctetString(iv)),
      ),
    ),
    encodeOctetString(ciphertext),
    ...(options.trailing === undefined ? [] : [options.trailing]),
  );
  return encodePem({ label: options.label ?? 'ENCRYPTED PRIVATE KEY', bytes: der });
}

const prf = (oid: string, ...parameters: Uint8Array[]): Uint8Array =>
  encodeSequence(encodeObjectIdentifier(oid), ...parameters);
const NULL = Buffer.from([5, 0]);
const SHA256 = '1.2.840.113549.2.9';

describe('what the reader takes (spec/keys.md 4.6)', () => {
  const key = generatePrivateKey('ecdsa');

  test.each<[string, Partial<Parameters<typeof handMade>[0]>]>([
    ['iterations 0, which mean 1', { iterations: encodeUnsignedInteger(0) }],
    ['an empty salt', { salt: Buffer.alloc(0) }],
    ['a salt of 128 bytes', { salt: Buffer.alloc(128, 9) }],
    ['hmacWithSHA1 with NULL', { prf: prf('1.2.840.113549.2.7', NULL) }],
    ['hmacWithSHA1 without NULL', { prf: prf('1.2.840.113549.2.7') }],
    ['keyLength 32', { keyLength: 32 }],
    ['keyLength 16, which is ignored', { keyLength: 16 }],
    ['a PRF field that lies', { prf: prf(SHA256, NULL), keyLength: 32 }],
    ['a PRF nobody knows', { prf: prf('1.2.3.4') }],
    ['hmacWithSHA256', { prf: prf(SHA256, NULL), digest: 'sha256' }],
    ['hmacWithSHA384', { prf: prf('1.2.840.113549.2.10', NULL), digest: 'sha384' }],
    ['hmacWithSHA512', { prf: prf('1.2.840.113549.2.11', NULL), digest: 'sha512' }],
    ['zero padding', { padding: 'zero' }],
    ['garbage padding', { padding: 'garbage' }],
    ['the label of an unencrypted key', { label: 'PRIVATE KEY' }],
    ['an element more at the end', { trailing: NULL }],
  ])('%s', async (_, options) => {
    const text = handMade({ key, ...options });
    expect(decodePrivateKeyPem(text, 'pass').id).toBe(key.id);
    expect((await decodePrivateKeyPemAsync(text, 'pass')).id).toBe(key.id);
    expect(isEncryptedPem(text)).toBe(true);
  });

  test('an unencrypted body under the label of an encrypted one', () => {
    const text = encodePem({ label: 'ENCRYPTED PRIVATE KEY', bytes: key.toPkcs8() });
    expect(needsPassphrase(text)).toBe(false);
    expect(decodePrivateKeyPem(text, '').id).toBe(key.id);
    expect(decodePrivateKeyPem(text, 'whatever').id).toBe(key.id);
  });

  test.each([0, 1, 2, 5])(
    'EC in PKCS#8 of version %i, with and without curve and point',
    version => {
      const scalar = Buffer.from(key.toPkcs8()).subarray(36, 68);
      const curve = encodeObjectIdentifier('1.2.840.10045.3.1.7');
      const point = Buffer.from(key.publicKey.publicBytes).subarray(-65);
      const parts: Uint8Array[][] = [
        [],
        [encodeElement(0xa0, curve)],
        [encodeElement(0xa1, encodeElement(3, Buffer.concat([Buffer.alloc(1), point])))],
        // A point that is not the key's own is ignored, as Go does.
        [encodeElement(0xa1, encodeElement(3, Buffer.alloc(66, 1)))],
      ];
      for (const optional of parts) {
        const der = encodeSequence(
          encodeUnsignedInteger(version),
          encodeSequence(encodeObjectIdentifier('1.2.840.10045.2.1'), curve),
          encodeOctetString(
            encodeSequence(encodeUnsignedInteger(1), encodeOctetString(scalar), ...optional),
          ),
        );
        const read = PrivateKey.fromPkcs8(Buffer.concat([der, Buffer.from('trailing')]));
        expect(read.id).toBe(key.id);
        expect(Buffer.compare(read.toPkcs8(), key.toPkcs8())).toBe(0);
      }
    },
  );

  test.each([512, 1024, 3072])('RSA of %i bits, and PKCS#8 as OpenSSL writes it', bits => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    const read = decodePrivateKeyPem(pem, '');
    expect(read.keyObject?.equals(privateKey)).toBe(true);
  });

  test('scalars with zeros in front, too few or too many of them', () => {
    const short = Buffer.from([5]);
    const ids = [
      short,
      Buffer.concat([Buffer.alloc(31), short]),
      Buffer.concat([Buffer.alloc(40), short]),
    ].map(scalar =>
      PrivateKey.fromSec1(
        encodeSequence(encodeUnsignedInteger(1), encodeOctetString(scalar)),
        '1.2.840.10045.3.1.7',
      ),
    );
    expect(new Set(ids.map(({ id }) => id)).size).toBe(1);
    expect(ids[0]?.toPkcs8()).toHaveLength(150);
  });
});

describe('hostile and broken key files', () => {
  const key = generatePrivateKey('ecdsa');

  test('a key derivation that would take for ever is refused at once', () => {
    for (const iterations of [10_000_001, 2 ** 32, 2 ** 47]) {
      const text = handMade({ key, iterations: encodeUnsignedInteger(iterations) });
      expect(codeOf(() => decodePrivateKeyPem(text, 'pass'))).toBe('KEY_UNSUPPORTED');
      expect(inspectPrivateKeyPem(text)?.problem?.message).toContain('10000000');
    }
    for (const iterations of [
      encodeElement(2, Buffer.alloc(40, 0x7f)),
      encodeElement(2, Buffer.from([0xff])),
    ]) {
      const text = handMade({ key, iterations });
      expect(codeOf(() => decodePrivateKeyPem(text, 'pass'))).toBe('KEY_FILE_DAMAGED');
    }
  });

  test('every cut of an encrypted body is damaged, and says so', () => {
    const whole = Buffer.from(decodePem(handMade({ key }))?.bytes ?? []);
    for (let length = 0; length < whole.length; length += 3) {
      const text = encodePem({ label: 'ENCRYPTED PRIVATE KEY', bytes: whole.subarray(0, length) });
      expect(codeOf(() => decodePrivateKeyPem(text, 'pass'))).toBe('KEY_FILE_DAMAGED');
    }
  });

  test('a key of an unknown algorithm inside is no wrong passphrase', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const plain = privateKey.export({ format: 'der', type: 'pkcs8' });
    expect(codeOf(() => decodePrivateKeyPem(handMade({ key, plain }), 'pass'))).toBe(
      'KEY_UNSUPPORTED',
    );
  });

  test.each([0n, 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n])(
    'the scalar %s is out of range',
    scalar => {
      const bytes = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
      const der = encodeSequence(encodeUnsignedInteger(1), encodeOctetString(bytes));
      expect(codeOf(() => PrivateKey.fromSec1(der, '1.2.840.10045.3.1.7'))).toBe(
        'KEY_FILE_DAMAGED',
      );
    },
  );

  test('an RSA key whose numbers contradict each other', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const der = privateKey.export({ format: 'der', type: 'pkcs1' });
    // The last byte belongs to the last of the numbers, qInv.
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    expect(codeOf(() => PrivateKey.fromPkcs1(der))).toBe('KEY_FILE_DAMAGED');
  });

  test('an Ed25519 key whose public part is not its own', () => {
    const bytes = Buffer.from(
      decodePem(readVector('keys/import/ed25519-notary-96.pem'))?.bytes ?? [],
    );
    expect(PrivateKey.fromNotaryEd25519(bytes).id).toMatch(/^027a5371/);
    for (const position of [0, 40, 95]) {
      const changed = Buffer.from(bytes);
      changed[position] = (changed[position] ?? 0) ^ 1;
      expect(codeOf(() => PrivateKey.fromNotaryEd25519(changed))).toBe('KEY_FILE_DAMAGED');
    }
    expect(codeOf(() => PrivateKey.fromNotaryEd25519(bytes.subarray(0, 64)))).toBe(
      'KEY_FILE_DAMAGED',
    );
  });

  test('an error never has the secret in it', () => {
    const secret = Buffer.from(key.toPkcs8()).subarray(36, 68);
    const der = encodeSequence(
      encodeUnsignedInteger(0),
      encodeSequence(
        encodeObjectIdentifier('1.2.840.10045.2.1'),
        encodeObjectIdentifier('1.2.840.10045.3.1.7'),
      ),
      encodeOctetString(encodeSequence(encodeUnsignedInteger(9), encodeOctetString(secret))),
    );
    const error = (() => {
      try {
        return PrivateKey.fromPkcs8(der);
      } catch (thrown) {
        return thrown as KeyError;
      }
    })();
    expect(error).toBeInstanceOf(KeyError);
    expect((error as KeyError).cause).toBeUndefined();
  });
});

describe('writing key files', () => {
  const key = generatePrivateKey('ecdsa');

  test('a P-256 key takes the 416 bytes it takes with Notary', () => {
    expect(
      encodePrivateKeyPem(key, {
        passphrase: 'root-pass-1',
        role: 'root',
        encryption: NOTARY_ENCRYPTION,
      }),
    ).toHaveLength(416);
  });

  test('more rounds and a longer salt can be read again', () => {
    const text = encodePrivateKeyPem(key, {
      passphrase: 'x',
      encryption: { iterations: 3000, saltBytes: 16 },
    });
    expect(inspectPrivateKeyPem(text)).toMatchObject({ iterations: 3000, prf: 'sha1' });
    expect(decodePrivateKeyPem(text, 'x').id).toBe(key.id);
  });

  test('each file has its own salt and IV', () => {
    const write = (): string =>
      encodePrivateKeyPem(key, { passphrase: 'x', encryption: NOTARY_ENCRYPTION });
    expect(write()).not.toBe(write());
  });

  test('parameters that could not be read back are refused', () => {
    for (const encryption of [
      { iterations: 0, saltBytes: 8 },
      { iterations: 10_000_001, saltBytes: 8 },
      { iterations: 1.5, saltBytes: 8 },
      { iterations: 2048, saltBytes: 0 },
    ]) {
      expect(() => encodePrivateKeyPem(key, { passphrase: 'x', encryption })).toThrow(RangeError);
    }
  });

  test('a role with a line break cannot smuggle a header', () => {
    expect(
      codeOf(() =>
        encodePrivateKeyPem(key, {
          passphrase: 'x',
          role: 'a\ngun: evil',
          encryption: NOTARY_ENCRYPTION,
        }),
      ),
    ).toBe('KEY_HEADER_INVALID');
  });
});
