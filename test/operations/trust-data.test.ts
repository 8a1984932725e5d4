import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeTlsIdentity } from '../../src/embedded-server/certificates.ts';
import { startTrustServer } from '../../src/embedded-server/start.ts';
import { deleteDelegation } from '../../src/tuf/change.ts';
import type { Fault, FaultProxy } from '../interop/support/fault-proxy.ts';
import { content, DAY, it, type Machine, NOBODY, NOW, Scene } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const IMAGE = `${GUN}:1`;
const ONE = content('one');

/** A reader with an up-to-date cache, behind a proxy. */
async function reader(
  scene: Scene,
): Promise<{ reader: Machine; owner: Machine; proxy: FaultProxy }> {
  const owner = await scene.machine();
  await owner.signOne(IMAGE, { signer: 'alice' });
  const proxy = await scene.proxy();
  const machine = await scene.machine({ server: proxy.url });
  expect((await machine.verify(IMAGE)).trustData?.from).toBe('server');
  proxy.clear();
  return { reader: machine, owner, proxy };
}

function later(scene: Scene, days: number): void {
  scene.clock = new Date(NOW.getTime() + days * DAY);
}

describe.concurrent('a server that cannot be reached', () => {
  it('leaves the cache to serve, with its age and the reason', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    const away = machine.with({ server: NOBODY });
    later(scene, 3);
    const result = await away.verify(IMAGE);
    expect(result).toMatchObject({ trusted: true, exitCode: 0, digest: ONE.digest });
    // The copy is another server's than the one that was asked, which the reason names.
    const here = machine.options.server ?? '';
    expect(result.trustData).toEqual({
      from: 'cache',
      server: here,
      serverOnRecord: true,
      checkedAt: NOW.toISOString(),
      ageSeconds: 3 * 24 * 60 * 60,
      reason: expect.stringContaining('Cannot reach localhost:'),
    });
    // A cached copy ends with its timestamp.
    expect(result.validUntil).toBe(new Date(NOW.getTime() + 14 * DAY).toISOString());
    // To be served from the cache does not make it younger.
    const status = await readFile(machine.cacheFile(GUN, 'timestamp'));
    expect((await away.verify(IMAGE, { offline: true })).trustData?.checkedAt).toBe(
      NOW.toISOString(),
    );
    expect(await readFile(machine.cacheFile(GUN, 'timestamp'))).toEqual(status);
  });

  it('is told from one that has another repository of the name', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    const other = await Scene.open('other');
    try {
      await (await other.machine()).signOne(IMAGE, { as: ONE });
      const result = await machine.with({ server: other.server.url }).verify(IMAGE);
      expect(result).toMatchObject({
        trusted: false,
        exitCode: 3,
        error: { code: 'METADATA_REPLACED' },
      });
      for (const url of [machine.options.server ?? '', other.server.url])
        expect(result.error?.hint).toContain(url);
    } finally {
      await other.close();
    }
  });

  it('is a failure where fresh data is required', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    const away = machine.with({ server: NOBODY });
    const result = await away.verify(IMAGE, { requireFresh: true });
    expect(result).toMatchObject({
      trusted: false,
      exitCode: 5,
      error: { code: 'SERVER_UNREACHABLE' },
      signedBy: [],
    });
  });

  it('is a failure where nothing is cached', async ({ scene }) => {
    const machine = await scene.machine({ server: NOBODY });
    const result = await machine.verify(IMAGE);
    expect(result).toMatchObject({ exitCode: 5, error: { code: 'SERVER_UNREACHABLE' } });
  });

  it('does not make an expired cache good', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    const away = machine.with({ server: NOBODY });
    later(scene, 15);
    const result = await away.verify(IMAGE);
    expect(result).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'METADATA_EXPIRED' },
    });
  });

  it('any more after it told of something newer does not have that hidden by the cache', async ({
    scene,
  }) => {
    const { reader: machine, owner, proxy } = await reader(scene);
    await owner.signOne(`${GUN}:2`);
    const before = await machine.everything();
    proxy.fault(/\/targets\/releases\.[0-9a-f]+\.json$/, { reset: true });
    expect(await machine.verify(IMAGE)).toMatchObject({
      trusted: false,
      exitCode: 5,
      error: { code: 'SERVER_UNREACHABLE' },
    });
    // What is on disk is the old data, whole.
    expect((await machine.verify(IMAGE, { offline: true })).trusted).toBe(true);
    expect((await machine.verify(`${GUN}:2`, { offline: true })).error?.code).toBe('NOT_SIGNED');
    expect(await machine.everything()).toEqual(before);
    proxy.clear();
    expect((await machine.verify(`${GUN}:2`)).trusted).toBe(true);
  });
});

