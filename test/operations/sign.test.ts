import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import {
  ConnectionError,
  KeyError,
  OperationError,
  TrustError,
  UsageError,
} from '../../src/errors.ts';
import { addTarget, createDelegation } from '../../src/tuf/change.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  type Content,
  content,
  DAY,
  it,
  MANIFEST,
  type Machine,
  NOW,
} from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const DEMO_IMAGE = fileURLToPath(new URL('../../fixtures/demo-image', import.meta.url));
const DEMO_DIGEST = 'sha256:9f10dc7a8d0d93e8b86a7e0e0bdc96dfd58b3862d8dba270d612ddc98430c7ee';
const ONE = content('one');
const TWO = content('two, longer');
const PUBLISH = /^POST .*\/_trust\/tuf\/$/;

function target({ digest, size }: Content) {
  return imageTarget(digest, size);
}

/** A delegation to a key of another machine. */
async function delegation(role: string, holder: Machine, keyRole: string, paths: string[]) {
  const { generateKey } = await import('../../src/operations/keys/key-generate.ts');
  const has = (await holder.keyFiles()).find(key => key.role === keyRole);
  const id = has?.id ?? (await holder.run(session => generateKey(session, { role: keyRole }))).id;
  const key = await holder.run(async session => (await session.keys()).open(id));
  return createDelegation(role, { threshold: 1, addKeys: [key.publicKey], addPaths: paths });
}

describe.concurrent('sign', () => {
  it('publishes many tags of several repositories with one request for each', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.sign(['localhost:5000/a:0', 'localhost:5000/b:0'], { as: ONE });
    const tags = Array.from({ length: 60 }, (_, index) => `1.${index}`);
    const before = scene.posts().length;
    const { repositories } = await machine.sign(
      tags.flatMap(tag => [`localhost:5000/a:${tag}`, `localhost:5000/b:${tag}`]),
      { as: TWO },
    );
    expect(scene.posts().slice(before)).toEqual(['localhost:5000/a', 'localhost:5000/b']);
    for (const { repository, tags: signed, versions, initialised } of repositories) {
      expect(initialised).toBe(false);
      expect(versions).toEqual({ targets: 3 });
      expect(signed.map(({ tag }) => tag)).toEqual(tags);
      expect(await scene.tags(repository, 'targets')).toEqual({
        0: ONE.hex,
        ...Object.fromEntries(tags.map(tag => [tag, TWO.hex])),
      });
    }
  });

  it('counts a tag that is named twice, in whatever way, once', async ({ scene }) => {
    const machine = await scene.machine();
    const names = ['docker.io/library/app:1', 'app:1', 'index.docker.io/library/app:1'];
    const report = await machine.signOne(names);
    expect(report.repository).toBe('docker.io/library/app');
    expect(report.tags.map(({ tag }) => tag)).toEqual(['1']);
  });

  it('sends nothing when all is signed already, and does not even need the key', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    await machine.signOne([`${GUN}:1`, `${GUN}:2`], { signer: 'alice' });
    const posts = scene.posts().length;
    const versions = await scene.versions(GUN);
    const locked = machine.withEnv({ DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'wrong' });
    const report = await locked.signOne([`${GUN}:1`, `${GUN}:2`]);
    expect(report.tags.map(({ status }) => status)).toEqual(['already-signed', 'already-signed']);
    expect(report.versions).toEqual({});
    expect(scene.posts()).toHaveLength(posts);
    expect(await scene.versions(GUN)).toEqual(versions);
  });

  it('tells new tags, moved tags and tags that stay apart', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne([`${GUN}:moved`], { as: ONE });
    await machine.signOne([`${GUN}:stays`], { as: TWO });
    const { tags } = await machine.signOne([`${GUN}:new`, `${GUN}:moved`, `${GUN}:stays`], {
      as: TWO,
    });
    expect(tags.map(({ tag, status, previousDigest }) => [tag, status, previousDigest])).toEqual([
      ['new', 'signed', undefined],
      ['moved', 'signed', ONE.digest],
      ['stays', 'already-signed', undefined],
    ]);
    expect((await machine.verify(`${GUN}:moved`)).digest).toBe(TWO.digest);
  });

  it('keeps tags whose names objects have of their own', async ({ scene }) => {
    const machine = await scene.machine();
    const names = ['__proto__', 'constructor', 'toString'];
    await machine.signOne(names.map(name => `${GUN}:${name}`));
    const { signedTags } = await machine.inspect(GUN);
    expect(signedTags.map(({ tag }) => tag)).toEqual(names);
    expect((await machine.verify(`${GUN}:__proto__`)).digest).toBe(ONE.digest);
    expect((await machine.verify(`${GUN}:hasOwnProperty`)).error?.code).toBe('NOT_SIGNED');
    const again = await machine.signOne(`${GUN}:__proto__`);
    expect(again.tags[0]?.status).toBe('already-signed');
  });

  it.for([
    ['localhost:5000/app', 'TAG_MISSING'],
    [`localhost:5000/app@${ONE.digest}`, 'DIGEST_REFERENCE'],
    [`localhost:5000/app:1@${ONE.digest}`, 'DIGEST_REFERENCE'],
    ['localhost:5000/App:1', 'REFERENCE_INVALID'],
  ] as const)('refuses %s and asks nobody', async ([image, code], { scene }) => {
    const machine = await scene.machine();
    await expectFailure(machine.sign([`${GUN}:1`, image], { as: ONE }), UsageError, code);
    expect(scene.requests()).toEqual([]);
  });
});

