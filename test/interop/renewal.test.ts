import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { keyFileName } from '../../src/keys/key-files.ts';
import {
  certifiedKey,
  makeRepository,
  unpublishedRepository,
} from '../../src/operations/initialise-repository.ts';
import { publishChanges } from '../../src/operations/publish.ts';
import { addTarget, createDelegation } from '../../src/tuf/change.ts';
import { lifetime } from '../../src/tuf/constants.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { withLibrary } from './support/library.ts';
import {
  addHash,
  type Content,
  content,
  openScene,
  type Person,
  type Scene,
} from './support/scene.ts';

/** Milliseconds that the short-lived files have: the server takes none that has expired when it arrives. */
const LIFE = 8000;
const ONE = content('one');
const TWO = content('two');

/** When a role’s file must have been signed to expire soon. */
function signingTime(role: string): Date {
  return new Date(Date.now() + LIFE - lifetime(role));
}

/** As `notary list` prints it. */
function row(name: string, { hex, size }: Content, role: string): RegExp {
  return new RegExp(`^${name} +${hex} +${size} +${role}$`, 'm');
}

interface Renewal {
  repositories: {
    parts: { role: string; kind: string; status: string; expired: boolean }[];
    versions: Record<string, number>;
    error?: { code: string };
  }[];
}

describeWithPeers(['notary', 'notary-server', 'notary-signer'], 'expired trust data', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene();
  });

  /** A repository with one tag by its owner and by alice, whose files were signed at these moments. */
  async function repository(
    gun: string,
    { root, certificate, rest }: { root: Date; certificate: Date; rest: Date },
  ): Promise<Person> {
    const owner = await scene.person('owner');
    const made = await withLibrary(
      owner,
      gun,
      async (session, access) => {
        const rootKey = await (await session.keys()).generate({ role: 'root' });
        const rootCertificate = certifiedKey(rootKey, gun, certificate);
        await makeRepository(session, access, { snapshot: 'local', rootKey, rootCertificate }, []);
        return rootKey.id;
      },
      { now: () => root },
    );
    // Near its end a root is renewed by whoever has its key.
    const file = join(owner.trustDir, 'private', keyFileName(made));
    await rename(file, `${file}.away`);
    await withLibrary(
      owner,
      gun,
      async (session, access) => {
        const start = await unpublishedRepository(session, access);
        const { publicKey } = await (await session.keys()).generate({ role: 'alice' });
        const target = imageTarget(ONE.digest, ONE.size);
        const changes = [
          addTarget('targets', '1', target),
          createDelegation('targets/alice', { threshold: 1, addKeys: [publicKey], addPaths: [''] }),
          addTarget('targets/alice', 'by-alice', target),
        ];
        await publishChanges(session, access, async () => ({ changes }), start);
      },
      { now: () => rest },
    );
    await rename(`${file}.away`, file);
    return owner;
  }

  /** Asks the real client until it can read no more. */
  async function untilExpired({ notary }: Person, gun: string): Promise<string> {
    for (;;) {
      const { code, stdout } = await notary.run(['list', gun]);
      if (code !== 0) return stdout;
    }
  }

  const renew = async (person: Person, gun: string): Promise<Renewal> => {
    const { stdout } = await person.tabellion.run(['renew', gun, '--yes', '--json']);
    return JSON.parse(stdout) as Renewal;
  };

  /** Owner, a consumer who had read it before, and a new one: all with the real client. */
  async function isWellAgain(gun: string, owner: Person, reader: Person): Promise<void> {
    for (const person of [owner, reader, await scene.person('newcomer')]) {
      const listed = await person.notary.succeed(['list', gun]);
      expect(listed).toMatch(row('1', ONE, 'targets'));
      expect(listed).toMatch(row('by-alice', ONE, 'targets/alice'));
    }
    await owner.notary.succeed(addHash(gun, '2', TWO, '-p'));
    expect(await reader.notary.succeed(['list', gun])).toMatch(row('2', TWO, 'targets'));
  }

  test.concurrent('of targets, a delegation and a snapshot of the owner’s is renewed in one publish', {
    timeout: 60_000,
  }, async () => {
    const gun = 'localhost:5000/renew/targets';
    const then = signingTime('targets');
    const owner = await repository(gun, { root: then, certificate: then, rest: then });
    const reader = await scene.person('reader');
    await reader.notary.succeed(['list', gun]);
    await untilExpired(owner, gun);
    // The dead end: the server cannot make a timestamp, and the owner can neither rotate nor publish.
    expect((await owner.notary.run(['key', 'rotate', gun, 'targets'])).code).toBe(1);
    for (const person of [owner, reader, await scene.person('newcomer')]) {
      const inspected = await person.tabellion.run(['inspect', gun]);
      expect(inspected.code).toBe(3);
      expect(inspected.stdout).toContain('EXPIRED: nothing of this is trusted any more');
      expect(inspected.stdout).toContain(ONE.hex);
      const verified = await person.tabellion.run(['verify', `${gun}:1`, '--json']);
      expect(verified.code).toBe(3);
      expect(JSON.parse(verified.stdout).images[0]).toMatchObject({
        trusted: false,
        expired: true,
        error: { code: 'METADATA_EXPIRED' },
      });
    }
    const { repositories } = await renew(owner, gun);
    expect(repositories[0]?.parts.map(({ role, status }) => `${role} ${status}`)).toEqual([
      'targets renewed',
      'targets/alice renewed',
      'snapshot renewed',
    ]);
    await isWellAgain(gun, owner, reader);
  });

  test.concurrent('of root is renewed with the root key', { timeout: 60_000 }, async () => {
    const gun = 'localhost:5000/renew/root';
    const now = new Date();
    const owner = await repository(gun, {
      root: signingTime('root'),
      certificate: now,
      rest: now,
    });
    const reader = await scene.person('reader');
    await reader.notary.succeed(['list', gun]);
    expect(await untilExpired(owner, gun)).toContain('root expired at');
    const { repositories } = await renew(owner, gun);
    expect(repositories[0]).toMatchObject({
      parts: [{ role: 'root', kind: 'metadata', status: 'renewed', expired: true }],
      versions: { root: 2 },
    });
    await isWellAgain(gun, owner, reader);
  });

  test.concurrent('whose root certificate has expired is beyond rescue, and that is said', {
    timeout: 60_000,
  }, async () => {
    const gun = 'localhost:5000/renew/certificate';
    const now = new Date();
    const owner = await repository(gun, {
      root: now,
      certificate: signingTime('root'),
      rest: now,
    });
    expect(await untilExpired(owner, gun)).toContain('unable to retrieve valid leaf certificates');
    const inspected = await owner.tabellion.run(['inspect', gun]);
    expect(inspected.code).toBe(3);
    expect(inspected.stdout).toContain(ONE.hex);
    const { repositories } = await renew(owner, gun);
    expect(repositories[0]?.error?.code).toBe('ROOT_CERTIFICATE_EXPIRED');
  });

  test.concurrent('is prevented by renewing the certificate of the same key before its end', {
    timeout: 60_000,
  }, async () => {
    const gun = 'localhost:5000/renew/in-time';
    const now = new Date();
    const certificate = new Date(signingTime('root').getTime() + 24 * 60 * 60 * 1000);
    const owner = await repository(gun, { root: now, certificate, rest: now });
    const reader = await scene.person('reader');
    await reader.notary.succeed(['list', gun]);
    const { repositories } = await renew(owner, gun);
    expect(repositories[0]?.parts).toMatchObject([
      { role: 'root', kind: 'certificate', status: 'renewed', expired: false },
    ]);
    await isWellAgain(gun, owner, reader);
  });
});
