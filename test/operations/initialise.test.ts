import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeRootCertificate } from '../../src/crypto/certificate.ts';
import { NOTARY_ENCRYPTION } from '../../src/crypto/encrypted-private-key.ts';
import { generatePrivateKey } from '../../src/crypto/private-key.ts';
import { encodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { type InitialiseRequest, initialiseRepository } from '../../src/operations/initialise.ts';
import { publishStaged } from '../../src/operations/publish-staged.ts';
import { it, type Machine, NOW, PASSPHRASES } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/collections/app';

const init = (machine: Machine, request?: InitialiseRequest) =>
  machine.run(session => initialiseRepository(session, GUN, request));

async function rootKeyFile(machine: Machine, passphrase: string) {
  const key = generatePrivateKey('ecdsa');
  const file = join(machine.home, `${key.id}.pem`);
  await writeFile(
    file,
    encodePrivateKeyPem(key, { encryption: NOTARY_ENCRYPTION, passphrase, role: 'root' }),
  );
  return { key, file };
}

describe('initialising a repository', () => {
  it('makes root, targets and snapshot keys, and publishes nothing', async ({ scene }) => {
    const owner = await scene.machine();
    const made = await init(owner);
    expect(made).toMatchObject({ rootKey: 'created' });
    expect(await owner.keyRoles()).toHaveLength(3);
    expect(scene.posts()).toEqual([]);
    const again = await scene.machine();
    const server = await init(again, { snapshot: 'server' });
    expect(server.createdKeys.map(({ role }) => role)).toEqual(['root', 'targets']);
  });

  it('makes no key when the server cannot be reached or refuses', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    for (const match of [/root\.json$/, /timestamp\.key$/]) {
      const undo = proxy.fault(match, { status: 503 });
      await expect(init(owner)).rejects.toMatchObject({ code: 'SERVER_ERROR' });
      undo();
    }
    expect(await owner.keyRoles()).toEqual([]);
  });

  it('refuses a repository that the server or this machine has', async ({ scene }) => {
    const owner = await scene.machine();
    await init(owner);
    await expect(init(owner)).rejects.toMatchObject({
      code: 'REPOSITORY_EXISTS',
      details: { where: 'cache' },
    });
    const keys = await owner.keyRoles();
    await owner.run(session => publishStaged(session, GUN));
    const stranger = await scene.machine();
    for (const existing of ['refuse', 'replace-unpublished'] as const) {
      for (const machine of [owner, stranger]) {
        await expect(init(machine, { existing })).rejects.toMatchObject({
          code: 'REPOSITORY_EXISTS',
          details: { where: 'server' },
        });
      }
    }
    expect(await owner.keyRoles()).toEqual(keys);
    expect(await stranger.keyRoles()).toEqual([]);
    await owner.run(session => publishStaged(session, GUN));
  });

  it('begins again what was only initialised here, when it is told to', async ({ scene }) => {
    const owner = await scene.machine();
    const first = await init(owner);
    const second = await init(owner, { existing: 'replace-unpublished' });
    expect(second).toMatchObject({ rootKey: 'found', rootKeyId: first.rootKeyId });
    const published = await owner.run(session => publishStaged(session, GUN));
    expect(published.versions).toEqual({ root: 1, targets: 2, snapshot: 2 });
  });

  it('takes a root key and a certificate that are given', async ({ scene }) => {
    const owner = await scene.machine();
    const { key, file } = await rootKeyFile(
      owner,
      PASSPHRASES.DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE,
    );
    const pem = makeRootCertificate({ key, gun: 'localhost:5000/collections/*', notBefore: NOW });
    const rootCertificateFile = join(owner.home, 'root.crt');
    await writeFile(rootCertificateFile, pem.replaceAll('\n', '\r\n'));
    const made = await init(owner, { rootKeyFile: file, rootCertificateFile });
    expect(made).toMatchObject({ rootKey: 'given', rootKeyId: key.id });
    await owner.run(session => publishStaged(session, GUN));
    const { root } = await scene.trusted(GUN);
    expect(root.certificates[0]?.leaf.pem).toBe(pem);
    expect(await readFile(join(owner.trustDir, 'private', `${key.id}.key`), 'utf8')).toContain(
      'role: root',
    );
  });

  it('refuses keys and certificates that are of no use, and makes nothing', async ({ scene }) => {
    const owner = await scene.machine();
    const good = await rootKeyFile(owner, PASSPHRASES.DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE);
    const locked = await rootKeyFile(owner, 'another passphrase');
    const clear = await rootKeyFile(owner, '');
    const certificate = async (gun: string, notBefore: Date, key = good.key) => {
      const file = join(owner.home, `${Math.random()}.crt`);
      await writeFile(file, makeRootCertificate({ key, gun, notBefore }));
      return file;
    };
    const junk = join(owner.home, 'junk');
    await writeFile(junk, 'junk');
    const cases: [InitialiseRequest, string][] = [
      [{ rootKeyFile: locked.file }, 'KEY_PASSPHRASE_WRONG'],
      [{ rootKeyFile: clear.file }, 'KEY_NOT_ENCRYPTED'],
      [{ rootKeyFile: junk }, 'KEY_FILE_DAMAGED'],
      [{ rootKeyFile: join(owner.home, 'absent') }, 'KEY_FILE_UNREADABLE'],
      [{ rootCertificateFile: await certificate(GUN, NOW) }, 'KEY_NOT_FOUND'],
      [{ rootCertificateFile: junk }, 'CERTIFICATE_MALFORMED'],
      [
        { rootKeyFile: good.file, rootCertificateFile: await certificate('other', NOW) },
        'CERTIFICATE_UNACCEPTABLE',
      ],
      [
        {
          rootKeyFile: good.file,
          rootCertificateFile: await certificate(GUN, new Date('2001-01-01T00:00:00Z')),
        },
        'CERTIFICATE_UNACCEPTABLE',
      ],
      [
        {
          rootKeyFile: good.file,
          rootCertificateFile: await certificate(GUN, NOW, generatePrivateKey('ecdsa')),
        },
        'KEY_NOT_FOUND',
      ],
    ];
    for (const [request, code] of cases)
      await expect(init(owner, request), code).rejects.toMatchObject({ code });
    expect(await owner.keyRoles()).toEqual([]);
  });
});
