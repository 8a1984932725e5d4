import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
  encodeUnsignedInteger,
} from '../../src/crypto/der.ts';
import { NOTARY_ENCRYPTION } from '../../src/crypto/encrypted-private-key.ts';
import { OID } from '../../src/crypto/object-identifiers.ts';
import { decodeAllPem, decodePem, encodePem } from '../../src/crypto/pem.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/crypto/private-key.ts';
import {
  decodePrivateKeyPem,
  encodePrivateKeyPem,
  inspectPrivateKeyPem,
} from '../../src/crypto/private-key-pem.ts';
import { KeyError } from '../../src/errors.ts';
import { EnvironmentPassphrases } from '../../src/keys/environment-passphrases.ts';
import { type ImportedBlock, type ImportOptions, importKeys } from '../../src/keys/import-keys.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import type { PassphraseSource } from '../../src/keys/passphrase.ts';
import { PromptPassphrases } from '../../src/keys/prompt-passphrases.ts';
import { writeFileAtomic } from '../../src/trust-dir/atomic-file.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { readVector } from '../support/fixtures.ts';

const EC_ID = 'ee73ecd786d1c8be595981a6c704d7cc06b10466bd8490027efc896c5508c6e4';
const RSA_ID = '81becb51554f3355ac59c9d32ce1425b67a06aa151154acc99b17ebc8933b161';
const ED_ID = '027a5371fed43cfb6745a8b57707ae5536a78be1923821f01c8b353ab9f3c55c';
const OTHER_ID = '0'.repeat(64);
const PASS = 'delegation-pass-1';

let privateDir: string;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-import-'));
  privateDir = join(folder, 'private');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const vector = (name: string): string => readVector(`keys/${name}`).toString('utf8');

/** A PEM text with other headers in its first block. */
function headed(pem: string, headers: Record<string, string>): string {
  const block = decodePem(pem);
  if (block === undefined) throw new Error('no PEM');
  return encodePem({ ...block, headers: [...block.headers, ...Object.entries(headers)] });
}

const environment = (passphrase = PASS): PassphraseSource =>
  new EnvironmentPassphrases({
    NOTARY_ROOT_PASSPHRASE: passphrase,
    NOTARY_TARGETS_PASSPHRASE: passphrase,
    NOTARY_SNAPSHOT_PASSPHRASE: passphrase,
    NOTARY_DELEGATION_PASSPHRASE: passphrase,
  });

function store(writeFile = writeFileAtomic): KeyStore {
  return new KeyStore({
    privateDir,
    passphrases: [environment()],
    writeFile,
    encryption: NOTARY_ENCRYPTION,
  });
}

async function importing(
  files: string | string[],
  options: Partial<ImportOptions> = {},
  into = store(),
): Promise<ImportedBlock[]> {
  const blocks = await importKeys(into, [files].flat(), {
    defaults: {},
    formats: 'all',
    badBlocks: 'refuse',
    sameKey: 'keep',
    passphrases: [environment()],
    ...options,
  });
  return blocks.flat();
}

/** Status and error code of each block. */
const outcomes = (blocks: ImportedBlock[]) =>
  blocks.map(({ status, error }) => (error === undefined ? status : `${status} ${error.code}`));

const files = async (): Promise<string[]> => (await readdir(privateDir).catch(() => [])).sort();

const keyFile = (id: string): Promise<string> => readFile(join(privateDir, `${id}.key`), 'utf8');