describe.concurrent('where the digest comes from', () => {
  it('is a layout, named for all images of the call', async ({ scene }) => {
    const machine = await scene.machine();
    const { repositories } = await machine.sign([`${GUN}:1`, `${GUN}:2`], {
      source: { type: 'oci', path: DEMO_IMAGE },
    });
    expect(repositories[0]?.tags).toHaveLength(2);
    expect(repositories[0]?.tags[0]).toMatchObject({
      digest: DEMO_DIGEST,
      mediaType: expect.stringMatching(/^application\/vnd\./),
    });
  });

  it('is the registry unless told', async ({ scene }) => {
    const registry = await scene.registry(tag => (tag === 'missing' ? 404 : MANIFEST));
    const name = `${registry.domain}/app`;
    const machine = await scene.machine();
    const { repositories } = await machine.sign([`${name}:1`]);
    expect(repositories[0]?.tags[0]).toMatchObject({
      digest: content(MANIFEST).digest,
      size: MANIFEST.length,
    });
    expect(registry.requests).toContain('GET /v2/app/manifests/1');

    // One image that is not there, and nothing is signed, in no repository.
    const posts = scene.posts();
    await expectFailure(
      machine.sign([`${name}:2`, `${registry.domain}/other:missing`]),
      OperationError,
      'IMAGE_NOT_FOUND',
    );
    expect(scene.posts()).toEqual(posts);
  });
});

