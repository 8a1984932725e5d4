import { describe, expect } from 'vitest';
import { generatePrivateKey } from '../../src/crypto/private-key.ts';
import { keyId } from '../../src/crypto/public-key.ts';
import { ConnectionError, KeyError, OperationError } from '../../src/errors.ts';
import { generateKey } from '../../src/operations/keys/key-generate.ts';
import { publishChanges } from '../../src/operations/publish.ts';
import { parseImageReference } from '../../src/registry/image-reference.ts';
import {
  addTarget,
  createDelegation,
  deleteDelegation,
  replaceRoleKeys,
  updateDelegation,
  witness,
} from '../../src/tuf/change.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import type { FaultHandler } from '../interop/support/fault-proxy.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { content, it, type Machine, type Scene } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const ONE = content('one');
const TWO = content('two');
const PUBLISH = /^POST .*\/_trust\/tuf\/$/;

/** A repository whose owner reaches the server through a proxy, and a colleague with the same keys who does not. */
async function shared(scene: Scene, signer?: string) {
  const proxy = await scene.proxy();
  const owner = await scene.machine({ server: proxy.url });
  await owner.signOne(`${GUN}:0`, signer === undefined ? {} : { signer });
  const colleague = await scene.machine();
  await colleague.takeKey(owner, signer ?? 'targets');
  proxy.clear();
  return { proxy, owner, colleague };
}

/** Passes a publish on, and loses the answer. */
const LOST_ANSWER: FaultHandler = async (_request, forward) => {
  await forward();
  return { reset: true };
};

/** Has something else happen between the look at the repository and the publish. */
function meanwhile(work: () => Promise<unknown>): FaultHandler {
  return async (_request, forward) => {
    await work();
    return await forward();
  };
}

/** A key of this machine, for a role. */
async function newKey(machine: Machine, role: string) {
  return await machine.run(async session => {
    const { id } = await generateKey(session, { role });
    return (await (await session.keys()).open(id)).publicKey;
  });
}

