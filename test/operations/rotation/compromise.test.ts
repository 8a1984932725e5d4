import { expect } from 'vitest';
import { generatePrivateKey } from '../../../src/crypto/private-key.ts';
import { KeyError, OperationError, UsageError } from '../../../src/errors.ts';
import type { CompromiseRequest } from '../../../src/operations/rotation/compromise.ts';
import { retireKeys } from '../../../src/operations/rotation/retire-keys.ts';
import { reviewRepository } from '../../../src/operations/rotation/review.ts';
import type { ReviewRules } from '../../../src/operations/rotation/review-decision.ts';
import {
  type KeyRotation,
  type RotateKeyRequest,
  rotateKey,
} from '../../../src/operations/rotation/rotate.ts';
import { addTarget, createDelegation, updateDelegation } from '../../../src/tuf/change.ts';
import { imageTarget } from '../../../src/tuf/target.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { content, DAY, it, type Machine, NOW, type Scene } from '../../support/trust-scene.ts';

const APP = 'reg.example/app';
const THEFT = new Date(NOW.getTime() + DAY);
const TODAY = new Date(NOW.getTime() + 2 * DAY);

const target = (text: string) => imageTarget(content(text).digest, content(text).size);
const names = (tags: readonly { tag: string; role: string }[]): string[] =>
  tags.map(({ tag, role }) => `${tag} ${role}`).sort();

interface Stage {
  readonly owner: Machine;
  readonly thief: Machine;
  /** Canonical ID of the thief's own key. */
  readonly thiefKey: string;
}

/** A repository with a signer, and a thief who has everything but the root key and has used it. */
async function stage(scene: Scene): Promise<Stage> {
  const owner = await scene.machine();
  await owner.signOne(`${APP}:1.0`, { as: content('one'), signer: 'alice' });
  await owner.signOne(`${APP}:2.0`, { as: content('two'), roles: ['targets'] });
  await owner.signOne(`${APP}:3.0`, { as: content('three'), roles: ['targets'] });
  await owner.load(APP);
  const thief = await scene.machine();
  for (const role of ['targets', 'alice']) await thief.takeKey(owner, role);
  scene.clock = THEFT;
  const mallory = generatePrivateKey('ecdsa');
  await thief.publish(
    APP,
    addTarget('targets', '6.6', target('evil')),
    addTarget('targets', '2.0', target('worse')),
    createDelegation('targets/mallory', {
      threshold: 1,
      addKeys: [mallory.publicKey],
      addPaths: [''],
    }),
    updateDelegation('targets/releases', { addKeys: [mallory.publicKey] }),
  );
  scene.clock = TODAY;
  return { owner, thief, thiefKey: mallory.id };
}

async function rotate(
  machine: Machine,
  rules: ReviewRules,
  more: Partial<RotateKeyRequest> & { request?: Partial<CompromiseRequest> } = {},
): Promise<KeyRotation> {
  const { request, ...rest } = more;
  const compromise = { trustedSince: NOW, rules, ...request };
  return await machine.run(session =>
    rotateKey(session, APP, { role: 'targets', compromise, ...rest }),
  );
}

it('ends with what was known, in one publish', async ({ scene }) => {
  const { owner, thief, thiefKey } = await stage(scene);
  const posts = scene.posts().length;
  const rotation = await rotate(owner, { keepKnown: true, dropRest: true });
  expect(scene.posts().length).toBe(posts + 1);
  const { review } = rotation;
  expect(review).toMatchObject({
    trustedSince: NOW.toISOString(),
    known: { verifiedAt: NOW.toISOString(), from: 'server' },
    removedSigners: ['targets/mallory'],
    restored: [{ role: 'targets/releases', keyIds: [thiefKey], paths: [] }],
    keptSigners: ['targets/alice', 'targets/releases'],
    remainingTags: [],
    remainingSigners: [],
    formerTags: [{ tag: '2.0', sha256: content('two').hex, size: content('two').size }],
    isComplete: true,
  });
  expect(names(review?.removedTags ?? [])).toEqual(['2.0 targets', '6.6 targets']);
  expect(rotation).toMatchObject({ exitCode: 0, verifiedAfresh: true, resignedTargets: 1 });
  expect(await scene.tags(APP, 'targets')).toEqual({ '3.0': content('three').hex });
  expect(await scene.tags(APP, 'targets/releases')).toEqual({ '1.0': content('one').hex });
  const trusted = await scene.trusted(APP);
  expect(trusted.delegation('targets/mallory')).toBeUndefined();
  const keys = [...trusted.targets.values()].flatMap(({ metadata }) => [
    ...metadata.delegations.keys.keys(),
  ]);
  expect(keys).not.toContain(thiefKey);
  await expectFailure(
    thief.publish(APP, addTarget('targets', '7.7', target('evil'))),
    KeyError,
    'KEY_MISSING',
  );
  // The owner goes on as before.
  await owner.signOne(`${APP}:4.0`, { as: content('four') });
});