describe.concurrent('the roles that a tag is signed into', () => {
  it('are the direct delegations with a key at hand, and never targets beside them', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`, { signer: 'alice' });
    const bob = await scene.machine();
    await owner.publish(
      GUN,
      await delegation('targets/bob', bob, 'bob', ['']),
      await delegation('targets/releases', bob, 'bob', ['']),
    );
    await owner.publish(GUN, await delegation('targets/alice/nested', bob, 'bob', ['']));

    const byOwner = await owner.signOne(`${GUN}:1`);
    expect(byOwner.tags[0]?.roles).toEqual(['targets/alice', 'targets/releases']);
    const byBob = await bob.signOne(`${GUN}:2`);
    // In the order of the metadata.
    expect(byBob.tags[0]?.roles).toEqual(['targets/releases', 'targets/bob']);
    const { signedTags } = await owner.inspect(GUN);
    expect(signedTags.map(({ tag, signers }) => [tag, signers])).toEqual([
      ['0', ['alice']],
      ['1', ['alice']],
      ['2', ['bob']],
    ]);
  });

  it('can be named, in short or in full, nested ones too', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:0`, { signer: 'alice' });
    await machine.publish(GUN, await delegation('targets/alice/ci', machine, 'alice', ['']));
    const { tags } = await machine.signOne(`${GUN}:1`, {
      roles: ['alice', 'targets/alice/ci', 'targets'],
    });
    expect(tags[0]?.roles).toEqual(['targets/alice', 'targets/alice/ci', 'targets']);
    const wanted = { 1: ONE.hex };
    expect(await scene.tags(GUN, 'targets')).toEqual(wanted);
    expect(await scene.tags(GUN, 'targets/alice/ci')).toEqual(wanted);
    expect(await scene.tags(GUN, 'targets/releases')).toEqual({ 0: ONE.hex });
  });

  it('are those of one signer, with releases, when it is named', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:0`, { signer: 'alice' });
    await machine.publish(
      GUN,
      await delegation('targets/bob', machine, 'bob', ['']),
      await delegation('targets/releases', machine, 'bob', ['']),
    );
    const report = await machine.signOne(`${GUN}:1`, { signer: 'bob' });
    expect(report.signer).toBe('bob');
    expect(report.tags[0]?.roles.toSorted()).toEqual(['targets/bob', 'targets/releases']);
    expect((await machine.verify(`${GUN}:1`)).signedBy.map(({ name }) => name)).toContain('bob');
  });

  it('cannot be those of a signer that the repository does not have', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:0`, { signer: 'alice' });
    await machine.signOne('localhost:5000/plain:0');
    const posts = scene.posts();
    for (const dryRun of [false, true]) {
      const options = { signer: 'bob', dryRun };
      const error = await expectFailure(
        machine.signOne(`${GUN}:1`, options),
        OperationError,
        'SIGNER_UNKNOWN',
      );
      expect(error.hint).toContain('alice, releases');
      const other = await expectFailure(
        machine.signOne('localhost:5000/plain:1', options),
        OperationError,
        'SIGNER_UNKNOWN',
      );
      expect(other.hint).toContain('no signers');
    }
    expect(scene.posts()).toEqual(posts);
    // A signer that it has but nobody here can be.
    const reader = await scene.machine();
    await expectFailure(reader.signOne(`${GUN}:1`, { signer: 'alice' }), KeyError, 'KEY_MISSING');
  });

  it('must allow the tag by their paths', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`);
    const ci = await scene.machine();
    await owner.publish(GUN, await delegation('targets/ci', ci, 'ci', ['v', 'nightly-']));
    await ci.takeKey(owner, 'targets');

    expect((await ci.signOne(`${GUN}:v1`)).tags[0]?.roles).toEqual(['targets/ci']);
    const error = await expectFailure(ci.signOne(`${GUN}:1`), KeyError, 'KEY_MISSING');
    expect(error.hint).toContain('paths');
    for (const dryRun of [false, true]) {
      const named = await expectFailure(
        ci.signOne(`${GUN}:1`, { roles: ['ci'], dryRun }),
        OperationError,
        'PATH_NOT_ALLOWED',
      );
      expect(named.hint).toContain('“v” or “nightly-”');
    }
  });

  it('must exist and have a key here when they are named, in a dry run too', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`, { signer: 'alice' });
    const stranger = await scene.machine();
    const posts = scene.posts();
    for (const dryRun of [false, true]) {
      const signing = (roles: string[]) => stranger.signOne(`${GUN}:1`, { roles, dryRun });
      await expectFailure(signing(['bob']), OperationError, 'ROLE_UNKNOWN');
      await expectFailure(signing(['Bob!']), OperationError, 'ROLE_INVALID');
      const missing = await expectFailure(signing(['alice']), KeyError, 'KEY_MISSING');
      expect(missing.details).toMatchObject({ role: 'targets/alice' });
      await expectFailure(signing(['targets']), KeyError, 'KEY_MISSING');
    }
    const error = await expectFailure(stranger.signOne(`${GUN}:1`), KeyError, 'KEY_MISSING');
    expect(error.hint).toMatch(/targets\/alice \([0-9a-f]{7}\), targets\/releases \([0-9a-f]{7}\)/);
    expect(scene.posts()).toEqual(posts);
  });
});