describe.concurrent('a publish that lost a race', () => {
  it('is done again on the new state: both changes stay, one version each', async ({ scene }) => {
    const { proxy, owner, colleague } = await shared(scene);
    proxy.fault(
      PUBLISH,
      meanwhile(() => colleague.signOne(`${GUN}:theirs`, { as: TWO })),
      {
        times: 1,
      },
    );
    const report = await owner.signOne(`${GUN}:ours`, { as: ONE });
    expect(report).toMatchObject({ versions: { targets: 4 }, tags: [{ status: 'signed' }] });
    expect(await scene.tags(GUN, 'targets')).toEqual({
      0: ONE.hex,
      ours: ONE.hex,
      theirs: TWO.hex,
    });
    expect((await scene.versions(GUN)).targets).toBe(4);
    expect(proxy.log().filter(line => PUBLISH.test(line))).toHaveLength(2);
  });

  it('in the same delegation is, too, and keeps the signer’s tags together', async ({ scene }) => {
    const { proxy, owner, colleague } = await shared(scene, 'alice');
    proxy.fault(
      PUBLISH,
      meanwhile(() => colleague.signOne(`${GUN}:theirs`, { as: TWO })),
      {
        times: 1,
      },
    );
    await owner.signOne(`${GUN}:ours`);
    for (const role of ['targets/alice', 'targets/releases']) {
      expect(Object.keys(await scene.tags(GUN, role)).sort()).toEqual(['0', 'ours', 'theirs']);
    }
  });

  it('has nothing left to do when the other did the same', async ({ scene }) => {
    const { proxy, owner, colleague } = await shared(scene);
    proxy.fault(
      PUBLISH,
      meanwhile(() => colleague.signOne(`${GUN}:1`)),
      { times: 1 },
    );
    const report = await owner.signOne(`${GUN}:1`);
    expect(report).toMatchObject({ versions: {}, tags: [{ status: 'already-signed' }] });
    expect((await scene.versions(GUN)).targets).toBe(3);
  });

  it('says what the tag was when the other signed it as something else', async ({ scene }) => {
    const { proxy, owner, colleague } = await shared(scene);
    proxy.fault(
      PUBLISH,
      meanwhile(() => colleague.signOne(`${GUN}:1`, { as: TWO })),
      { times: 1 },
    );
    const report = await owner.signOne(`${GUN}:1`, { as: ONE });
    expect(report.tags[0]).toMatchObject({ status: 'signed', previousDigest: TWO.digest });
    expect((await owner.verify(`${GUN}:1`)).digest).toBe(ONE.digest);
  });

  it('to one who took the role away publishes nothing, and another run does without it', async ({
    scene,
  }) => {
    const { proxy, owner, colleague } = await shared(scene, 'alice');
    await colleague.takeKey(owner, 'targets');
    proxy.fault(
      PUBLISH,
      meanwhile(() => colleague.publish(GUN, deleteDelegation('targets/alice'))),
      { times: 1 },
    );
    await expectFailure(owner.signOne(`${GUN}:1`), OperationError, 'SERVER_REJECTED');
    expect(await scene.tags(GUN, 'targets/releases')).toEqual({ 0: ONE.hex });
    const report = await owner.signOne(`${GUN}:1`);
    expect(report.tags[0]?.roles).toEqual(['targets/releases']);
  });

  it('gives up in the end, with the code for it', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    proxy.fault(PUBLISH, { status: 400, body: '{"errors":[{"code":"VERSION","message":"old"}]}' });
    await expectFailure(owner.signOne(`${GUN}:1`), OperationError, 'VERSION_CONFLICT');
    expect(proxy.log().filter(line => PUBLISH.test(line))).toHaveLength(4);
    expect(await scene.versions(GUN)).toMatchObject({ targets: 2 });
  });

  it('is known by the other answer of some databases too', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    const updating = '{"errors":[{"code":"UPDATING","message":"Internal error"}]}';
    proxy.fault(PUBLISH, { status: 500, body: updating }, { times: 1 });
    expect((await owner.signOne(`${GUN}:1`)).versions).toEqual({ targets: 3 });
  });
});

describe.concurrent('a publish whose answer is lost', () => {
  it('succeeded if the server holds what was sent', async ({ scene }) => {
    const { proxy, owner } = await shared(scene, 'alice');
    proxy.fault(PUBLISH, LOST_ANSWER);
    const report = await owner.signOne(`${GUN}:1`);
    expect(report).toMatchObject({
      versions: { 'targets/alice': 2, 'targets/releases': 2 },
      tags: [{ status: 'signed' }],
      warnings: [],
    });
    expect(proxy.log().filter(line => PUBLISH.test(line))).toHaveLength(1);
    expect((await owner.verify(`${GUN}:1`, { offline: true })).trusted).toBe(true);
  });

  it('did not if the server never got it; another run does it, once', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    proxy.fault(PUBLISH, { reset: true }, { times: 1 });
    await expectFailure(owner.signOne(`${GUN}:1`), ConnectionError, 'PUBLISH_UNCONFIRMED');
    expect(await scene.versions(GUN)).toMatchObject({ targets: 2 });
    expect((await owner.signOne(`${GUN}:1`)).versions).toEqual({ targets: 3 });
  });

  it('is unknown if the server cannot be asked; another run finds it done', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    proxy.fault(PUBLISH, LOST_ANSWER);
    proxy.fault(PUBLISH, async (_request, forward) => {
      await forward();
      proxy.fault(/^GET /, { status: 403 });
      return { reset: true };
    });
    await expectFailure(owner.signOne(`${GUN}:1`), ConnectionError, 'PUBLISH_UNCONFIRMED');
    proxy.clear();
    const again = await owner.signOne(`${GUN}:1`);
    expect(again).toMatchObject({ tags: [{ status: 'already-signed' }], versions: {} });
  });

  it('is not confirmed by what somebody else published', async ({ scene }) => {
    const { proxy, owner, colleague } = await shared(scene);
    proxy.fault(PUBLISH, async () => {
      await colleague.signOne(`${GUN}:theirs`);
      return { reset: true };
    });
    await expectFailure(owner.signOne(`${GUN}:ours`), ConnectionError, 'PUBLISH_UNCONFIRMED');
    expect(await scene.tags(GUN, 'targets')).not.toHaveProperty('ours');
  });
});

