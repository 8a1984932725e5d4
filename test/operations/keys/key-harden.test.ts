import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { decodePem } from '../../../src/crypto/pem.ts';
import { inspectPrivateKeyPem } from '../../../src/crypto/private-key-pem.ts';
import { hardenKeys } from '../../../src/operations/keys/key-harden.ts';
import { readVector } from '../../support/fixtures.ts';
import { it, type Machine } from '../../support/trust-scene.ts';

const APP = 'localhost:5000/app';
/** Fewer rounds than people get, so that the test is quick. */
const ROUNDS = 50_000;

const hardening = (machine: Machine, ids?: string[], dryRun = false) =>
  machine
    .withEnv({ TABELLION_KDF_ROUNDS: String(ROUNDS) })
    .run(session => hardenKeys(session, { dryRun, ...(ids === undefined ? {} : { ids }) }));

const facts = async (machine: Machine) =>
  (await machine.keyFiles()).map(({ id, text }) => ({ id, ...inspectPrivateKeyPem(text) }));

describe('hardening keys', () => {
  it('encrypts them anew under the same passphrases and headers, and they sign', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`, { signer: 'alice' });
    const before = await facts(machine);
    expect(before.map(({ iterations }) => iterations)).toEqual([2048, 2048, 2048]);

    const plan = await hardening(machine, undefined, true);
    expect(plan.keys.map(({ status }) => status)).toEqual(Array(3).fill('would-harden'));
    expect(await facts(machine)).toEqual(before);

    const report = await hardening(machine);
    expect(report).toMatchObject({ dryRun: false, targetIterations: ROUNDS, exitCode: 0 });
    expect(report.keys.map(({ role, status }) => [role, status])).toEqual([
      ['root', 'hardened'],
      ['alice', 'hardened'],
      ['targets', 'hardened'],
    ]);
    expect(await facts(machine)).toEqual(
      before.map(one => ({ ...one, iterations: ROUNDS, prf: 'sha1' })),
    );
    // Neither a copy nor anything else is left beside them.
    expect((await readdir(join(machine.trustDir, 'private'))).sort()).toEqual(
      before.map(({ id }) => `${id}.key`).sort(),
    );
    expect(await machine.signOne(`${APP}:2`)).toMatchObject({ exitCode: 0 });

    const files = await machine.keyFiles();
    const again = await hardening(machine);
    expect(again.keys.map(({ status }) => status)).toEqual(Array(3).fill('strong'));
    expect(await machine.keyFiles()).toEqual(files);
  });

  it('converts the old encryption of OpenSSL, and tells what it cannot do', async ({ scene }) => {
    const machine = await scene.machine({
      env: { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'legacy-pass-1' },
    });
    const folder = join(machine.trustDir, 'private');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const place = async (vector: string) => {
      const name = vector.split('.').slice(-2).join('.');
      await writeFile(join(folder, name), readVector(`keys/${vector}`), { mode: 0o600 });
      return name.replace('.key', '');
    };
    const [dek, plain, cut] = [
      await place(
        'legacy/ec-dek-aes256.d5a1c0ae6f010cc9192bfac8cabc29adabd0f2f5dd4ca75338e36107d5b02f46.key',
      ),
      await place(
        'legacy/ec-plain.86efda234180422efb244bd77ab565a3944122f3aca923ed79cf24a2a578dd96.key',
      ),
      await place(
        'bad/truncated-pem.135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7.key',
      ),
    ];
    const before = new Map((await machine.keyFiles()).map(({ id, text }) => [id, text]));
    const report = await hardening(machine);
    expect(report.exitCode).toBe(4);
    const of = (id: string) => report.keys.find(key => key.id === id);
    expect(of(dek)).toMatchObject({
      status: 'hardened',
      role: 'dave',
      strengthBefore: 'weak',
      iterations: ROUNDS,
    });
    expect(of(plain)).toMatchObject({ status: 'failed', error: { code: 'KEY_NOT_ENCRYPTED' } });
    expect(of(cut)).toMatchObject({ status: 'failed', error: { code: 'KEY_FILE_DAMAGED' } });
    const after = new Map((await machine.keyFiles()).map(({ id, text }) => [id, text]));
    expect(after.get(plain)).toBe(before.get(plain));
    expect(after.get(cut)).toBe(before.get(cut));
    const block = decodePem(after.get(dek) ?? '');
    expect(block?.label).toBe('ENCRYPTED PRIVATE KEY');
    expect([...(block?.headers ?? [])]).toEqual([['role', 'dave']]);
    expect((await machine.run(async session => (await session.keys()).open(dek))).id).toBe(dek);
  });

  it('leaves a key alone whose passphrase is wrong, and goes on with the others', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const [root] = (await machine.keyFiles()).filter(({ role }) => role === 'root');
    const report = await hardening(
      machine.withEnv({ DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'another one' }),
    );
    expect(report.exitCode).toBe(4);
    expect(report.keys).toMatchObject([
      { role: 'root', status: 'failed', error: { code: 'KEY_PASSPHRASE_WRONG' } },
      { role: 'targets', status: 'hardened' },
    ]);
    expect(await machine.keyFiles()).toContainEqual(root);
  });

  it('never makes a file weaker, and needs no passphrase for a strong one', async ({ scene }) => {
    const machine = await scene.machine({ env: { TABELLION_KDF_ROUNDS: '600000' } });
    const folder = join(machine.trustDir, 'private');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const id = 'cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6';
    await writeFile(join(folder, `${id}.key`), readVector(`keys/variants/iter-600000.${id}.key`));
    const report = await machine.run(session => hardenKeys(session, {}));
    expect(report.keys).toMatchObject([{ id, status: 'strong', iterations: 600_000 }]);
  });

  it('removes the copy that an interrupted run has left', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    await hardening(machine);
    const [key] = await machine.keyFiles();
    const copy = join(machine.trustDir, 'private', `.${key?.id}.key.before`);
    await writeFile(copy, 'what was there before');
    const plan = await hardening(machine, undefined, true);
    expect(plan.keys.filter(({ status }) => status === 'would-harden')).toHaveLength(1);
    await hardening(machine);
    await expect(readFile(copy)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await machine.keyFiles()).toContainEqual(key);
  });
});
