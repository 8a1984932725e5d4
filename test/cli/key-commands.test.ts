import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { decodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { copyVectors, readVector, vectorPath } from '../support/fixtures.ts';
import { createTestHost, runCli, type TestHostOptions } from './test-host.ts';

const EC_ID = 'ee73ecd786d1c8be595981a6c704d7cc06b10466bd8490027efc896c5508c6e4';
const TARGETS_ID = '135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7';
const ENV = {
  NOTARY_ROOT_PASSPHRASE: 'root-pass-1',
  NOTARY_TARGETS_PASSPHRASE: 'targets-pass-1',
  NOTARY_SNAPSHOT_PASSPHRASE: 'snapshot-pass-1',
  NOTARY_DELEGATION_PASSPHRASE: 'delegation-pass-1',
};

let dir: string;
let trust: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-key-'));
  trust = join(dir, 'trust');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** `tabellion key …` on the trust directory of the test; paths in what it says are shortened. */
async function key(args: string[], options: TestHostOptions = {}) {
  const result = await runCli(['key', ...args, '--trust-dir', trust], { env: ENV, ...options });
  return { ...result, out: short(result.out), err: short(result.err) };
}

const short = (text: string): string => text.replaceAll(dir, '…');

async function owned(vector: string, name: string): Promise<string> {
  const path = join(dir, name);
  await copyFile(vectorPath(`keys/${vector}`), path);
  await chmod(path, 0o600);
  return path;
}

const stored = async (): Promise<string[]> =>
  (await readdir(join(trust, 'private')).catch(() => [])).sort();

describe('key import', () => {
  it('tells what became of every block', async () => {
    const bundle = await owned('import/export-bundle.pem', 'bundle.pem');
    const plain = await owned('import/ec-plain-sec1.pem', 'plain.pem');
    const { out, err, exitCode } = await key(['import', bundle, plain, '--role', 'dora']);
    expect(out).toMatchInlineSnapshot(`
      "…/bundle.pem
        ✓ signer key eddy 027a5371fed4 stored
        ✓ repository key of localhost:5000/speca/keyvectors 135a78a586dd stored
        ✓ signer key ec224 467a0e8620cc stored
        ✓ snapshot key of localhost:5000/speca/keyvectors 4d3743dfe41e stored
        ✓ signer key ec384 6a4dffe34377 stored
        ✓ root key 70aee2cfd333 stored
        ✓ signer key ec521 7c441afebe17 stored
        ✓ signer key bob 81becb51554f stored
        ✓ signer key alice f3553c8cf78f stored
      …/plain.pem
        ✓ signer key dora ee73ecd786d1 stored, under a new passphrase
      All 10 keys are in …/trust/private
      "
    `);
    expect(err).toMatchInlineSnapshot(`
      "tabellion: warning: …/plain.pem holds a key that is not encrypted: remove it, or keep it safe
      "
    `);
    expect(exitCode).toBe(0);
    expect(await stored()).toHaveLength(10);
    const quiet = await key(['import', '-q', plain, '--role', 'dora']);
    expect(quiet.out).toBe(`${EC_ID}\n`);
  });

  it('says why nothing was imported', async () => {
    const plain = await owned('import/ec-plain-sec1.pem', 'plain.pem');
    const pub = await owned('docker/carol.pub', 'carol.pub');
    const { out, exitCode } = await key(['import', plain, pub]);
    expect(out).toMatchInlineSnapshot(`
      "…/plain.pem
        - delegation key ee73ecd786d1 not stored, because of the rest
      …/carol.pub
        ✗ block 1: It is a “PUBLIC KEY”, where a private key is expected
          hint: Give the file that holds the private key.
      Nothing was imported into …/trust/private
      "
    `);
    expect(exitCode).toBe(4);
    expect(await stored()).toEqual([]);
    const { out: json } = await key(['import', plain, pub, '--json']);
    expect(JSON.parse(json)).toMatchObject({
      schemaVersion: 1,
      complete: false,
      files: [
        { blocks: [{ status: 'not-stored', id: EC_ID }] },
        { blocks: [{ status: 'refused', error: { code: 'KEY_NOT_PRIVATE' } }] },
      ],
    });
    const quiet = await key(['import', '-q', pub]);
    expect(quiet.out).toBe('');
    expect(quiet.err).toContain('PUBLIC KEY');
  });

  it('wants the repository of a repository key', async () => {
    const plain = await owned('import/ec-plain-sec1.pem', 'plain.pem');
    const without = await key(['import', plain, '--role', 'targets']);
    expect(without.out).toContain('nothing says to which');
    expect(without.exitCode).toBe(4);
    const args = ['import', plain, '--role', 'targets', '--repository', 'alpine', '--json'];
    expect(JSON.parse((await key(args)).out).files[0].blocks[0]).toMatchObject({
      role: 'targets',
      gun: 'docker.io/library/alpine',
    });
    expect((await key(['import', plain, '--role', 'targets/alice'])).exitCode).toBe(2);
  });
});

describe('key export', () => {
  it('makes a backup that key import takes', async () => {
    copyVectors('keys/store', join(trust, 'private'));
    const file = join(dir, 'backup.pem');
    const { out, err, exitCode } = await key(['export', '-o', file]);
    expect(out).toMatchInlineSnapshot(`
      "Exported 9 keys to …/backup.pem
        signer key eddy   027a5371fed4
        repository key    135a78a586dd  localhost:5000/speca/keyvectors
        signer key ec224  467a0e8620cc
        snapshot key      4d3743dfe41e  localhost:5000/speca/keyvectors
        signer key ec384  6a4dffe34377
        root key          70aee2cfd333
        signer key ec521  7c441afebe17
        signer key bob    81becb51554f
        signer key alice  f3553c8cf78f
      "
    `);
    expect(exitCode).toBe(0);
    expect(err.split('\n').filter(line => !line.includes('not encrypted'))).toEqual(['']);
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
    const again = await key(['export', '-o', file]);
    expect(again.err).toContain('--force');
    expect(again.exitCode).toBe(1);
    const before = await stored();
    trust = join(dir, 'elsewhere');
    expect((await key(['import', file])).exitCode).toBe(0);
    expect(await stored()).toEqual(before);
  });

  it('writes PEM and nothing else to stdout', async () => {
    copyVectors('keys/store', join(trust, 'private'));
    const { out, err } = await key(['export']);
    expect(out).toBe(readVector('keys/import/export-bundle.pem').toString('utf8'));
    expect(err).toBe('');
    const some = await key(['export', TARGETS_ID.slice(0, 8), '--repository', 'localhost:5000/no']);
    expect(some).toMatchObject({ out: '', exitCode: 4 });
    expect(some.err).toContain('There is no private key of localhost:5000/no');
    const json = await key(['export', '--json']);
    expect(json.exitCode).toBe(2);
  });

  it('is no success when a key could not be exported', async () => {
    copyVectors('keys/store', join(trust, 'private'));
    const name = `truncated-pem.${TARGETS_ID}.key`;
    await copyFile(vectorPath(`keys/bad/${name}`), join(trust, 'private', `${TARGETS_ID}.key`));
    const { out, err, exitCode } = await key(['export', '-o', join(dir, 'out.pem')]);
    expect(out).toContain('Exported 8 keys');
    expect(out).toContain('1 file in the key store could not be exported');
    expect(err).toContain(`${TARGETS_ID}.key was not exported`);
    expect(exitCode).toBe(4);
  });
});

describe('key passwd', () => {
  it('takes the beginning of an ID, and both passphrases from the environment', async () => {
    copyVectors('keys/store', join(trust, 'private'));
    const env = { ...ENV, TABELLION_NEW_PASSPHRASE: 'brand new passphrase' };
    const { out, err, exitCode } = await key(['passwd', '135a78a'], { env });
    expect({ out, err, exitCode }).toEqual({
      out: `The repository key of localhost:5000/speca/keyvectors 135a78a586dd has a new passphrase\n  private key  …/trust/private/${TARGETS_ID}.key\n`,
      err: '',
      exitCode: 0,
    });
    const text = await readFile(join(trust, 'private', `${TARGETS_ID}.key`), 'utf8');
    expect(decodePrivateKeyPem(text, 'brand new passphrase').id).toBe(TARGETS_ID);
    expect((await key(['passwd', '135a78a'], { env })).exitCode).toBe(4);
  });

  it('asks at a terminal', async () => {
    copyVectors('keys/store', join(trust, 'private'));
    const host = createTestHost({ terminal: { stdin: true, stderr: true }, env: ENV });
    const ended = run(['key', 'passwd', '135a78a', '--no-color', '--trust-dir', trust], host);
    await host.errShows('New passphrase for the repository key');
    host.stdin.write('typed passphrase\r');
    await host.errShows('The same passphrase again');
    host.stdin.write('typed passphrase\r');
    expect((await ended).exitCode).toBe(0);
    expect(host.out() + host.err()).not.toContain('typed');
    const text = await readFile(join(trust, 'private', `${TARGETS_ID}.key`), 'utf8');
    expect(decodePrivateKeyPem(text, 'typed passphrase').id).toBe(TARGETS_ID);
  });
});

describe('key remove', () => {
  const file = () => join(trust, 'private', `${TARGETS_ID}.key`);

  it('asks first, and names the repositories that need the key', async () => {
    copyVectors('keys/store', join(trust, 'private'));
    const metadata = join(trust, 'tuf', 'localhost:5000', 'speca', 'keyvectors', 'metadata');
    copyVectors('keys/metadata', metadata);
    const options = { terminal: { stdin: true, stderr: true }, env: ENV };
    const start = (host: ReturnType<typeof createTestHost>) =>
      run(['key', 'remove', '135a78a', '--no-color', '--trust-dir', trust], host);
    const host = createTestHost(options);
    const ended = start(host);
    await host.errShows('Remove this key for good?');
    expect(short(host.err().split('\u001b')[0] ?? '')).toMatchInlineSnapshot(`
      "The repository key of localhost:5000/speca/keyvectors 135a78a586dd would be removed
        private key  …/trust/private/135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7.key
        It is among the keys of:
          localhost:5000/speca/keyvectors  targets  no other key of this role here
      ? Remove this key for good? (y/N)"
    `);
    host.stdin.write('\r');
    expect((await ended).exitCode).toBe(1);
    expect(existsSync(file())).toBe(true);
    const willing = createTestHost(options);
    const gone = start(willing);
    await willing.errShows('Remove this key for good?');
    willing.stdin.write('y\r');
    expect((await gone).exitCode).toBe(0);
    expect(willing.out()).toContain('Removed the repository key');
    expect(existsSync(file())).toBe(false);
  });

  it('needs --yes where nobody can be asked', async () => {
    copyVectors('keys/store', join(trust, 'private'));
    expect(await key(['remove', TARGETS_ID])).toMatchObject({ exitCode: 2, out: '' });
    expect((await key(['remove', TARGETS_ID, '--json'])).exitCode).toBe(2);
    const plan = await key(['remove', TARGETS_ID, '--dry-run', '--json']);
    expect(JSON.parse(plan.out)).toMatchObject({ removed: false, neededBy: [], unreadable: [] });
    expect(existsSync(file())).toBe(true);
    const { out, exitCode } = await key(['remove', TARGETS_ID, '--yes']);
    expect(out).toContain('No repository in this trust directory names it.');
    expect(exitCode).toBe(0);
    expect(existsSync(file())).toBe(false);
    expect((await key(['remove', TARGETS_ID, '--yes'])).exitCode).toBe(4);
  });
});
