import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeTlsIdentity } from '../../src/embedded-server/certificates.ts';
import { TrustError, UsageError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { it, type Machine, type Scene } from '../support/trust-scene.ts';

const GUN = 'registry.example.com/team/app';
const IMAGE = `${GUN}:1`;
const OTHER_ID = '0'.repeat(64);

/** A signed repository, and the ID of its root certificate. */
async function signed(scene: Scene, image = IMAGE): Promise<string> {
  const owner = await scene.machine();
  await owner.signOne(image);
  const { root } = await scene.trusted(image.replace(/:[^:]*$/, ''));
  return root.certificates[0]?.id ?? '';
}

/** A new machine with these pins, in Notary’s configuration. */
async function pinned(scene: Scene, trust_pinning: object): Promise<Machine> {
  const machine = await scene.machine();
  await machine.notaryConfig({ trust_pinning });
  return machine;
}

describe.concurrent('a pinned certificate', () => {
  it('lets the repository in that has it', async ({ scene }) => {
    const id = await signed(scene);
    const machine = await pinned(scene, { certs: { [GUN]: [OTHER_ID, id] } });
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
  });

  it('keeps another one out, and out of the cache', async ({ scene }) => {
    const id = await signed(scene);
    const machine = await pinned(scene, { certs: { [GUN]: [OTHER_ID] } });
    const before = await machine.everything();
    const result = await machine.verify(IMAGE);
    expect(result).toMatchObject({ trusted: false, exitCode: 3, error: { code: 'PIN_MISMATCH' } });
    expect(await machine.everything()).toEqual(before);
    expect((await machine.inspect(GUN)).error?.code).toBe('PIN_MISMATCH');
    await expectFailure(machine.signOne(`${GUN}:2`), TrustError, 'PIN_MISMATCH');
    await expectFailure(machine.revoke(IMAGE), TrustError, 'PIN_MISMATCH');
    // The key’s own ID, which is the name of its file, is not that of the certificate.
    expect(id).not.toBe(OTHER_ID);
  });

  it('that is added later binds what was trusted before, from the cache too', async ({ scene }) => {
    await signed(scene);
    const machine = await scene.machine();
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
    await machine.notaryConfig({ trust_pinning: { certs: { [GUN]: [OTHER_ID] } } });
    for (const offline of [false, true]) {
      expect((await machine.verify(IMAGE, { offline })).error?.code).toBe('PIN_MISMATCH');
    }
  });

  it('counts for names with capitals, as they are written', async ({ scene }) => {
    const owner = await scene.machine();
    // A registry’s host may have capitals; a repository’s path may not.
    const gun = 'Registry.Example.COM/team/app';
    await owner.signOne(`${gun}:1`);
    const right = (await scene.trusted(gun)).root.certificates[0]?.id ?? '';
    const good = await pinned(scene, { certs: { [gun]: [right] }, disable_tofu: true });
    expect((await good.verify(`${gun}:1`)).trusted).toBe(true);
    const bad = await pinned(scene, { certs: { [gun]: [OTHER_ID] } });
    expect((await bad.verify(`${gun}:1`)).error?.code).toBe('PIN_MISMATCH');
    // Another spelling is another repository.
    const lower = await pinned(scene, {
      certs: { [gun.toLowerCase()]: [right] },
      disable_tofu: true,
    });
    expect((await lower.verify(`${gun}:1`)).error?.code).toBe('NOT_PINNED');
  });

  it('may stand for all names with a prefix; the exact one wins', async ({ scene }) => {
    const id = await signed(scene);
    const certs = { 'registry.example.com/team/*': [OTHER_ID], 'registry.example.com/*': [id] };
    const longer = await pinned(scene, { certs });
    expect((await longer.verify(IMAGE)).error?.code).toBe('PIN_MISMATCH');
    const exact = await pinned(scene, { certs: { ...certs, [GUN]: [id] } });
    expect((await exact.verify(IMAGE)).trusted).toBe(true);
  });
});

describe.concurrent('a pinned authority', () => {
  it('keeps out a certificate that it did not issue', async ({ scene }) => {
    await signed(scene);
    const machine = await scene.machine();
    await machine.notaryConfig({ trust_pinning: { ca: { 'registry.example.com/': 'ca.pem' } } });
    await writeFile(
      join(machine.home, '.notary', 'ca.pem'),
      makeTlsIdentity('127.0.0.1', new Date()).ca,
    );
    expect((await machine.verify(IMAGE)).error?.code).toBe('PIN_MISMATCH');
  });

  it('that cannot be read is no reason to go without', async ({ scene }) => {
    await signed(scene);
    const machine = await pinned(scene, { ca: { 'registry.example.com/': 'gone.pem' } });
    expect(await machine.verify(IMAGE)).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'PINNED_CA_UNREADABLE' },
    });
  });
});

