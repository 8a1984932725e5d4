import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { canonicalKeyId, readPublicKeyPem } from '../../../src/crypto/public-key.ts';
import { KeyError, OperationError, UsageError } from '../../../src/errors.ts';
import { type GenerateKeyRequest, generateKey } from '../../../src/operations/keys/key-generate.ts';
import { listKeys } from '../../../src/operations/keys/key-list.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { it, type Machine, NOW } from '../../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';

async function generate(machine: Machine, request: GenerateKeyRequest) {
  return await machine.run(session => generateKey(session, request));
}

describe.concurrent('generateKey', () => {
  it('stores a signer’s key and writes the public key to hand out', async ({ scene }) => {
    const machine = await scene.machine();
    const publicKeyFile = join(machine.home, 'alice.pub');
    const made = await generate(machine, { role: 'alice', publicKeyFile });
    expect(made).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      role: 'alice',
      algorithm: 'ecdsa',
      file: join(machine.trustDir, 'private', `${made.id}.key`),
      publicKeyFile,
    });
    const text = await readFile(publicKeyFile, 'utf8');
    expect(text).toMatch(/^-----BEGIN PUBLIC KEY-----\nrole: alice\n\n/);
    expect(canonicalKeyId(readPublicKeyPem(text, NOW))).toBe(made.id);
    for (const file of [publicKeyFile, made.file]) {
      if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
    expect(scene.requests()).toEqual([]);

    const { keys, privateDir } = await machine.run(listKeys);
    expect(privateDir).toBe(join(machine.trustDir, 'private'));
    expect(keys).toMatchObject([{ id: made.id, role: 'alice', encrypted: true }]);
  });

  it('makes Ed25519 keys for signers and repositories, which sign; never for a root', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    const publicKeyFile = join(machine.home, 'eddy.pub');
    const request = { role: 'eddy', algorithm: 'ed25519', publicKeyFile } as const;
    const { id } = await generate(machine, request);
    const read = readPublicKeyPem(await readFile(publicKeyFile), NOW, { ed25519: true });
    expect([read.keytype, canonicalKeyId(read)]).toEqual(['ed25519', id]);
    await machine.signOne(`${GUN}:1`, { signer: 'eddy' });
    expect((await machine.inspect(GUN)).signers).toMatchObject([{ name: 'eddy', keys: [{ id }] }]);
    await expectFailure(
      generate(machine, { role: 'root', algorithm: 'ed25519' }),
      UsageError,
      'KEY_ALGORITHM',
    );
    expect(await machine.keyRoles()).toEqual(['eddy', 'root', 'targets']);
  });

  it('keeps the repository with a targets or snapshot key, by its full name', async ({ scene }) => {
    const machine = await scene.machine();
    for (const role of ['targets', 'snapshot']) {
      const { file } = await generate(machine, { role, repository: 'app' });
      expect(await readFile(file, 'utf8')).toMatch(
        new RegExp(`^gun: docker.io/library/app\\nrole: ${role}$`, 'm'),
      );
    }
    const { file } = await generate(machine, { role: 'root' });
    expect(await readFile(file, 'utf8')).not.toContain('gun:');
  });

  it('makes a key that signs: the first signer’s, and the root', async ({ scene }) => {
    const machine = await scene.machine();
    const root = await generate(machine, { role: 'root' });
    const alice = await generate(machine, { role: 'alice' });
    const report = await machine.signOne(`${GUN}:1`, { signer: 'alice' });
    expect(report.createdKeys.map(({ role }) => role)).toEqual(['targets']);
    const { administrativeKeys, signers } = await machine.inspect(GUN);
    expect(administrativeKeys[0]?.keys[0]?.id).toBe(root.id);
    expect(signers[0]?.keys).toEqual([{ id: alice.id }]);
  });

  it.for([
    { role: 'targets' },
    { role: 'snapshot' },
    { role: 'root', repository: GUN },
    { role: 'alice', repository: GUN },
  ])('refuses %j', async (request, { scene }) => {
    const machine = await scene.machine();
    await expectFailure(generate(machine, request), UsageError, 'KEY_REPOSITORY');
    expect(await machine.keyRoles()).toEqual([]);
  });

  it('refuses a role that would break out of its header', async ({ scene }) => {
    const machine = await scene.machine();
    const request = { role: 'alice\ngun: x' };
    await expectFailure(generate(machine, request), UsageError, 'KEY_ROLE_INVALID');
    expect(await machine.keyRoles()).toEqual([]);
  });

  it('writes over no file, and makes no key then', async ({ scene }) => {
    const machine = await scene.machine();
    const publicKeyFile = join(machine.home, 'alice.pub');
    await writeFile(publicKeyFile, 'precious');
    await expectFailure(
      generate(machine, { role: 'alice', publicKeyFile }),
      OperationError,
      'FILE_EXISTS',
    );
    expect(await readFile(publicKeyFile, 'utf8')).toBe('precious');
    expect(await machine.keyRoles()).toEqual([]);
  });

  it('makes no key that nobody learns of because its public key cannot be written', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    const publicKeyFile = join(machine.home, 'no-such-folder', 'alice.pub');
    await expectFailure(
      generate(machine, { role: 'alice', publicKeyFile }),
      OperationError,
      'FILE_NOT_WRITABLE',
    );
    expect(await machine.keyRoles()).toEqual([]);
  });

  it('makes nothing without a passphrase', async ({ scene }) => {
    const machine = await scene.machine({ env: {} });
    await expectFailure(generate(machine, { role: 'alice' }), KeyError, 'KEY_PASSPHRASE_MISSING');
    expect(await machine.everything()).toEqual(new Map());
  });
});
