import { describe, expect, it } from 'vitest';
import { canonicalKeyId } from '../../src/crypto/public-key.ts';
import {
  allSignedTargets,
  findTarget,
  listTargets,
  type SignedTarget,
  type TargetsView,
  usablePaths,
} from '../../src/tuf/delegation-walk.ts';
import type { DelegatedRole, TargetsMetadata } from '../../src/tuf/metadata.ts';
import { NO_PINNING } from '../../src/tuf/pinning.ts';
import { type Target, targetSha256 } from '../../src/tuf/target.ts';
import { update } from '../../src/tuf/update.ts';
import { readVector, readVectorJson } from '../support/fixtures.ts';
import {
  FIXTURE_NOW,
  type Fixture,
  fixtureCache,
  fixtureGun,
  NO_CACHE,
  StaticRemote,
} from '../support/metadata-fixtures.ts';

async function viewOf(fixture: Fixture, server?: string): Promise<TargetsView> {
  const { trusted } = await update({
    gun: fixtureGun(fixture),
    now: FIXTURE_NOW,
    pinning: NO_PINNING,
    cache: server === undefined ? fixtureCache(fixture) : NO_CACHE,
    remote: server === undefined ? undefined : new StaticRemote(server),
  });
  return role => trusted.targets.get(role)?.metadata;
}

/** A table that `notary list` printed, as one text for each row. */
function expectedRows(name: string): string[] {
  const lines = readVector(`metadata/${name}`).toString('utf8').trimEnd().split('\n');
  return lines.slice(2).map(line => line.split(/ {4,}/).join(' | ').trimEnd());
}

function rows(found: Iterable<SignedTarget>): string[] {
  return [...found].map(
    ({ name, role, target }) => `${name} | ${targetSha256(target)} | ${target.length} | ${role}`,
  );
}

describe('lists and look-ups of the real programs', () => {
  it.each([
    ['a', 'a/expected/notary-list.txt', undefined, undefined],
    ['b', 'b/expected/notary-list.txt', undefined, undefined],
    [
      'b',
      'b/expected/notary-list-roles-releases-targets.txt',
      ['targets/releases', 'targets'],
      undefined,
    ],
    ['b', 'b/expected/notary-list-roles-alice-ci.txt', ['targets/alice/ci'], undefined],
    ['c', 'c/expected/notary-list.txt', undefined, undefined],
    ['d', 'd/expected-before-publish/notary-list.txt', undefined, undefined],
    ['d', 'd/expected-after-publish/notary-list.txt', undefined, 'd/server-after-publish'],
    ['e', 'e/expected/notary-list.txt', undefined, undefined],
  ] as const)('repository %s lists as in %s', async (fixture, expected, roles, server) => {
    const view = await viewOf(fixture, server);
    // The digits, the order of columns and the rows count; how Go pads and sorts is the dialect's affair.
    expect(rows(listTargets(view, roles).values()).sort()).toEqual(expectedRows(expected).sort());
  });

  it.each([
    ['a', 'a/expected/notary-lookup-two.txt'],
    ['b', 'b/expected/notary-lookup.txt'],
  ] as const)('repository %s looks up as in %s', async (fixture, expected) => {
    const view = await viewOf(fixture);
    for (const line of readVector(`metadata/${expected}`).toString('utf8').trimEnd().split('\n')) {
      const [name = '', digest, size] = line.split(' ');
      const found = findTarget(view, name);
      expect(found, name).toBeDefined();
      expect([
        `sha256:${targetSha256(found?.target as Target)}`,
        String(found?.target.length),
      ]).toEqual([digest, size]);
    }
  });

  it('finds every listed target by its name, in the same role', async () => {
    const view = await viewOf('b');
    for (const roles of [
      ['targets'],
      ['targets/releases', 'targets'],
      ['targets/alice/ci', 'targets/alice'],
    ]) {
      for (const [name, listed] of listTargets(view, roles))
        expect(findTarget(view, name, roles)).toEqual(listed);
    }
  });

  it('gives the delegations that docker calls signers, with their canonical key IDs', async () => {
    type Inspected = { Signers: { Name: string; Keys: { ID: string }[] }[] }[];
    const [inspected] = readVectorJson<Inspected>('metadata/b/expected/docker-trust-inspect.json');
    const view = await viewOf('b');
    for (const { Name, Keys } of inspected?.Signers ?? []) {
      const role = `targets/${Name}`;
      const { delegations } = view(role.slice(0, role.lastIndexOf('/'))) as TargetsMetadata;
      const entry = delegations.roles?.find(({ name }) => name === role) as DelegatedRole;
      const ids = (entry.keyIds ?? []).map(id => canonicalKeyId(delegations.keys.get(id) as never));
      expect(ids).toEqual(Keys.map(({ ID }) => ID));
    }
  });
});

function tree(roles: Record<string, { paths?: string[]; targets?: string[] }>): TargetsView {
  return role => {
    const own = roles[role];
    if (own === undefined) return undefined;
    const children = Object.keys(roles).filter(
      name => name.slice(0, name.lastIndexOf('/')) === role,
    );
    return {
      version: 1,
      expires: '2029-11-20T00:00:00Z',
      targets: new Map(
        (own.targets ?? []).map(name => [name, { length: role.length, hashes: {} }]),
      ),
      delegations: {
        keys: new Map(),
        roles: children.map(name => ({
          name,
          keyIds: [],
          threshold: 1,
          paths: roles[name]?.paths ?? [],
        })),
      },
    };
  };
}