describe.concurrent('a server in trouble', () => {
  it('in the middle of the reads is asked again', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    proxy.fault(/^GET .*\/timestamp\.json$/, { status: 503 }, { times: 1 });
    expect((await owner.signOne(`${GUN}:1`)).versions).toEqual({ targets: 3 });
  });

  it('at the publish is not: it would not be known what it did', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    const cached = await owner.everything();
    proxy.fault(PUBLISH, { status: 503, body: 'busy' });
    await expectFailure(owner.signOne(`${GUN}:1`), ConnectionError, 'SERVER_ERROR');
    expect(proxy.log().filter(line => PUBLISH.test(line))).toHaveLength(1);
    const after = await owner.everything();
    expect([...after.keys()]).toEqual([...cached.keys()]);
    expect(await scene.versions(GUN)).toMatchObject({ targets: 2 });
    proxy.clear();
    expect((await owner.signOne(`${GUN}:1`)).versions).toEqual({ targets: 3 });
  });

  it('that serves old data after it accepted new is told of', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    const old = await scene.machine();
    const before = await old.run(async session => {
      const { remote } = await session.repository(parseImageReference(GUN));
      return await remote.timestamp();
    });
    proxy.fault(PUBLISH, async (_request, forward) => {
      const answer = await forward();
      proxy.fault(/\/timestamp\.json$/, { status: 200, body: before });
      return answer;
    });
    const report = await owner.signOne(`${GUN}:1`);
    expect(report.exitCode).toBe(0);
    expect(report.warnings).toEqual([expect.stringContaining('still serves the old targets')]);
  });

  it('after it accepted is told of too', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    proxy.fault(PUBLISH, async (_request, forward) => {
      const answer = await forward();
      proxy.fault(/^GET /, { status: 403 });
      return answer;
    });
    const report = await owner.signOne(`${GUN}:1`);
    expect(report.warnings).toEqual([expect.stringContaining('could not be read back')]);
    expect(report.tags[0]?.status).toBe('signed');
  });

  it('that rejects an update says why, and nothing is stored here', async ({ scene }) => {
    const { proxy, owner } = await shared(scene);
    const detail = { Name: 'ErrBadTargets', Error: { Msg: 'it does not like them' } };
    const body = JSON.stringify({ errors: [{ code: 'INVALID_UPDATE', message: 'no', detail }] });
    proxy.fault(PUBLISH, { status: 400, body });
    const error = await expectFailure(owner.signOne(`${GUN}:1`), OperationError, 'SERVER_REJECTED');
    expect(error.message).toContain('it does not like them');
    expect((await owner.verify(`${GUN}:1`, { offline: true })).error?.code).toBe('NOT_SIGNED');
  });
});