describe.concurrent('a tag that targets and releases hold with different digests', () => {
  async function conflict(owner: Machine): Promise<void> {
    await owner.signOne(`${GUN}:1`, { as: ONE, signer: 'alice' });
    await owner.publish(GUN, addTarget('targets', '1', target(TWO)));
  }

  it('is not trusted', async ({ scene }) => {
    const owner = await scene.machine();
    await conflict(owner);
    const result = await owner.verify(`${GUN}:1`);
    expect(result).toMatchObject({ trusted: false, exitCode: 3, error: { code: 'TAG_CONFLICT' } });
    expect(result.error?.message).toContain(ONE.hex);
    expect(result.error?.message).toContain(TWO.hex);
  });

  it('is mended by signing it again where the repository key is at hand', async ({ scene }) => {
    const owner = await scene.machine();
    await conflict(owner);
    const report = await owner.signOne(`${GUN}:1`, { as: ONE });
    expect(report.tags[0]).toMatchObject({
      roles: ['targets', 'targets/alice', 'targets/releases'],
      status: 'signed',
      previousDigest: TWO.digest,
    });
    expect(report.warnings).toEqual([]);
    expect(await owner.verify(`${GUN}:1`)).toMatchObject({ trusted: true, digest: ONE.digest });
  });

  it('is warned of where that key is not, in a dry run too', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { as: ONE, signer: 'alice' });
    await owner.publish(GUN, addTarget('targets', '1', target(ONE)));
    await owner.loseKey('targets');
    const third = content('three');
    const warning = expect.stringContaining(`still signs 1 as ${ONE.digest}`);
    const planned = await owner.signOne(`${GUN}:1`, { as: third, dryRun: true });
    expect(planned.warnings).toEqual([warning]);
    const report = await owner.signOne(`${GUN}:1`, { as: third });
    expect(report.tags[0]?.roles).toEqual(['targets/alice', 'targets/releases']);
    expect(report.warnings).toEqual([warning]);
    expect((await owner.verify(`${GUN}:1`)).error?.code).toBe('TAG_CONFLICT');
  });
});

describe.concurrent('a failure', () => {
  it('for a wrong passphrase publishes nothing and loses nothing', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`, { signer: 'alice' });
    const keys = await machine.keyFiles();
    const posts = scene.posts();
    const wrong = machine.withEnv({ DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'not that one' });
    const error = await expectFailure(wrong.signOne(`${GUN}:2`), KeyError, 'KEY_PASSPHRASE_WRONG');
    expect(error.message).toContain('alice');
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`).not.toContain(
      'not that one',
    );
    expect(wrong.log.join('\n')).not.toContain('not that one');
    expect(scene.posts()).toEqual(posts);
    expect(await machine.keyFiles()).toEqual(keys);
    expect((await machine.verify(`${GUN}:1`)).trusted).toBe(true);
    expect((await machine.signOne(`${GUN}:2`)).exitCode).toBe(0);
  });

  it('in one repository does not keep the others from being signed', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne('localhost:5000/theirs:0', { signer: 'alice' });
    const machine = await scene.machine();
    const { repositories } = await machine.sign(
      ['localhost:5000/theirs:1', 'localhost:5000/mine:1'],
      { as: ONE },
    );
    expect(
      repositories.map(({ repository, exitCode, error, tags }) => [
        repository,
        exitCode,
        error?.code,
        tags.length,
      ]),
    ).toEqual([
      ['localhost:5000/theirs', 4, 'KEY_MISSING', 0],
      ['localhost:5000/mine', 0, undefined, 1],
    ]);
    expect(repositories[0]?.server).toBe(scene.server.url);
    expect((await machine.verify('localhost:5000/mine:1')).trusted).toBe(true);
  });

  it('to reach the server signs nothing: a cache is not enough to write', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    await scene.server.close();
    await expectFailure(machine.signOne(`${GUN}:2`), ConnectionError, 'SERVER_UNREACHABLE');
  });

  it('of the metadata’s trust signs nothing', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    scene.clock = new Date(NOW.getTime() + 3.1 * 365 * DAY);
    await expectFailure(machine.signOne(`${GUN}:2`), TrustError, 'METADATA_EXPIRED');
    expect(scene.posts()).toHaveLength(1);
  });
});

describe.concurrent('a dry run', () => {
  it('sends and writes nothing', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne([`${GUN}:1`, `${GUN}:2`], { as: ONE, signer: 'alice' });
    const before = await machine.everything();
    const versions = await scene.versions(GUN);
    const posts = scene.posts();
    const report = await machine.signOne([`${GUN}:1`, `${GUN}:2`, `${GUN}:3`], {
      as: TWO,
      dryRun: true,
    });
    expect(report.tags.map(({ status, previousDigest }) => [status, previousDigest])).toEqual([
      ['would-sign', ONE.digest],
      ['would-sign', ONE.digest],
      ['would-sign', undefined],
    ]);
    expect(report).toMatchObject({ initialised: false, createdKeys: [], versions: {} });
    expect(report.wouldCreateKeys).toBeUndefined();
    const again = await machine.signOne(`${GUN}:1`, { as: ONE, dryRun: true });
    expect(again.tags[0]?.status).toBe('already-signed');
    expect(await machine.everything()).toEqual(before);
    expect(scene.posts()).toEqual(posts);
    expect(await scene.versions(GUN)).toEqual(versions);
  });

  it('writes nothing on a machine that has never seen the repository either', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    const other = await scene.machine();
    await other.takeKey(owner, 'targets');
    const before = await other.everything();
    const report = await other.signOne(`${GUN}:2`, { dryRun: true });
    expect(report.tags[0]?.status).toBe('would-sign');
    expect(await other.everything()).toEqual(before);
  });
});