describe('importing keys', () => {
  it('takes what notary exported, byte for byte, and leaves the path headers behind', async () => {
    const bundle = vector('import/export-bundle.pem');
    const blocks = await importing(bundle, { passphrases: [] });
    expect(outcomes(blocks)).toEqual(Array.from({ length: 9 }, () => 'stored'));
    for (const { id = '' } of blocks) {
      expect(await keyFile(id)).toBe(vector(`store/${id}.key`));
      expect((await stat(join(privateDir, `${id}.key`))).mode & 0o777).toBe(0o600);
    }
    expect((await files()).length).toBe(9);
    // Nobody gave a passphrase: what the IDs are is only known from the file.
    expect(blocks.every(({ verified }) => verified === false)).toBe(true);
    expect(outcomes(await importing(bundle))).toEqual(
      Array.from({ length: 9 }, () => 'already-stored'),
    );
  });

  it.each([
    ['import/ec-plain-sec1.pem', EC_ID],
    ['import/rsa2048-plain-pkcs8.pem', RSA_ID],
    ['import/ed25519-notary-96.pem', ED_ID],
  ])('encrypts the clear key %s', async (name, id) => {
    const [block] = await importing(vector(name), { defaults: { role: 'alice' } });
    expect(block).toEqual({
      number: 1,
      label: expect.stringMatching(/PRIVATE KEY$/),
      status: 'stored',
      id,
      role: 'alice',
      verified: true,
      reencrypted: 'new',
      file: join(privateDir, `${id}.key`),
    });
    const text = await keyFile(id);
    expect(inspectPrivateKeyPem(text)).toMatchObject({
      label: 'ENCRYPTED PRIVATE KEY',
      headers: new Map([['role', 'alice']]),
      iterations: 2048,
    });
    expect(decodePrivateKeyPem(text, PASS).id).toBe(id);
    expect(await store().open(id)).toMatchObject({ id });
  });

  it.each([
    ['import/ec-dek-aes128-no-path.pem', 'variant-pass-1', 'delegation', 'same'],
    ['import/generate-o-key.pem', 'delegation-pass-1', 'root', undefined],
  ])('opens %s, which names no ID, and stores it', async (name, passphrase, role, reencrypted) => {
    const blocks = await importing(vector(name), { passphrases: [environment(passphrase)] });
    expect(outcomes(blocks)).toEqual(['stored']);
    const [block] = blocks;
    const id = block?.id ?? '';
    expect(block).toMatchObject({ role, verified: true });
    expect(block?.reencrypted).toBe(reencrypted);
    const text = await keyFile(id);
    expect(inspectPrivateKeyPem(text)).toMatchObject({
      label: 'ENCRYPTED PRIVATE KEY',
      prf: 'sha1',
      headers: new Map([['role', role]]),
    });
    expect(decodePrivateKeyPem(text, passphrase).id).toBe(id);
    // As Notary has it.
    expect(outcomes(await importing(vector(name), { formats: 'notary' }))).toEqual([
      'refused KEY_PATH_MISSING',
    ]);
  });

  it.each([
    'ec-dek-aes256.d5a1c0ae6f010cc9192bfac8cabc29adabd0f2f5dd4ca75338e36107d5b02f46',
    'ec-dek-des3.967033b412d9081e5bb583176739e7d1dc5e01d690dd58a1cd393830031824fb',
    'rsa-dek-aes256.737458cefa0d53575d36060eeab26d332e61cfdf889c1fa7b391c5ee920496df',
    'ec-plain.86efda234180422efb244bd77ab565a3944122f3aca923ed79cf24a2a578dd96',
    'rsa-plain.737458cefa0d53575d36060eeab26d332e61cfdf889c1fa7b391c5ee920496df',
  ])('takes the legacy file %s', async name => {
    const id = name.split('.')[1] ?? '';
    const passphrases = [environment('legacy-pass-1')];
    const blocks = await importing(vector(`legacy/${name}.key`), { passphrases });
    expect(outcomes(blocks)).toEqual(['stored']);
    expect(decodePrivateKeyPem(await keyFile(id), 'legacy-pass-1').id).toBe(id);
    expect(inspectPrivateKeyPem(await keyFile(id))?.prf).toBe('sha1');
  });

  it.each(['prf-hmac-sha256', 'aes-128-cbc', 'scrypt', 'pbes1-3des'])(
    'converts %s, which notary cannot open',
    async name => {
      const id = 'cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6';
      const asked: unknown[] = [];
      const listener = { name: 'x', get: async (request: object) => void asked.push(request) };
      const passphrases = [listener, environment('variant-pass-1')];
      const text = vector(`bad/${name}.${id}.key`);
      const [block] = await importing(text, { passphrases });
      // It may claim to be any key: what opens it is kept for none.
      expect(asked).toEqual([expect.objectContaining({ isElsewhere: true })]);
      expect(block).toMatchObject({ status: 'stored', id, reencrypted: 'same', verified: true });
      expect(inspectPrivateKeyPem(await keyFile(id))?.prf).toBe('sha1');
      expect(decodePrivateKeyPem(await keyFile(id), 'variant-pass-1').id).toBe(id);
      await rm(privateDir, { recursive: true });
      expect(outcomes(await importing(text))).toEqual(['refused KEY_PASSPHRASE_WRONG']);
      expect(await files()).toEqual([]);
    },
  );

  it('takes the Ed25519 of RFC 8410, into the form of Notary', async () => {
    const id = 'd54d15976b50ed52f30d49ddc7b91e7f7809d5259d22179643161860e50149af';
    const text = vector(`bad/ed25519-rfc8410.${id}.key`);
    expect(outcomes(await importing(text, { formats: 'notary' }))).toEqual([
      'refused KEY_UNSUPPORTED',
    ]);
    expect(await importing(text)).toMatchObject([{ status: 'stored', id }]);
    expect(decodePrivateKeyPem(await keyFile(id), PASS).publicKey.keytype).toBe('ed25519');
  });

  it.each([
    [
      'public-key.b490c2240a686463aed9c036c0a9ae9ec7e6c7e808fd22e787c08e536ca226d7',
      'KEY_NOT_PRIVATE',
    ],
    [
      'certificate.81becb51554f3355ac59c9d32ce1425b67a06aa151154acc99b17ebc8933b161',
      'KEY_NOT_PRIVATE',
    ],
    [`dsa.${'cf'.repeat(32)}`, 'KEY_UNSUPPORTED'],
    [
      'secp256k1.25e7bea5e33e77e9fc32611900e4d611959c08967653da99478f734553d98bee',
      'KEY_UNSUPPORTED',
    ],
    [
      'iv-12-bytes.cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6',
      'KEY_FILE_DAMAGED',
    ],
    [
      'ciphertext-not-block-multiple.cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6',
      'KEY_FILE_DAMAGED',
    ],
  ])('refuses %s, with a path header too', async (name, code) => {
    const text = vector(`bad/${name}.key`);
    const named = headed(text, { path: name.split('.')[1] ?? '' });
    const passphrases = [environment('variant-pass-1')];
    for (const blocks of [
      await importing(text, { passphrases }),
      await importing(named, { passphrases }),
      await importing(named, { passphrases, formats: 'notary' }),
    ]) {
      expect(outcomes(blocks)).toEqual([`refused ${code}`]);
    }
    expect(await files()).toEqual([]);
  });

  it('refuses garbage in a block, and does not call a file without PEM a success', async () => {
    const garbage = encodePem({
      label: 'PRIVATE KEY',
      headers: [['path', EC_ID]],
      bytes: Buffer.from('nonsense'),
    });
    expect(outcomes(await importing(garbage))).toEqual(['refused KEY_FILE_DAMAGED']);
    const one = vector('import/ec-plain-sec1.pem');
    expect(outcomes(await importing([one, 'no PEM at all']))).toEqual(['not-stored']);
    expect(await files()).toEqual([]);
  });

  it('passes over the curve that openssl puts before the key', async () => {
    const id = 'cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6';
    const blocks = await importing(vector(`bad/ec-parameters-first.${id}.key`));
    expect(outcomes(blocks)).toEqual(['ignored', 'stored']);
    expect(blocks[1]?.id).toBe(id);
  });
});