describe.concurrent('without trust on first use', () => {
  it('a repository that no pin covers is refused, with what to compare', async ({ scene }) => {
    const id = await signed(scene);
    const machine = await pinned(scene, { disable_tofu: true });
    const { error, exitCode } = await machine.verify(IMAGE);
    expect(exitCode).toBe(3);
    expect(error?.code).toBe('NOT_PINNED');
    expect(error?.hint).toContain(id);
  });

  it('one that was trusted before stays so', async ({ scene }) => {
    await signed(scene);
    const machine = await scene.machine();
    await machine.verify(IMAGE);
    await machine.notaryConfig({ trust_pinning: { disable_tofu: true } });
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
  });

  it('no repository is made on a machine whose pins would refuse it', async ({ scene }) => {
    for (const pins of [{ certs: { [GUN]: [OTHER_ID] } }, { ca: { [GUN]: '../../ca.crt' } }]) {
      const machine = await pinned(scene, pins);
      for (const dryRun of [true, false]) {
        await expectFailure(machine.signOne(IMAGE, { dryRun }), TrustError, 'PIN_MISMATCH');
      }
      expect(await machine.keyRoles()).toEqual([]);
    }
    expect(scene.posts()).toEqual([]);
  });

  it('a repository can be made all the same: its owner has nobody to trust', async ({ scene }) => {
    const machine = await pinned(scene, { disable_tofu: true });
    expect((await machine.signOne(IMAGE)).exitCode).toBe(0);
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
  });
});

describe.concurrent('the file with the pins', () => {
  it('is the one that is named, instead of the usual one', async ({ scene }) => {
    const id = await signed(scene);
    const machine = await pinned(scene, { certs: { [GUN]: [OTHER_ID] } });
    const file = join(machine.home, 'other.json');
    await writeFile(file, JSON.stringify({ trust_pinning: { certs: { [GUN]: [id] } } }));
    expect((await machine.with({ notaryConfig: file }).verify(IMAGE)).trusted).toBe(true);
  });

  it.for([
    ['not JSON', '{'],
    ['with a pin that is no list', '{"trust_pinning":{"certs":{"a":"b"}}}'],
  ])('that is %s stops everything', async ([, text], { scene }) => {
    await signed(scene);
    const machine = await pinned(scene, {});
    await writeFile(join(machine.home, '.notary', 'config.json'), text as string);
    expect(await machine.verify(IMAGE)).toMatchObject({
      trusted: false,
      exitCode: 2,
      error: { code: 'CONFIG_INVALID' },
    });
    await expectFailure(machine.signOne(IMAGE), UsageError, 'CONFIG_INVALID');
  });

  it('must be there when it was named', async ({ scene }) => {
    await signed(scene);
    const machine = await scene.machine({ notaryConfig: join(scene.folder, 'absent.json') });
    expect((await machine.verify(IMAGE)).error?.code).toBe('CONFIG_NOT_FOUND');
  });
});