describe.concurrent('changes that somebody staged with notary', () => {
  it('are left as they are, with a warning', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const stage = (name: string) =>
      machine.run(session =>
        session.trustDir.repository(GUN).changelist.add(addTarget('targets', name, target(TWO))),
      );
    await stage('staged');
    const folder = join(machine.trustDir, 'tuf', GUN, 'changelist');
    const files = async () =>
      Promise.all(
        (await readdir(folder)).map(async name => [
          name,
          await readFile(join(folder, name), 'utf8'),
        ]),
      );
    const before = await files();
    const one = await machine.signOne(`${GUN}:2`);
    expect(one.warnings).toEqual([expect.stringMatching(/^1 change staged with notary was left/)]);
    expect(await files()).toEqual(before);

    await stage('another');
    await writeFile(join(folder, 'broken'), 'not a change');
    const planned = await machine.signOne(`${GUN}:3`, { dryRun: true });
    expect(planned.warnings).toEqual([
      expect.stringMatching(/^3 changes staged with notary were left/),
    ]);
    expect(Object.keys(await scene.tags(GUN, 'targets')).sort()).toEqual(['1', '2']);
  });

  it('are left alone for a new repository too', async ({ scene }) => {
    const machine = await scene.machine();
    const folder = join(machine.trustDir, 'tuf', GUN, 'changelist');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'x.change'), 'not a change');
    const report = await machine.signOne(`${GUN}:1`);
    expect(report.warnings).toEqual([expect.stringContaining('1 change staged')]);
    expect(await readdir(folder)).toEqual(['x.change']);
  });
});

describe.concurrent('a root that ends within half a year', () => {
  /** Nine years and a half later, through which somebody kept the targets alive. */
  async function almostTenYears(scene: { clock: Date }, machine: Machine): Promise<void> {
    for (const years of [0, 2.9, 5.8, 8.7, 9.7]) {
      scene.clock = new Date(NOW.getTime() + years * 365 * DAY);
      if (years < 9) await machine.signOne(`${GUN}:${years}`);
    }
  }

  it('is renewed by whoever has its key', async ({ scene }) => {
    const machine = await scene.machine();
    await almostTenYears(scene, machine);
    const report = await machine.signOne(`${GUN}:last`);
    expect(report.versions).toEqual({ root: 2, targets: 6 });
    const { root } = await scene.trusted(GUN);
    expect(Date.parse(root.metadata.expires)).toBe(scene.clock.getTime() + 3650 * DAY);
    // Somebody with the old root goes on without a question.
    expect((await machine.verify(`${GUN}:last`)).trusted).toBe(true);
  });

  it('keeps nobody else from signing, but is warned of', async ({ scene }) => {
    const machine = await scene.machine();
    await almostTenYears(scene, machine);
    await machine.loseKey('root');
    const report = await machine.signOne(`${GUN}:last`);
    expect(report.versions).toEqual({ targets: 6 });
    expect(report.warnings).toContainEqual(expect.stringMatching(/^The root expires on 2036-/));
  });

  it('is not touched when there is nothing to sign', async ({ scene }) => {
    const machine = await scene.machine();
    await almostTenYears(scene, machine);
    const posts = scene.posts();
    await machine.signOne(`${GUN}:8.7`);
    expect(scene.posts()).toEqual(posts);
  });
});

describe.concurrent('a lost answer', () => {
  it('is looked after: what the server holds was published', async ({ scene }) => {
    const proxy = await scene.proxy();
    const machine = await scene.machine({ server: proxy.url });
    await machine.signOne(`${GUN}:1`);
    proxy.fault(PUBLISH, async (_request, forward) => {
      await forward();
      return { reset: true };
    });
    const posts = scene.posts().length;
    const report = await machine.signOne(`${GUN}:2`);
    expect(report).toMatchObject({
      tags: [{ status: 'signed' }],
      versions: { targets: 3 },
      warnings: [],
    });
    expect(scene.posts()).toHaveLength(posts + 1);
  });
});