it('is refused as long as anything is undecided, and nothing is made', async ({ scene }) => {
  const { owner } = await stage(scene);
  const before = await owner.keyFiles();
  const posts = scene.posts().length;
  const error = await expectFailure(
    rotate(owner, { keepKnown: true }),
    UsageError,
    'REVIEW_NEEDED',
  );
  expect(error.message).toContain('6.6');
  expect(error.details?.signers).toEqual(['targets/mallory']);
  await expectFailure(
    rotate(owner, { keepAll: true, drop: ['6.7'] }),
    UsageError,
    'REVIEW_NAME_UNKNOWN',
  );
  await expectFailure(rotate(owner, {}), UsageError, 'REVIEW_NEEDED');
  expect(await owner.keyFiles()).toEqual(before);
  expect(scene.posts().length).toBe(posts);
});

it('of a dry run shows what is undecided, and changes nothing', async ({ scene }) => {
  const { owner } = await stage(scene);
  const before = await owner.keyFiles();
  const { review, exitCode } = await rotate(owner, { keepKnown: true }, { dryRun: true });
  expect(review?.undecidedTags.map(({ tag }) => tag)).toEqual(['2.0', '6.6']);
  expect(review?.undecidedSigners.map(({ role }) => role)).toEqual(['targets/mallory']);
  expect(exitCode).toBe(0);
  expect(await owner.keyFiles()).toEqual(before);
});

it('keeps nothing as known that this machine does not remember', async ({ scene }) => {
  const { owner } = await stage(scene);
  const long = new Date(NOW.getTime() - 100 * DAY);
  const rules = { keepKnown: true, dropRest: true };
  const rotation = await rotate(owner, rules, { request: { trustedSince: long }, dryRun: true });
  expect(rotation.review?.keptTags).toEqual([]);
  expect(rotation.warnings).toContainEqual(expect.stringContaining('remembers nothing'));
});

it('names what it cannot take away, and fails', async ({ scene }) => {
  const { owner, thief } = await stage(scene);
  await thief.publish(APP, addTarget('targets/alice', '9.9', target('evil')));
  await owner.loseKey('alice');
  const rotation = await rotate(owner, { keepKnown: true, dropRest: true });
  expect(names(rotation.review?.remainingTags ?? [])).toEqual(['9.9 targets/alice']);
  expect(rotation.exitCode).toBe(1);
  expect(await scene.tags(APP, 'targets/alice')).toHaveProperty('9.9');
  const again = await rotate(owner, { keepAll: true, dropSigners: ['targets/alice'] });
  expect(again.exitCode).toBe(0);
  expect((await scene.trusted(APP)).targets.has('targets/alice')).toBe(false);
});