describe('headers', () => {
  const plain = () => vector('import/ec-plain-sec1.pem');

  it.each<[string, Record<string, string>, ImportOptions['defaults'], object]>([
    ['nothing', {}, {}, { role: 'delegation' }],
    ['a flag', {}, { role: 'bob' }, { role: 'bob' }],
    ['a header before the flag', { role: 'alice' }, { role: 'bob' }, { role: 'alice' }],
    ['no GUN for signers', { role: 'alice', gun: 'a/b' }, { gun: 'c/d' }, { role: 'alice' }],
    ['no GUN for root', {}, { role: 'root', gun: 'a/b' }, { role: 'root' }],
    ['a GUN by flag', {}, { role: 'targets', gun: 'a/b' }, { role: 'targets', gun: 'a/b' }],
    [
      'the GUN of the header',
      { role: 'targets', gun: 'a/b' },
      { role: 'root', gun: 'c/d' },
      { role: 'targets', gun: 'a/b' },
    ],
    [
      'the GUN of the path',
      { role: 'targets', gun: 'a/b', path: `tuf_keys/localhost:5000/x/${EC_ID}` },
      { gun: 'c/d' },
      { role: 'targets', gun: 'localhost:5000/x' },
    ],
    [
      'the role of an old path',
      { path: `tuf_keys/x/y/${EC_ID}_snapshot.key` },
      {},
      { role: 'snapshot', gun: 'x/y' },
    ],
    ['an old root path', { path: `root_keys/${EC_ID}_root` }, {}, { role: 'root' }],
    [
      'a path without GUN',
      { role: 'targets', path: `tuf_keys/${EC_ID}` },
      { gun: 'z' },
      { gun: 'z' },
    ],
    ['a path that leads out', { path: '../../x' }, {}, { role: 'delegation' }],
    ['an absolute path', { path: '/etc/cron.d/x.key' }, {}, { role: 'delegation' }],
    ['an empty path', { path: '' }, {}, { role: 'delegation' }],
  ])('%s', async (_name, headers, defaults, expected) => {
    for (const formats of ['all', 'notary'] as const) {
      const [block] = await importing(headed(plain(), headers), { defaults, formats });
      expect(block).toMatchObject({ status: 'stored', id: EC_ID, verified: true, ...expected });
      if (!('gun' in expected)) expect(block?.gun).toBeUndefined();
      // Wherever the path leads, the key lies under its own ID, in the one folder.
      expect(await readdir(folder)).toEqual(['private']);
      expect(await files()).toEqual([`${EC_ID}.key`]);
      await rm(privateDir, { recursive: true });
    }
  });

  it.each(['targets', 'snapshot', 'timestamp'])(
    'a %s key without a repository is refused',
    async role => {
      const path = `somewhere/${EC_ID}`;
      const [block] = await importing(headed(plain(), { role, path }));
      expect(block).toMatchObject({
        status: 'refused',
        error: { code: 'KEY_GUN_MISSING', details: { path } },
      });
      expect(await files()).toEqual([]);
    },
  );

  it('keeps the headers that it does not know', async () => {
    const text = headed(vector(`store/${ED_ID}.key`), { path: ED_ID, note: 'of the vault' });
    await importing(text);
    await importing(headed(plain(), { note: 'of the other vault' }));
    expect(decodePem(await keyFile(ED_ID))?.headers.get('note')).toBe('of the vault');
    expect(decodePem(await keyFile(EC_ID))?.headers.get('note')).toBe('of the other vault');
  });

  it('refuses a GUN that is no name, and a role that a terminal would obey', async () => {
    const text = headed(plain(), { role: 'targets', gun: '../../etc' });
    expect(outcomes(await importing(text))).toEqual(['refused GUN_INVALID']);
    expect(outcomes(await importing(headed(plain(), { role: 'a\u001b[2J' })))).toEqual([
      'refused KEY_ROLE_INVALID',
    ]);
  });

  it.each([
    ['clear', () => vector('import/ec-plain-sec1.pem'), EC_ID],
    ['encrypted', () => vector(`store/${ED_ID}.key`), ED_ID],
  ])('a path that lies about a %s key is refused with both IDs', async (_kind, text, id) => {
    for (const formats of ['all', 'notary'] as const) {
      const [block] = await importing(headed(text(), { path: OTHER_ID }), { formats });
      expect(block?.error?.code).toBe('KEY_ID_MISMATCH');
      expect(block?.error?.message).toContain(OTHER_ID);
      expect(block?.error?.message).toContain(id);
    }
    expect(await files()).toEqual([]);
  });
});

