import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectPrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { copyVectors } from '../support/fixtures.ts';
import { runCli, type TestHostOptions } from './test-host.ts';

const ROOT_ID = '70aee2cfd333d01d55aff3064e0e3a72e954f7ec7a3806cfd5d36a5aa785e622';
const TARGETS_ID = '135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7';
const ENV = {
  TABELLION_KEYCHAIN: 'off',
  TABELLION_KDF_ROUNDS: '5000',
  NOTARY_ROOT_PASSPHRASE: 'root-pass-1',
  NOTARY_TARGETS_PASSPHRASE: 'targets-pass-1',
};

let dir: string;
let trust: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-care-'));
  trust = join(dir, 'trust');
  copyVectors('keys/store', join(trust, 'private'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function key(args: string[], options: TestHostOptions = {}) {
  const result = await runCli(['key', ...args, '--trust-dir', trust], { env: ENV, ...options });
  const short = (text: string): string => text.replaceAll(dir, '…');
  return { ...result, out: short(result.out), err: short(result.err) };
}

const rounds = async (id: string) =>
  inspectPrivateKeyPem(await readFile(join(trust, 'private', `${id}.key`)))?.iterations;

describe('key harden', () => {
  it('shows a plan, hardens, and says what it did', async () => {
    const plan = await key(['harden', '--dry-run', ROOT_ID.slice(0, 7), TARGETS_ID]);
    expect(plan).toMatchObject({ exitCode: 0, err: '' });
    expect(plan.out).toMatchInlineSnapshot(`
      "+ root key 70aee2cfd333 would be hardened
        had 2,048 rounds, then at least 5,000 rounds
      + repository key of localhost:5000/speca/keyvectors 135a78a586dd would be hardened
        had 2,048 rounds, then at least 5,000 rounds
      dry run: nothing was changed
      "
    `);
    expect(await rounds(ROOT_ID)).toBe(2048);

    const done = await key(['harden', '--yes', ROOT_ID, TARGETS_ID]);
    expect(done).toMatchObject({ exitCode: 0, err: '' });
    expect(done.out).toMatchInlineSnapshot(`
      "✓ root key 70aee2cfd333 hardened
        had 2,048 rounds, now 5,000 rounds
      ✓ repository key of localhost:5000/speca/keyvectors 135a78a586dd hardened
        had 2,048 rounds, now 5,000 rounds
      "
    `);
    expect([await rounds(ROOT_ID), await rounds(TARGETS_ID)]).toEqual([5000, 5000]);
    expect((await key(['harden', '--yes', '-q', TARGETS_ID])).out).toBe('');
    const again = await key(['harden', '--yes', TARGETS_ID]);
    expect(again.out).toContain('is weak, but has as many rounds as TABELLION_KDF_ROUNDS asks for');
  });

  it('asks for a confirmation, and for which keys', async () => {
    expect(await key(['harden', '--all'])).toMatchObject({ exitCode: 2, out: '' });
    expect(await key(['harden', '--yes'])).toMatchObject({ exitCode: 2, out: '' });
    expect(await key(['harden', '--yes', '--all', ROOT_ID])).toMatchObject({
      exitCode: 2,
      out: '',
    });
    expect(await rounds(ROOT_ID)).toBe(2048);
  });

  it('goes on when one fails, and tells programs', async () => {
    const { exitCode, out } = await key(['harden', '--all', '--yes', '--json'], {
      env: { ...ENV, NOTARY_ROOT_PASSPHRASE: 'another one' },
    });
    expect(exitCode).toBe(4);
    const { keys, ...rest } = JSON.parse(out);
    expect(rest).toEqual({ schemaVersion: 1, dryRun: false, targetIterations: 5000 });
    expect(keys.find((one: { id: string }) => one.id === TARGETS_ID)).toMatchObject({
      role: 'targets',
      status: 'hardened',
      strengthBefore: 'weak',
      iterationsBefore: 2048,
      iterations: 5000,
    });
    expect(keys.find((one: { id: string }) => one.id === ROOT_ID)).toMatchObject({
      status: 'failed',
      error: { code: 'KEY_PASSPHRASE_WRONG' },
    });
    expect(out).not.toContain('pass-1');
  });

  it('refuses fewer rounds than Notary has', async () => {
    const env = { ...ENV, TABELLION_KDF_ROUNDS: '1000' };
    const { exitCode, err } = await key(['harden', '--all', '--yes'], { env });
    expect(exitCode).toBe(2);
    expect(err).toContain('TABELLION_KDF_ROUNDS');
  });
});

describe('key check', () => {
  it('proves keys, and says what is wrong with the others', async () => {
    await writeFile(join(trust, 'private', `${TARGETS_ID}.key`), 'no key at all');
    const { exitCode, out } = await key(['check', '--offline', ROOT_ID, TARGETS_ID]);
    expect(exitCode).toBe(4);
    expect(out).toMatchInlineSnapshot(`
      "! root key 70aee2cfd333 opens and signs
        Its mode is 0644, so that others than its owner have access; it should be 0600
        Its file is weakly encrypted
          hint: Mend that with: tabellion key harden 70aee2cfd333
        No repository in this trust directory trusts it (any more)
      ✗ delegation key 135a78a586dd
        The key file …/trust/private/135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7.key cannot be used: The key file is empty, cut short or not a PEM file: it holds no whole PEM block.
          hint: Restore the key file from a backup.
        No repository in this trust directory trusts it (any more)

      2 keys: 1 proved to sign, 1 failed, 1 with remarks
      "
    `);
    const quiet = await key(['check', '--offline', '-q', ROOT_ID, TARGETS_ID]);
    expect(quiet.out).toBe(`${TARGETS_ID}\n`);
    expect(quiet.err).toContain('135a78a586dd');
  });

  it('has everything for programs', async () => {
    const { exitCode, out } = await key(['check', '--offline', '--no-unlock', '--json']);
    expect(exitCode).toBe(0);
    const { keys, ...rest } = JSON.parse(out);
    expect(rest).toMatchObject({ schemaVersion: 1, offline: true, notHere: [], unchecked: [] });
    expect(keys).toHaveLength(9);
    expect(keys[0]).toMatchObject({
      id: ROOT_ID,
      role: 'root',
      strength: 'weak',
      opens: null,
      signs: null,
      trustedBy: [],
      needed: true,
      failed: false,
    });
  });
});

describe('key list', () => {
  it('has the strength, the age and the repositories of keys, and one line to remind of them', async () => {
    const { exitCode, out, err } = await key(['list']);
    expect(exitCode).toBe(0);
    expect(out).toContain('KEY               KEY ID        FILE  AGE');
    expect(out).not.toContain('PASSPHRASE');
    expect(err).toMatchInlineSnapshot(`
      "reminder: The root key 70aee2cfd333 has no backup on record; make one with: tabellion backup create FILE
      reminder: 9 key files are weakly encrypted; mend them with: tabellion key harden --all
      "
    `);
    expect((await key(['list', '-q'])).err).toBe('');
    const { keys, reminders } = JSON.parse((await key(['list', '--json'])).out);
    expect(reminders.map(({ kind }: { kind: string }) => kind)).toEqual(['no-backup', 'weak-key']);
    expect(keys[0]).toMatchObject({
      id: ROOT_ID,
      strength: 'weak',
      trustedBy: [],
      iterations: 2048,
    });
  });
});