it('gives a signer a new key in the same publish, made here or handed in', async ({ scene }) => {
  const { owner, thief } = await stage(scene);
  const old = (await owner.keyFiles()).find(({ role }) => role === 'alice')?.id ?? '';
  const rules = { keepKnown: true, dropRest: true, rekeySigners: ['targets/alice'] };
  const posts = scene.posts().length;
  const rotation = await rotate(owner, rules);
  const { review, createdKeys } = rotation;
  expect(scene.posts().length).toBe(posts + 1);
  const [{ keyIds: [key = ''] = [] } = {}] = review?.rekeyed ?? [];
  expect(createdKeys.map(({ role }) => role)).toEqual(['targets', 'alice']);
  const trusted = await scene.trusted(APP);
  for (const role of ['targets/alice', 'targets/releases']) {
    expect(trusted.delegation(role)?.keyIds).toEqual([key]);
    // What was signed with the old key is signed again, else nobody would vouch for it.
    expect(trusted.targets.get(role)?.metadata.targets.has('1.0')).toBe(true);
  }
  expect(review?.resignedRoles).toEqual(['targets/alice', 'targets/releases']);
  expect(key).not.toBe(old);
  await expectFailure(
    thief.publish(APP, addTarget('targets/alice', '7.7', target('x'))),
    KeyError,
    'KEY_MISSING',
  );
  // The old private key may go with that of the repository.
  const { removedKeys } = await owner.run(session => retireKeys(session, [rotation], 'remove'));
  expect(removedKeys).toContain(old);
});

it('takes the compromised key out of delegations that have it too', async ({ scene }) => {
  const { owner } = await stage(scene);
  const [key] = [...(await scene.trusted(APP)).root.metadata.roles.entries()]
    .filter(([role]) => role === 'targets')
    .flatMap(([, { keyIds }]) => keyIds ?? []);
  const trusted = await scene.trusted(APP);
  const shared = trusted.root.metadata.keys.get(key ?? '');
  if (shared === undefined) throw new Error('no targets key');
  await owner.publish(APP, updateDelegation('targets/alice', { addKeys: [shared] }));
  const { review, warnings } = await rotate(owner, { keepAll: true });
  expect(warnings).toContainEqual(
    expect.stringContaining('targets/alice had the replaced key too'),
  );
  expect(review?.isComplete).toBe(true);
  expect((await scene.trusted(APP)).delegation('targets/alice')?.keyIds).not.toContain(key);
});

it('of a stolen root key replaces the keys that it could have put in', async ({ scene }) => {
  const { owner } = await stage(scene);
  const rotation = await rotate(owner, { keepKnown: true, dropRest: true }, { role: 'root' });
  expect(rotation.alsoRotated.map(({ role }) => role)).toEqual(['targets']);
  expect(rotation.versions).toMatchObject({ root: 2 });
  expect(await scene.tags(APP, 'targets')).toEqual({ '3.0': content('three').hex });
  const who = rotation.consumers.cannotFollow.map(each => each.who).join('\n');
  for (const word of ['pin the old root certificate', 'disable_tofu', 'expired', 'admission'])
    expect(who).toContain(word);
});

it('has nothing to review for a key that signs no tags', async ({ scene }) => {
  const { owner } = await stage(scene);
  const rotation = await rotate(owner, {}, { role: 'timestamp', serverManaged: true });
  expect(rotation.review).toBeUndefined();
  expect(rotation.warnings).toContainEqual(expect.stringContaining('signs no tags'));
});

it('is for what is there when it is published: a thief who is quicker is reviewed too', async ({
  scene,
}) => {
  const { owner, thief } = await stage(scene);
  const proxy = await scene.proxy();
  const PUBLISH = /^POST .*\/_trust\/tuf\/$/;
  const race = (): void => {
    proxy.fault(
      PUBLISH,
      async (_request, forward) => {
        await thief.publish(APP, addTarget('targets', '7.7', target('late')));
        return await forward();
      },
      { times: 1 },
    );
  };
  const through = owner.with({ server: proxy.url });
  race();
  const rules = { keepKnown: true, drop: ['6.6', '2.0'], dropSigners: ['targets/mallory'] };
  const error = await expectFailure(rotate(through, rules), UsageError, 'REVIEW_NEEDED');
  expect(error.message).toContain('7.7');
  const rotation = await rotate(through, { keepKnown: true, dropRest: true });
  expect(rotation.reusedKeys).toBe(true);
  expect(await scene.tags(APP, 'targets')).toEqual({ '3.0': content('three').hex });
});