describe('what is there already', () => {
  const text = (key: PrivateKey, passphrase: string, role: string): string =>
    headed(encodePrivateKeyPem(key, { encryption: NOTARY_ENCRYPTION, passphrase, role }), {
      path: key.id,
    });

  async function stored(key: PrivateKey, role = 'alice', passphrase = PASS): Promise<string> {
    await mkdir(privateDir, { mode: 0o700 });
    const pem = encodePrivateKeyPem(key, { encryption: NOTARY_ENCRYPTION, passphrase, role });
    await writeFile(join(privateDir, `${key.id}.key`), pem, { mode: 0o600 });
    return pem;
  }

  it('keeps its file, or gets the new one if it is the same key', async () => {
    const key = generatePrivateKey('ecdsa');
    const before = await stored(key, 'alice', 'its own passphrase');
    expect(outcomes(await importing(text(key, PASS, 'alice')))).toEqual(['already-stored']);
    expect(await keyFile(key.id)).toBe(before);
    const again = await importing(text(key, PASS, 'alice'), { sameKey: 'replace' });
    expect(outcomes(again)).toEqual(['replaced']);
    expect(decodePrivateKeyPem(await keyFile(key.id), PASS).id).toBe(key.id);
  });

  it('keeps its role when nobody says another', async () => {
    const key = generatePrivateKey('ecdsa');
    const before = await stored(key);
    const plain = encodePrivateKeyPem(key, { encryption: NOTARY_ENCRYPTION, passphrase: '' });
    for (const sameKey of ['keep', 'replace'] as const) {
      expect(await importing(plain, { sameKey, passphrases: [] })).toMatchObject([
        { status: 'already-stored', id: key.id, role: 'alice' },
      ]);
    }
    expect(await keyFile(key.id)).toBe(before);
  });

  it('is never overwritten under another role', async () => {
    const key = generatePrivateKey('ecdsa');
    const before = await stored(key);
    for (const sameKey of ['keep', 'replace'] as const) {
      const [block] = await importing(text(key, PASS, 'root'), { sameKey, badBlocks: 'skip' });
      expect(block?.error?.code).toBe('KEY_EXISTS');
    }
    expect(await keyFile(key.id)).toBe(before);
  });

  it('is never overwritten by a locked key that only says it is the same', async () => {
    const key = generatePrivateKey('ecdsa');
    const before = await stored(key);
    const forged = headed(
      encodePrivateKeyPem(generatePrivateKey('ecdsa'), {
        encryption: NOTARY_ENCRYPTION,
        passphrase: 'x',
        role: 'alice',
      }),
      { path: key.id },
    );
    const [block] = await importing(forged, { sameKey: 'replace' });
    expect(block?.error?.code).toBe('KEY_EXISTS');
    expect(await keyFile(key.id)).toBe(before);
  });

  it('is never overwritten when it cannot be read', async () => {
    const key = generatePrivateKey('ecdsa');
    await mkdir(privateDir);
    await writeFile(join(privateDir, `${key.id}.key`), 'the only copy, cut by a full disk');
    const [block] = await importing(text(key, PASS, 'alice'), { sameKey: 'replace' });
    expect(block?.error?.code).toBe('KEY_EXISTS');
    expect(await keyFile(key.id)).toContain('the only copy');
  });
});