describe.concurrent('any other failure is never served from the cache', () => {
  const UNKNOWN = '{"errors":[{"code":"METADATA_NOT_FOUND","message":"no","detail":null}]}';
  const FAILURES: readonly [what: string, fault: Fault, code: string, exitCode: number][] = [
    [
      'a login that is wanted',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
      'UNAUTHORIZED',
      5,
    ],
    ['a right that is missing', { status: 403, body: 'forbidden' }, 'FORBIDDEN', 5],
    ['a repository that is gone', { status: 404, body: UNKNOWN }, 'NO_TRUST_DATA', 3],
    ['a page that is not there', { status: 404, body: 'page not found' }, 'NOT_A_TRUST_SERVER', 5],
    ['a server in trouble', { status: 500, body: 'oops' }, 'SERVER_ERROR', 5],
    [
      'a network’s login page',
      { status: 200, body: '<html>log in</html>' },
      'NOT_A_TRUST_SERVER',
      5,
    ],
    ['a redirection', { redirect: 'https://elsewhere.invalid/' }, 'REDIRECT_REFUSED', 5],
    ['an answer that breaks off', { cutAfter: 20 }, 'RESPONSE_CUT', 5],
    ['an answer that is no metadata', { status: 200, body: '{}' }, 'METADATA_MALFORMED', 3],
  ];

  it.for(FAILURES)('%s', async ([, fault, code, exitCode], { scene }) => {
    const { reader: machine, proxy } = await reader(scene);
    const before = await machine.everything();
    proxy.fault(/^GET /, fault);
    const result = await machine.verify(IMAGE);
    expect(result).toMatchObject({ trusted: false, exitCode, error: { code }, signedBy: [] });
    expect((await machine.inspect(GUN)).error?.code).toBe(code);
    expect(await machine.everything()).toEqual(before);
    // What was known is still known, to whoever asks for it.
    expect((await machine.verify(IMAGE, { offline: true })).trusted).toBe(true);
  });

  it('a server that stays busy', async ({ scene }) => {
    const { reader: machine, proxy } = await reader(scene);
    proxy.fault(/^GET /, { status: 503, body: 'busy' });
    expect(await machine.verify(IMAGE)).toMatchObject({
      exitCode: 5,
      error: { code: 'SERVER_ERROR' },
    });
  });

  it('a certificate that is not trusted', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    const stranger = await startTrustServer({ tls: makeTlsIdentity('127.0.0.1', new Date()) });
    try {
      const lured = machine.with({ server: stranger.url });
      const result = await lured.verify(IMAGE);
      expect(result).toMatchObject({
        trusted: false,
        exitCode: 5,
        error: { code: 'TLS_UNTRUSTED' },
      });
    } finally {
      await stranger.close();
    }
  });

  it('a repository that is gone says that it was there', async ({ scene }) => {
    const { reader: machine, proxy } = await reader(scene);
    proxy.fault(/^GET /, { status: 404, body: UNKNOWN });
    const { error } = await machine.verify(IMAGE);
    expect(error?.message).toContain('the server no longer has it');
    const stranger = await scene.machine({ server: proxy.url });
    expect((await stranger.verify(IMAGE)).error?.message).toContain('the server has none');
  });
});

describe.concurrent('offline', () => {
  it('uses no network at all', async ({ scene }) => {
    const { reader: machine, proxy } = await reader(scene);
    const served = scene.requests().length;
    later(scene, 1);
    const [result] = await machine.verifyAll([IMAGE], { offline: true, registry: 'ask' });
    expect(result).toMatchObject({
      trusted: true,
      trustData: { from: 'cache', ageSeconds: 86_400, reason: 'asked to stay offline' },
    });
    expect((await machine.inspect(GUN, { offline: true })).signedTags).toHaveLength(1);
    expect(scene.requests()).toHaveLength(served);
    expect(proxy.log()).toEqual([]);
  });

  it('writes nothing', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    const before = await machine.everything();
    await machine.verify(IMAGE, { offline: true });
    expect(await machine.everything()).toEqual(before);
  });

  it('is no trust data where nothing is cached', async ({ scene }) => {
    const machine = await scene.machine();
    const result = await machine.verify(IMAGE, { offline: true });
    expect(result).toMatchObject({ exitCode: 3, error: { code: 'NO_TRUST_DATA' } });
    expect(scene.requests()).toEqual([]);
    expect(await machine.everything()).toEqual(new Map());
  });

  it('says what a cache lacks', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    await rm(machine.cacheFile(GUN, 'targets/releases'));
    const result = await machine.verify(IMAGE, { offline: true });
    expect(result).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'CACHE_INCOMPLETE' },
    });
    expect(result.error?.message).toContain('targets/releases');
    // The server mends it.
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
    expect((await machine.verify(IMAGE, { offline: true })).trusted).toBe(true);
  });

  it.for(['root', 'targets', 'snapshot', 'timestamp', 'targets/releases'])(
    'believes no %s that was altered on disk',
    async (role, { scene }) => {
      const { reader: machine } = await reader(scene);
      const file = machine.cacheFile(GUN, role);
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace(/"expires":"2/, '"expires":"3'));
      const result = await machine.verify(IMAGE, { offline: true });
      expect(result).toMatchObject({ trusted: false, exitCode: 3 });
    },
  );
});