describe.concurrent('a delegation that existed before', () => {
  it('goes on from its old version when it comes back, without its old tags', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`, { signer: 'alice' });
    await owner.signOne(`${GUN}:1`);
    await owner.signOne(`${GUN}:2`);
    expect(await scene.versions(GUN)).toMatchObject({ 'targets/alice': 3 });
    await owner.publish(GUN, deleteDelegation('targets/alice'));
    expect(await scene.versions(GUN)).not.toHaveProperty('targets/alice');

    const key = await newKey(owner, 'alice');
    const published = await owner.publish(
      GUN,
      createDelegation('targets/alice', { threshold: 1, addKeys: [key], addPaths: [''] }),
      addTarget('targets/alice', 'again', imageTarget(TWO.digest, TWO.size)),
    );
    expect(published.versions).toMatchObject({ 'targets/alice': 4 });
    expect(published.warnings).toContainEqual(
      expect.stringContaining('targets/alice existed before, up to version 3'),
    );
    expect(await scene.tags(GUN, 'targets/alice')).toEqual({ again: TWO.hex });
  });

  it('is not looked for without end on a server that has every version', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`);
    const proxy = await scene.proxy();
    proxy.fault(/\/[0-9]+\.targets\/bob\.json$/, { status: 200, body: '{}' });
    const key = await newKey(owner, 'bob');
    const publishing = owner
      .with({ server: proxy.url })
      .publish(
        GUN,
        createDelegation('targets/bob', { threshold: 1, addKeys: [key], addPaths: [''] }),
        addTarget('targets/bob', 'new', imageTarget(TWO.digest, TWO.size)),
      );
    await expectFailure(publishing, ConnectionError, 'RESPONSE_INVALID');
    expect(scene.posts()).toEqual([GUN]);
  });

  it('does so in the one publish that removes and adds it', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`, { signer: 'alice' });
    await owner.signOne(`${GUN}:1`);
    const key = await newKey(owner, 'alice');
    const published = await owner.publish(
      GUN,
      deleteDelegation('targets/alice'),
      createDelegation('targets/alice', { threshold: 1, addKeys: [key], addPaths: [''] }),
      addTarget('targets/alice', 'again', imageTarget(TWO.digest, TWO.size)),
    );
    expect(published.versions).toMatchObject({ 'targets/alice': 3 });
    expect(await scene.tags(GUN, 'targets/alice')).toEqual({ again: TWO.hex });
  });

  it('goes on from its version when its keys were changed and it was not signed since', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`, { signer: 'alice' });
    await owner.signOne(`${GUN}:1`);
    const old = (await owner.keyFiles()).find(({ role }) => role === 'alice')?.id ?? '';
    const key = await newKey(owner, 'alice');
    await owner.publish(
      GUN,
      updateDelegation('targets/alice', { removeKeys: [old], addKeys: [key] }),
    );
    expect(await scene.versions(GUN)).not.toHaveProperty('targets/alice');
    expect((await owner.inspect(GUN)).warnings).toContainEqual(
      expect.stringContaining('targets/alice was left aside'),
    );
    // What it holds is neither dropped nor signed unseen: it must be adopted first.
    const refused = owner.signOne(`${GUN}:2`, { roles: ['alice'] });
    await expectFailure(refused, OperationError, 'ROLE_NOT_TRUSTED');
    const adopted = await owner.publish(GUN, witness('targets/alice'));
    expect(adopted.versions).toEqual({ 'targets/alice': 3 });
    const report = await owner.signOne(`${GUN}:2`, { roles: ['alice'] });
    expect(report.versions).toEqual({ 'targets/alice': 4 });
  });

  it('does not bring its old tags back with its old key', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`, { signer: 'alice' });
    const id = (await owner.keyFiles()).find(({ role }) => role === 'alice')?.id ?? '';
    const key = await owner.run(async session => (await (await session.keys()).open(id)).publicKey);
    await owner.publish(GUN, deleteDelegation('targets/alice'));
    const again = createDelegation('targets/alice', {
      threshold: 1,
      addKeys: [key],
      addPaths: [''],
    });
    const published = await owner.publish(GUN, again);
    expect(published.versions).toEqual({ targets: 4, 'targets/alice': 2 });
    expect(published.warnings).toEqual([
      expect.stringContaining('its old targets (0) were emptied'),
    ]);
    expect(await scene.tags(GUN, 'targets/alice')).toEqual({});
  });

  it('is looked for only where a role is new', async ({ scene }) => {
    const { proxy, owner } = await shared(scene, 'alice');
    await owner.signOne(`${GUN}:1`);
    expect(proxy.log().filter(line => /\/\d+\.targets/.test(line))).toEqual([]);
  });
});

describe.concurrent('a snapshot that its owner signs', () => {
  /** Moves the snapshot from the server to a key of the owner's. */
  async function ownSnapshot(owner: Machine): Promise<void> {
    await owner.signOne(`${GUN}:0`);
    const key = await owner.run(async session => {
      const { id } = await generateKey(session, { role: 'snapshot', repository: GUN });
      return (await (await session.keys()).open(id)).publicKey;
    });
    await owner.publish(GUN, replaceRoleKeys('snapshot', [key]));
  }

  it('is sent along with every publish', async ({ scene }) => {
    const owner = await scene.machine();
    await ownSnapshot(owner);
    const report = await owner.signOne(`${GUN}:1`);
    expect(report.versions).toEqual({ targets: 3, snapshot: 3 });
    expect(await scene.versions(GUN)).toMatchObject({ root: 2, targets: 3, snapshot: 3 });
  });

  it('is explained where its key is missing, and nothing is published', async ({ scene }) => {
    const owner = await scene.machine();
    await ownSnapshot(owner);
    const colleague = await scene.machine();
    await colleague.takeKey(owner, 'targets');
    const id = (await owner.keyFiles()).find(({ role }) => role === 'snapshot')?.id ?? '';
    const error = await expectFailure(colleague.signOne(`${GUN}:1`), KeyError, 'KEY_MISSING');
    expect(error.message).toContain(`its snapshot key ${id}`);
    expect(error.details).toMatchObject({ role: 'snapshot', keyIds: [id] });
    expect(await scene.tags(GUN, 'targets')).toEqual({ 0: ONE.hex });
  });

  it('drops the entries of delegations that are gone', async ({ scene }) => {
    const owner = await scene.machine();
    await ownSnapshot(owner);
    const key = await newKey(owner, 'bob');
    await owner.publish(
      GUN,
      createDelegation('targets/bob', { threshold: 1, addKeys: [key], addPaths: [''] }),
    );
    await owner.signOne(`${GUN}:1`);
    await owner.publish(GUN, deleteDelegation('targets/bob'));
    const { snapshot } = await scene.trusted(GUN);
    expect([...(snapshot?.metadata.meta.keys() ?? [])].sort()).toEqual(['root', 'targets']);
  });
});

describe.concurrent('publishChanges', () => {
  it('publishes nothing of a plan of which one change cannot be', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`);
    const stranger = generatePrivateKey('ecdsa').publicKey;
    await expectFailure(
      owner.publish(
        GUN,
        addTarget('targets', '1', imageTarget(ONE.digest, ONE.size)),
        createDelegation('targets/x', { threshold: 1, addKeys: [stranger], addPaths: ['v'] }),
        addTarget('targets/x', 'v1', imageTarget(ONE.digest, ONE.size)),
      ),
      KeyError,
      'KEY_MISSING',
    );
    expect(scene.posts()).toHaveLength(1);
    expect(await scene.tags(GUN, 'targets')).toEqual({ 0: ONE.hex });
  });

  it('makes a plan for the state that it publishes on', async ({ scene }) => {
    const { proxy, owner, colleague } = await shared(scene);
    proxy.fault(
      PUBLISH,
      meanwhile(() => colleague.signOne(`${GUN}:theirs`)),
      { times: 1 },
    );
    const seen: string[][] = [];
    await owner.run(async session => {
      const access = await session.repository(parseImageReference(GUN));
      await publishChanges(session, access, async repository => {
        seen.push([...(repository.view('targets')?.targets.keys() ?? [])]);
        return { changes: [addTarget('targets', 'ours', imageTarget(ONE.digest, ONE.size))] };
      });
    });
    expect(seen).toEqual([['0'], ['0', 'theirs']]);
  });

  it('hands back what a client then reads', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`);
    const key = generatePrivateKey('ecdsa').publicKey;
    const { after } = await owner.publish(
      GUN,
      createDelegation('targets/x', { threshold: 1, addKeys: [key], addPaths: ['v'] }),
    );
    expect(after?.trusted.delegation('targets/x')?.keyIds).toEqual([keyId(key)]);
  });
});