describe('several blocks', () => {
  it('are all judged before the first is written', async () => {
    const good = vector('import/ec-plain-sec1.pem');
    const bad = readVector('keys/public/rsa2048-bob.pub.pem').toString('utf8');
    const prompts: string[] = [];
    const ask = new PromptPassphrases(async ({ keyId = '' }) => {
      prompts.push(keyId);
      return PASS;
    });
    const options = { passphrases: [ask] };
    for (const text of [`${good}${bad}`, `${bad}${good}`]) {
      expect(outcomes(await importing(text, options)).sort()).toEqual([
        'not-stored',
        'refused KEY_NOT_PRIVATE',
      ]);
    }
    expect(outcomes(await importing([good, bad], options))).toEqual([
      'not-stored',
      'refused KEY_NOT_PRIVATE',
    ]);
    expect(await files()).toEqual([]);
    expect(prompts).toEqual([]);
    const skipping = await importing(`${bad}${good}`, { ...options, badBlocks: 'skip' });
    expect(outcomes(skipping)).toEqual(['refused KEY_NOT_PRIVATE', 'stored']);
    expect(await files()).toEqual([`${EC_ID}.key`]);
    expect(prompts).toEqual([EC_ID]);
  });

  it('of one key are one key; of one key for two roles are refused', async () => {
    const good = vector('import/ec-plain-sec1.pem');
    expect(outcomes(await importing(`${good}${good}`))).toEqual(['stored', 'duplicate']);
    const file = await keyFile(EC_ID);
    // Notary makes one file of adjacent blocks.
    expect(decodeAllPem(file)).toHaveLength(1);
    await rm(privateDir, { recursive: true });
    const roles = `${headed(good, { role: 'root' })}${headed(good, { role: 'alice' })}`;
    expect(outcomes(await importing(roles))).toEqual(['not-stored', 'refused KEY_EXISTS']);
  });

  it('are not stored when the passphrase for one is missing', async () => {
    const bundle = `${headed(vector(`store/${ED_ID}.key`), { path: ED_ID })}${vector('import/ec-plain-sec1.pem')}`;
    await expectFailure(importing(bundle, { passphrases: [] }), KeyError, 'KEY_PASSPHRASE_MISSING');
    expect(await files()).toEqual([]);
  });

  it('are taken back when one cannot be written', async () => {
    const bundle = vector('import/export-bundle.pem');
    await mkdir(privateDir, { mode: 0o700 });
    let writes = 0;
    const failing = store(async (...write) => {
      writes += 1;
      if (writes === 5) throw new KeyError('DISK', 'the disk is full');
      return writeFileAtomic(...write);
    });
    await expectFailure(importing(bundle, {}, failing), KeyError, 'DISK');
    expect(await files()).toEqual([]);
  });

  it('are taken back when what is read is not what was written', async () => {
    const failing = store((path, text, options) =>
      writeFileAtomic(path, text.slice(0, -40), options),
    );
    const text = vector('import/ec-plain-sec1.pem');
    await expectFailure(importing(text, {}, failing), KeyError, 'KEY_NOT_STORED');
    expect(await files()).toEqual([]);
  });

  it('of locked keys make nobody ask for passphrases that are not needed', async () => {
    const never = new PromptPassphrases(async () => {
      throw new Error('nobody was to be asked');
    });
    const blocks = await importing(vector('import/export-bundle.pem'), {
      passphrases: [environment(), never],
    });
    // What the environment opens is checked all the same.
    expect(blocks.filter(({ verified }) => verified).length).toBe(6);
  });
});

it.each([
  ['PBKDF2', OID.pbkdf2, [20_000_000]],
  ['scrypt', '1.3.6.1.4.1.11591.4.11', [16384, 8, 1000]],
])('refuses a file that asks for an hour of %s', async (_name, kind, numbers) => {
  const salt = encodeOctetString(Buffer.alloc(8));
  const work = encodeSequence(salt, ...numbers.map(encodeUnsignedInteger));
  const aes128 = encodeObjectIdentifier('2.16.840.1.101.3.4.1.2');
  const bytes = encodeSequence(
    encodeSequence(
      encodeObjectIdentifier(OID.pbes2),
      encodeSequence(
        encodeSequence(encodeObjectIdentifier(kind), work),
        encodeSequence(aes128, encodeOctetString(Buffer.alloc(16))),
      ),
    ),
    encodeOctetString(Buffer.alloc(160)),
  );
  const text = encodePem({ label: 'ENCRYPTED PRIVATE KEY', bytes });
  expect(outcomes(await importing(text))).toEqual(['refused KEY_UNSUPPORTED']);
});