describe.concurrent('the cache', () => {
  it('saves the files that have not changed', async ({ scene }) => {
    const { reader: machine, owner, proxy } = await reader(scene);
    await machine.verify(IMAGE);
    expect(proxy.log()).toEqual([expect.stringMatching(/timestamp\.json$/)]);
    proxy.clear();
    await owner.signOne(`${GUN}:2`);
    await machine.verify(IMAGE);
    expect(
      proxy
        .log()
        .map(line => line.replace(/^.*\/tuf\//, '').replace(/[0-9a-f]{64}/, '#'))
        .sort(),
    ).toEqual([
      'snapshot.#.json',
      'targets/alice.#.json',
      'targets/releases.#.json',
      'timestamp.json',
    ]);
  });

  it('is as old as the last time that the server confirmed it', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    later(scene, 2);
    await machine.verify(IMAGE);
    later(scene, 3);
    const { trustData } = await machine.verify(IMAGE, { offline: true });
    expect(trustData).toMatchObject({
      checkedAt: new Date(NOW.getTime() + 2 * DAY).toISOString(),
      ageSeconds: 86_400,
    });
    // A clock that was set back makes no age below zero.
    scene.clock = NOW;
    expect((await machine.verify(IMAGE, { offline: true })).trustData?.ageSeconds).toBe(0);
  });

  it('as notary left it serves as well', async ({ scene }) => {
    const { reader: machine } = await reader(scene);
    // Notary writes files without touching what it did not fetch.
    const old = new Date(NOW.getTime() - 10 * DAY);
    await utimes(machine.cacheFile(GUN, 'timestamp'), old, old);
    const { trustData } = await machine.verify(IMAGE, { offline: true });
    expect(trustData).toMatchObject({ ageSeconds: 864_000 });
  });

  it('forgets delegations that are gone', async ({ scene }) => {
    const { reader: machine, owner } = await reader(scene);
    await owner.publish(GUN, deleteDelegation('targets/alice'));
    await machine.verify(IMAGE);
    await expect(readFile(machine.cacheFile(GUN, 'targets/alice'))).rejects.toThrow('ENOENT');
    await readFile(machine.cacheFile(GUN, 'targets/releases'));
  });

  it('does not follow a server back to what it served before', async ({ scene }) => {
    const { reader: machine, owner, proxy } = await reader(scene);
    const old = await readFile(machine.cacheFile(GUN, 'timestamp'));
    await owner.signOne(`${GUN}:2`);
    await machine.verify(IMAGE);
    const before = await machine.everything();
    proxy.fault(/timestamp\.json$/, { status: 200, body: old });
    const result = await machine.verify(IMAGE);
    expect(result).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'METADATA_ROLLBACK' },
    });
    expect(await machine.everything()).toEqual(before);
  });

  it('that cannot be written keeps nobody from verifying', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE);
    const machine = await scene.machine();
    await mkdir(machine.trustDir, { recursive: true });
    // A file where the folder of the locks should be.
    await writeFile(join(machine.trustDir, '.tabellion'), '');
    const result = await machine.verify(IMAGE);
    expect(result).toMatchObject({ trusted: true, exitCode: 0 });
    expect(result.warnings).toEqual([expect.stringContaining('could not be stored')]);
  });

  it('belongs to the repository, not to the server: another server’s word is checked against it', async ({
    scene,
  }) => {
    const { reader: machine } = await reader(scene);
    const other = await startTrustServer({
      directory: join(scene.folder, 'other'),
      now: () => scene.clock,
    });
    try {
      const elsewhere = { server: other.url, tlsCa: other.caFile ?? '' };
      await (await scene.machine(elsewhere)).signOne(IMAGE, { as: content('impostor') });
      const result = await machine.with(elsewhere).verify(IMAGE);
      expect(result).toMatchObject({ trusted: false, exitCode: 3 });
      expect(result.error?.code).toBe('METADATA_REPLACED');
    } finally {
      await other.close();
    }
  });
});