it('shows everything beside what was known, and what the registry has', async ({ scene }) => {
  const { owner } = await stage(scene);
  const review = await owner.run(session =>
    reviewRepository(session, APP, { trustedSince: NOW, registry: false }),
  );
  expect(review.tags.map(({ tag, standing, roles }) => [tag, standing, ...roles])).toEqual([
    ['1.0', 'known', 'targets/alice', 'targets/releases'],
    ['2.0', 'changed', 'targets'],
    ['3.0', 'known', 'targets'],
    ['6.6', 'new', 'targets'],
  ]);
  expect(review.signers.map(({ role, standing }) => [role, standing])).toEqual([
    ['targets/alice', 'known'],
    ['targets/mallory', 'new'],
    ['targets/releases', 'changed'],
  ]);
  expect(review.signedBy['targets/alice']).toHaveLength(1);
  expect(review.registry).toBeUndefined();
  const unreachable = await owner.run(session =>
    reviewRepository(session, APP, { registry: true }),
  );
  expect(Object.values(unreachable.registry ?? {})).toEqual([
    'unknown',
    'unknown',
    'unknown',
    'unknown',
  ]);
  expect(unreachable.registryProblem).toBeDefined();
  expect(unreachable.tags.every(({ standing }) => standing === 'unremembered')).toBe(true);
});

it('asks the registry for each digest once', async ({ scene }) => {
  const registry = await scene.registry(digest =>
    digest === content('one').digest ? '{}' : digest === content('two').digest ? 500 : 404,
  );
  const image = `${registry.domain}/app`;
  const owner = await scene.machine();
  for (const [tag, text] of [
    ['1', 'one'],
    ['2', 'two'],
    ['3', 'three'],
    ['4', 'one'],
  ] as const)
    await owner.signOne(`${image}:${tag}`, { as: content(text), roles: ['targets'] });
  const review = await owner.run(session => reviewRepository(session, image, { registry: true }));
  expect(review.registry).toEqual({
    [content('one').hex]: 'present',
    [content('two').hex]: 'unknown',
    [content('three').hex]: 'absent',
  });
  expect(registry.requests.filter(line => line.includes(content('one').hex))).toHaveLength(1);
});

it('that was published and not seen through is finished, unless more has come since', async ({
  scene,
}) => {
  const { owner, thief } = await stage(scene);
  await thief.publish(APP, addTarget('targets/alice', '9.9', target('evil')));
  const proxy = await scene.proxy();
  const through = owner.with({ server: proxy.url });
  const cutShort = async (): Promise<void> => {
    proxy.fault(
      /^POST .*\/_trust\/tuf\/$/,
      async (_request, forward) => {
        await forward();
        proxy.fault(/^GET /, { reset: true });
        return { reset: true };
      },
      { times: 1 },
    );
    await expect(rotate(through, rules)).rejects.toMatchObject({ exitCode: 5 });
    proxy.clear();
  };
  const rules = { keepKnown: true, dropRest: true };
  await cutShort();
  const versions = await scene.versions(APP);
  expect(await rotate(through, rules)).toMatchObject({ carriedOn: true, exitCode: 0 });
  expect(await scene.versions(APP)).toEqual(versions);
  // A thief with another key goes on: the next answer is no mere finish.
  scene.clock = new Date(TODAY.getTime() + DAY);
  await cutShort();
  await thief.publish(APP, addTarget('targets/alice', '9.9', target('evil')));
  const again = await rotate(through, { ...rules, rekeySigners: ['targets/alice'] });
  expect(again.carriedOn).toBe(false);
  expect(names(again.review?.removedTags ?? [])).toEqual(['9.9 targets/alice']);
});

it('takes no stolen key for the new one', async ({ scene }) => {
  const { owner } = await stage(scene);
  const key = (await owner.keyFiles()).find(({ role }) => role === 'targets')?.id ?? '';
  await expectFailure(
    rotate(owner, { keepAll: true }, { keyIds: [key] }),
    OperationError,
    'KEY_UNCHANGED',
  );
});
