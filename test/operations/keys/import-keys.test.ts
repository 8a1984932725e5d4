import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { NOTARY_ENCRYPTION } from '../../../src/crypto/encrypted-private-key.ts';
import { generatePrivateKey } from '../../../src/crypto/private-key.ts';
import { encodePrivateKeyPem } from '../../../src/crypto/private-key-pem.ts';
import { KeyError, OperationError } from '../../../src/errors.ts';
import { exportKeys } from '../../../src/operations/keys/export-keys.ts';
import { importKeys } from '../../../src/operations/keys/import-keys.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { readVector } from '../../support/fixtures.ts';
import { it, type Machine } from '../../support/trust-scene.ts';

const APP = 'localhost:5000/app';

/** Writes a file on a machine, for its owner alone. */
async function fileOf(machine: Machine, name: string, content: string | Uint8Array) {
  const path = join(machine.home, name);
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

describe('keys on their way to another machine', () => {
  it('sign there as they did here', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1`, { signer: 'alice' });
    const file = join(owner.home, 'backup.pem');
    const exported = await owner.run(session => exportKeys(session, { file }));
    const roles = ['alice', 'root', 'targets'];
    expect(exported.keys.map(({ role }) => role).sort()).toEqual(roles);

    const other = await scene.machine();
    const report = await other.run(session => importKeys(session, { files: [file] }));
    expect(report.complete).toBe(true);
    expect(await other.keyFiles()).toEqual(await owner.keyFiles());
    // The passphrases are in the environment: every ID was compared with its key.
    const [{ blocks } = { blocks: [] }] = report.files;
    expect(blocks.map(({ status, verified }) => [status, verified])).toEqual(
      roles.map(() => ['stored', true]),
    );
    await other.signOne(`${APP}:2`, { signer: 'alice' });
    expect(Object.keys(await scene.tags(APP, 'targets/alice'))).toEqual(['1', '2']);
  });
});

describe('importKeys', () => {
  it('imports all of several files, or nothing', async ({ scene }) => {
    const machine = await scene.machine();
    const good = await fileOf(machine, 'good.pem', readVector('keys/import/ec-plain-sec1.pem'));
    const bad = await fileOf(machine, 'bad.pem', readVector('keys/docker/carol.pub'));
    const empty = await fileOf(machine, 'empty.pem', '{}');
    for (const other of [bad, empty]) {
      const report = await machine.run(session => importKeys(session, { files: [good, other] }));
      expect(report.complete).toBe(false);
      expect(report.files[0]?.blocks[0]?.status).toBe('not-stored');
    }
    const report = await machine.run(session => importKeys(session, { files: [empty] }));
    expect(report).toMatchObject({
      complete: false,
      files: [{ file: empty, blocks: [], error: { code: 'KEY_FILE_EMPTY' } }],
    });
    const missing = join(machine.home, 'missing.pem');
    const error = await expectFailure(
      machine.run(session => importKeys(session, { files: [good, missing] })),
      OperationError,
      'FILE_NOT_READABLE',
    );
    expect(error.details).toMatchObject({ path: missing, reason: 'ENOENT' });
    expect(error.message).toBe(`${missing} could not be read: there is no such file`);
    expect(await machine.keyFiles()).toEqual([]);
  });

  it('stores nothing when nobody can give the passphrase', async ({ scene }) => {
    const machine = (await scene.machine()).with({ env: {} });
    const plain = await fileOf(machine, 'plain.pem', readVector('keys/import/ec-plain-sec1.pem'));
    await expectFailure(
      machine.run(session => importKeys(session, { files: [plain] })),
      KeyError,
      'KEY_PASSPHRASE_MISSING',
    );
    const locked = await fileOf(
      machine,
      'locked.pem',
      readVector('keys/import/ec-dek-aes128-no-path.pem'),
    );
    const report = await machine.run(session => importKeys(session, { files: [locked] }));
    expect(report.files[0]?.blocks[0]?.error?.code).toBe('KEY_PASSPHRASE_MISSING');
    expect(await machine.keyFiles()).toEqual([]);
  });

  it('opens an encrypted key that names no ID with what the person types', async ({ scene }) => {
    const asked: string[] = [];
    const machine = (await scene.machine()).with({
      env: {},
      askPassphrase: async ({ kind, role, attempt }) => {
        asked.push(`${kind} ${role} ${attempt}`);
        return attempt === 0 ? 'a slip' : 'variant-pass-1';
      },
    });
    const file = await fileOf(
      machine,
      'locked.pem',
      readVector('keys/import/ec-dek-aes128-no-path.pem'),
    );
    const report = await machine.run(session =>
      importKeys(session, { files: [file], role: 'targets', gun: APP }),
    );
    const id = report.files[0]?.blocks[0]?.id ?? '';
    expect(asked).toEqual(['unlock targets 0', 'unlock targets 1']);
    expect(await machine.keyRoles()).toEqual(['targets']);
    // It opens under the ID that was reported.
    await machine.run(async session => (await session.keys()).open(id));
  });

  it('tells a file that others can read', async ({ scene, skip }) => {
    skip(process.platform === 'win32');
    const machine = await scene.machine();
    const file = await fileOf(machine, 'key.pem', readVector('keys/import/ec-plain-sec1.pem'));
    await chmod(file, 0o640);
    const report = await machine.run(session => importKeys(session, { files: [file] }));
    expect(report.files[0]?.othersHaveAccess).toBe(true);
    await chmod(file, 0o400);
    const again = await machine.run(session => importKeys(session, { files: [file] }));
    expect(again.files[0]).toMatchObject({
      othersHaveAccess: false,
      blocks: [{ status: 'already-stored' }],
    });
  });

  it('leaves nothing when the key store cannot be made', async ({ scene }) => {
    const machine = await scene.machine();
    const key = generatePrivateKey('ecdsa');
    const pem = encodePrivateKeyPem(key, {
      encryption: NOTARY_ENCRYPTION,
      passphrase: '',
      role: 'alice',
    });
    const file = await fileOf(machine, 'key.pem', pem);
    await mkdir(machine.dockerDir, { recursive: true });
    await writeFile(machine.trustDir, 'a file, where a folder belongs');
    const importing = machine.run(session => importKeys(session, { files: [file] }));
    await expectFailure(importing, KeyError, 'KEY_STORE_UNREADABLE');
    expect(await readdir(machine.dockerDir)).toEqual(['trust']);
  });
});
