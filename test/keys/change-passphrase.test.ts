import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  NOTARY_ENCRYPTION,
  parseEncryptedPrivateKey,
} from '../../src/crypto/encrypted-private-key.ts';
import { decodePem, encodePem } from '../../src/crypto/pem.ts';
import { decodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { KeyError } from '../../src/errors.ts';
import { changePassphrase } from '../../src/keys/change-passphrase.ts';
import { type KeyFileWriter, KeyStore } from '../../src/keys/key-store.ts';
import type { PassphraseSource } from '../../src/keys/passphrase.ts';
import { writeFileAtomic } from '../../src/trust-dir/atomic-file.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { readVector } from '../support/fixtures.ts';

const TARGETS_ID = '135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7';
const VARIANT_ID = 'cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6';
const NEW = 'the new passphrase';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-passwd-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const always = (passphrase: string): PassphraseSource => ({
  name: 'test',
  get: async ({ attempt }) => (attempt > 0 ? undefined : { passphrase, source: 'test' }),
});

async function place(vector: string, name: string, headers: [string, string][] = []) {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const block = decodePem(readVector(`keys/${vector}`));
  if (block === undefined) throw new Error('no PEM');
  const text = encodePem({ ...block, headers: [...block.headers, ...headers] });
  await writeFile(path, text, { mode: 0o600 });
  return { path, text, now: () => readFile(path, 'utf8') };
}

function change(
  id: string,
  old: string,
  {
    writeFile: writer = writeFileAtomic as KeyFileWriter,
    next = [always(NEW)],
    encryption = NOTARY_ENCRYPTION,
  } = {},
) {
  const store = new KeyStore({
    privateDir: folder,
    passphrases: [always(old)],
    writeFile: writer,
    encryption,
  });
  return changePassphrase(store, id, next);
}

describe('a new passphrase', () => {
  it('leaves all else as it was, headers that nobody knows too', async () => {
    const key = await place(`store/${TARGETS_ID}.key`, `${TARGETS_ID}.key`, [['note', 'vault 7']]);
    const before = decodePem(key.text);
    await change(TARGETS_ID, 'targets-pass-1');
    const after = await key.now();
    expect(decodePem(after)).toMatchObject({ label: before?.label, headers: before?.headers });
    expect(decodePem(after)?.headers.get('note')).toBe('vault 7');
    expect(decodePrivateKeyPem(after, NEW).id).toBe(TARGETS_ID);
    expect(() => decodePrivateKeyPem(after, 'targets-pass-1')).toThrow();
    expect(await readdir(folder)).toEqual([`${TARGETS_ID}.key`]);
    expect((await stat(key.path)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['variants/iter-600000', 600_000, 8],
    ['variants/iter-1300000-salt-32', 1_300_000, 32],
    ['variants/plain-pkcs8', 2048, 8],
  ])('of %s is no weaker than the old one', async (name, iterations, saltBytes) => {
    const key = await place(`${name}.${VARIANT_ID}.key`, `${VARIANT_ID}.key`);
    expect(await change(VARIANT_ID, 'variant-pass-1')).toMatchObject({ iterations });
    const sealed = parseEncryptedPrivateKey(decodePem(await key.now())?.bytes ?? Buffer.alloc(0));
    expect(sealed.iterations).toBe(iterations);
    expect(sealed.salt.length).toBeGreaterThanOrEqual(saltBytes);
    expect(decodePrivateKeyPem(await key.now(), NEW).id).toBe(VARIANT_ID);
  });

  it('brings old encryptions and old layouts into a form that every program reads', async () => {
    const id = 'd5a1c0ae6f010cc9192bfac8cabc29adabd0f2f5dd4ca75338e36107d5b02f46';
    const legacy = await place(`legacy/ec-dek-aes256.${id}.key`, `${id}.key`);
    await change(id, 'legacy-pass-1');
    expect(decodePem(await legacy.now())).toMatchObject({
      label: 'ENCRYPTED PRIVATE KEY',
      headers: new Map([['role', 'dave']]),
    });
    const sha256 = await place(`bad/prf-hmac-sha256.${VARIANT_ID}.key`, `${VARIANT_ID}.key`);
    const { iterations } = await change(VARIANT_ID, 'variant-pass-1');
    expect(iterations).toBeGreaterThanOrEqual(2048);
    const { prf } = parseEncryptedPrivateKey(decodePem(await sha256.now())?.bytes ?? Buffer.of());
    expect(prf).toBe('sha1');
    const rootId = '4719e20e14cbd482715b2f6b337c2b14c5575c47e9d880191cc5523fc94430d0';
    const tree = 'legacy/tree-before/private/root_keys';
    const old = await place(`${tree}/${rootId}_root.key`, `root_keys/${rootId}_root.key`);
    await change(rootId, 'legacy-pass-1');
    expect(decodePrivateKeyPem(await old.now(), NEW).id).toBe(rootId);
    expect(decodePem(await old.now())?.headers.get('role')).toBe('root');
  });

  it('changes nothing when a key lies under the ID of another: both are named', async () => {
    const wrong = 'ab'.repeat(32);
    const key = await place(`bad/wrong-file-name.${wrong}.key`, `${wrong}.key`);
    const error = await expectFailure(change(wrong, 'targets-pass-1'), KeyError, 'KEY_ID_MISMATCH');
    expect(error.message).toContain(wrong);
    expect(error.message).toContain(TARGETS_ID);
    expect(await key.now()).toBe(key.text);
    expect(await readdir(folder)).toEqual([`${wrong}.key`]);
  });

  it('changes nothing when the old one is wrong, or there is no new one', async () => {
    const key = await place(`store/${TARGETS_ID}.key`, `${TARGETS_ID}.key`);
    await expectFailure(change(TARGETS_ID, 'no'), KeyError, 'KEY_PASSPHRASE_WRONG');
    const nothing = change(TARGETS_ID, 'targets-pass-1', { next: [] });
    await expectFailure(nothing, KeyError, 'KEY_PASSPHRASE_MISSING');
    await expectFailure(change('0'.repeat(64), 'no'), KeyError, 'KEY_NOT_FOUND');
    expect(await key.now()).toBe(key.text);
  });

  it('is taken back when the new file is not what was written', async () => {
    const key = await place(`store/${TARGETS_ID}.key`, `${TARGETS_ID}.key`);
    let writes = 0;
    const writer: KeyFileWriter = (path, text, options) => {
      writes += 1;
      return writeFileAtomic(path, writes === 1 ? text.slice(0, 100) : text, options);
    };
    const changing = change(TARGETS_ID, 'targets-pass-1', { writeFile: writer });
    await expectFailure(changing, KeyError, 'KEY_NOT_STORED');
    expect(await key.now()).toBe(key.text);
  });
});