const roleOf = (view: TargetsView, name: string, roles?: string[]) =>
  findTarget(view, name, roles)?.role;

describe('whose word counts', () => {
  it('a role’s own targets beat those of its delegations, and shallower beat deeper', () => {
    const view = tree({
      targets: { targets: ['own'] },
      'targets/a': { paths: [''], targets: ['own', 'both'] },
      'targets/a/deep': { paths: [''], targets: ['both', 'deep', 'sibling'] },
      'targets/b': { paths: [''], targets: ['both', 'sibling'] },
    });
    expect(roleOf(view, 'own')).toBe('targets');
    expect(roleOf(view, 'both')).toBe('targets/a');
    expect(roleOf(view, 'sibling')).toBe('targets/b');
    expect(roleOf(view, 'deep')).toBe('targets/a/deep');
  });

  it('of two siblings the one that is listed first wins', () => {
    const view = tree({
      targets: {},
      'targets/z': { paths: [''], targets: ['x'] },
      'targets/a': { paths: [''], targets: ['x'] },
    });
    expect(roleOf(view, 'x')).toBe('targets/z');
  });

  it('a role that is given first wins, and the other given roles are passed over in its walk', () => {
    const view = tree({
      targets: {},
      'targets/a': { paths: [''], targets: ['n'] },
      'targets/a/b': { paths: [''], targets: ['t'] },
      'targets/x': { paths: [''], targets: ['t', 'n'] },
    });
    expect(roleOf(view, 't', ['targets/a', 'targets/x'])).toBe('targets/a/b');
    expect(roleOf(view, 't', ['targets/a', 'targets/x', 'targets/a/b'])).toBe('targets/x');
    expect(listTargets(view, ['targets/a', 'targets/x', 'targets/a/b']).get('t')?.role).toBe(
      'targets/x',
    );
    expect(roleOf(view, 'n', ['targets/x', 'targets/a'])).toBe('targets/x');
  });

  it('an unknown role gives nothing, and one without a file is passed over with all below it', () => {
    const full = tree({
      targets: {},
      'targets/a': { paths: [''] },
      'targets/a/b': { paths: [''], targets: ['t'] },
    });
    const view: TargetsView = role => (role === 'targets/a' ? undefined : full(role));
    expect([...listTargets(full, ['targets/none'])]).toEqual([]);
    expect(roleOf(full, 't')).toBe('targets/a/b');
    expect(roleOf(view, 't')).toBeUndefined();
    expect(roleOf(view, 't', ['targets/a/b'])).toBeUndefined();
  });
});

describe('paths', () => {
  it('are plain prefixes: “v1” covers “v10”, and a star means a star', () => {
    const view = tree({
      targets: {},
      'targets/a': { paths: ['v1', 'w*'], targets: ['v1', 'v10', 'v2', 'w*x', 'wx'] },
    });
    expect([...listTargets(view).keys()]).toEqual(['v1', 'v10', 'w*x']);
  });

  it('leave a target outside them out of the list, the look-up and the signatures', () => {
    const view = tree({
      targets: {},
      'targets/releases': { paths: ['rel/'], targets: ['rel/1', 'latest'] },
      'targets/b': { paths: [''], targets: ['latest'] },
    });
    expect(roleOf(view, 'latest')).toBe('targets/b');
    expect(listTargets(view).get('latest')?.role).toBe('targets/b');
    expect(allSignedTargets(view, 'latest').map(({ role }) => role)).toEqual(['targets/b']);
    expect(allSignedTargets(view).map(({ role, name }) => [role, name])).toEqual([
      ['targets/releases', 'rel/1'],
      ['targets/b', 'latest'],
    ]);
  });

  it('of a child count only where they begin with one of its parent’s; nothing is intersected', () => {
    const view = tree({
      targets: {},
      'targets/a': { paths: ['rel/ci/', 'x'] },
      'targets/a/b': {
        paths: ['rel/', 'rel/ci/deep/', 'x', ''],
        targets: ['rel/ci/1', 'rel/ci/deep/1', 'xy', 'z'],
      },
    });
    expect(usablePaths(view, 'targets/a/b')).toEqual(['rel/ci/deep/', 'x']);
    expect([...listTargets(view).keys()]).toEqual(['rel/ci/deep/1', 'xy']);
  });

  it('when there are none, the role may sign nothing', () => {
    const view = tree({ targets: {}, 'targets/a': { paths: [], targets: ['t'] } });
    expect([...listTargets(view)]).toEqual([]);
    expect(usablePaths(view, 'targets/a')).toEqual([]);
    expect(usablePaths(view, 'targets/unknown')).toEqual([]);
  });
});

it('names of Object.prototype are targets and nothing else', () => {
  const view = tree({ targets: { targets: ['constructor'] } });
  expect(roleOf(view, 'constructor')).toBe('targets');
  expect(roleOf(view, '__proto__')).toBeUndefined();
  expect(roleOf(view, 'toString')).toBeUndefined();
  expect(roleOf(view, 'x', ['constructor'])).toBeUndefined();
});
