import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { decodeAllPem } from '../../../src/crypto/pem.ts';
import { KeyError, OperationError } from '../../../src/errors.ts';
import { type ExportKeysRequest, exportKeys } from '../../../src/operations/keys/export-keys.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { it, type Machine } from '../../support/trust-scene.ts';

const APP = 'localhost:5000/app';
const POSIX = process.platform !== 'win32';

const exporting = (machine: Machine, request: ExportKeysRequest = {}) =>
  machine.run(session => exportKeys(session, request));

describe('exportKeys', () => {
  it('gives the keys of every repository that is named', async ({ scene }) => {
    const machine = await scene.machine();
    const guns = [1, 2, 3].map(number => `${APP}${number}`);
    for (const gun of guns) await machine.signOne(`${gun}:1`);
    const { keys, pem } = await exporting(machine, { guns: guns.slice(0, 2) });
    expect(keys.map(({ gun }) => gun).sort()).toEqual(guns.slice(0, 2));
    expect(decodeAllPem(pem)).toHaveLength(2);
  });

  it('fails for what it does not know, unless it may pass it over', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const file = join(machine.home, 'out.pem');
    const unknown = '0'.repeat(64);
    for (const request of [{ ids: [unknown] }, { guns: [APP, 'no/such'] }]) {
      const failing = exporting(machine, { ...request, file });
      await expectFailure(failing, KeyError, 'KEY_NOT_FOUND');
    }
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
    const ignoring = { ids: [unknown], guns: [APP], ignoreUnknown: true };
    expect(await exporting(machine, ignoring)).toMatchObject({
      keys: [{ role: 'targets' }],
      unknownIds: [unknown],
    });
  });

  it('writes for the owner alone, also over a file that others could read', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const file = join(machine.home, 'out.pem');
    await writeFile(file, 'an older backup');
    await chmod(file, 0o644);
    await expectFailure(exporting(machine, { file }), OperationError, 'FILE_EXISTS');
    expect(await readFile(file, 'utf8')).toBe('an older backup');
    const report = await exporting(machine, { file, overwrite: true });
    expect(report).toMatchObject({ file, skipped: [] });
    expect(await readFile(file, 'utf8')).toBe(report.pem);
    if (POSIX) expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('follows a link, and writes to a device without replacing it', async ({ scene, skip }) => {
    skip(!POSIX);
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const [link, target] = [join(machine.home, 'link'), join(machine.home, 'target')];
    await writeFile(target, '');
    await symlink(target, link);
    const { pem } = await exporting(machine, { file: link, overwrite: true });
    expect(await readFile(target, 'utf8')).toBe(pem);
    const device = join(machine.home, 'device');
    await symlink('/dev/null', device);
    await exporting(machine, { file: device });
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  it('says so when the folder is not there', async ({ scene }) => {
    const machine = await scene.machine();
    const file = join(machine.home, 'no', 'such', 'out.pem');
    const failing = exporting(machine, { file, overwrite: true });
    const error = await expectFailure(failing, OperationError, 'FILE_NOT_WRITABLE');
    expect(error.details).toMatchObject({ reason: 'ENOENT' });
  });
});
