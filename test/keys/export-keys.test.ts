import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NOTARY_ENCRYPTION } from '../../src/crypto/encrypted-private-key.ts';
import { decodeAllPem } from '../../src/crypto/pem.ts';
import { KeyError } from '../../src/errors.ts';
import { checkExport, exportKeys } from '../../src/keys/export-keys.ts';
import { importKeys } from '../../src/keys/import-keys.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import { writeFileAtomic } from '../../src/trust-dir/atomic-file.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { listVectors, readVector, vectorPath } from '../support/fixtures.ts';

const GUN = 'localhost:5000/speca/keyvectors';
const TARGETS_ID = '135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7';
const SNAPSHOT_ID = '4d3743dfe41e821930320e2fac3fdfedd263bb38159a855927c61960e7311f3e';
const ROOT_ID = '70aee2cfd333d01d55aff3064e0e3a72e954f7ec7a3806cfd5d36a5aa785e622';

let folder: string;
let privateDir: string;
let store: KeyStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-export-'));
  privateDir = join(folder, 'private');
  await mkdir(privateDir, { mode: 0o700 });
  store = new KeyStore({
    privateDir,
    passphrases: [],
    writeFile: writeFileAtomic,
    encryption: NOTARY_ENCRYPTION,
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const fill = () => cp(vectorPath('keys/store'), privateDir, { recursive: true });

const ids = (pem: string) => decodeAllPem(pem).map(({ headers }) => headers.get('path'));

describe('exporting keys', () => {
  it('gives the bytes that notary gives', async () => {
    await fill();
    const { pem, keys, skipped } = await exportKeys(store, {});
    expect(pem).toBe(readVector('keys/import/export-bundle.pem').toString('utf8'));
    expect(keys).toHaveLength(9);
    expect(skipped).toEqual([]);
  });

  it('honours every ID and every repository', async () => {
    await fill();
    const other = 'reg.example/other';
    const key = await new KeyStore({
      privateDir,
      passphrases: [{ name: 'test', get: async () => ({ passphrase: 'x', source: 'test' }) }],
      writeFile: writeFileAtomic,
      encryption: NOTARY_ENCRYPTION,
    }).generate({ role: 'targets', gun: other });
    const both = await exportKeys(store, { guns: [GUN, other] });
    expect(ids(both.pem)).toEqual([TARGETS_ID, SNAPSHOT_ID, key.id].sort());
    const mixed = await exportKeys(store, { ids: [ROOT_ID, ROOT_ID], guns: [other] });
    expect(ids(mixed.pem)).toEqual([ROOT_ID, key.id].sort());
    const unknown = await exportKeys(store, { ids: ['0'.repeat(64)], guns: ['no/such'] });
    expect(unknown).toMatchObject({
      pem: '',
      unknownIds: ['0'.repeat(64)],
      unknownGuns: ['no/such'],
    });
  });

  it('names what it leaves out', async () => {
    await fill();
    const stray = 'ab'.repeat(32);
    await writeFile(join(privateDir, `${stray}.key`), 'not PEM', { mode: 0o600 });
    const report = await exportKeys(store, {});
    expect(report.keys).toHaveLength(9);
    expect(report.skipped).toMatchObject([{ id: stray, problem: expect.stringContaining('PEM') }]);
    expect(ids(report.pem)).not.toContain(stray);
    expect((await exportKeys(store, { guns: [GUN] })).skipped).toEqual([]);
  });

  it('takes keys of the old layout along, under the names and roles of today', async () => {
    await cp(vectorPath('keys/legacy/tree-before/private'), privateDir, { recursive: true });
    const { pem, keys } = await exportKeys(store, {});
    expect(keys).toHaveLength(4);
    const elsewhere = new KeyStore({
      privateDir: join(folder, 'elsewhere'),
      passphrases: [],
      writeFile: writeFileAtomic,
      encryption: NOTARY_ENCRYPTION,
    });
    const options = {
      defaults: {},
      badBlocks: 'refuse',
      sameKey: 'keep',
      passphrases: [],
    } as const;
    await importKeys(elsewhere, [pem], { ...options, formats: 'notary' });
    const facts = (await elsewhere.list()).map(({ id, role, gun }) => ({ id, role, gun }));
    const after = new KeyStore({
      privateDir: vectorPath('keys/legacy/tree-after/private'),
      passphrases: [],
      writeFile: writeFileAtomic,
      encryption: NOTARY_ENCRYPTION,
    });
    expect(facts).toEqual((await after.list()).map(({ id, role, gun }) => ({ id, role, gun })));
    expect(facts).toHaveLength(listVectors('keys/legacy/tree-after/private').length);
  });

  it('notices a file that is not what was exported', async () => {
    await fill();
    const exported = await exportKeys(store, {});
    checkExport(exported.pem, exported);
    for (const damaged of [
      '',
      exported.pem.slice(0, -10),
      exported.pem.replace('alice', 'mallo'),
    ]) {
      await expectFailure(() => checkExport(damaged, exported), KeyError, 'EXPORT_DAMAGED');
    }
  });
});
