import { describe, expect, it } from 'vitest';
import { canonicalKeyId } from '../../src/crypto/public-key.ts';
import { KeyError, OperationError } from '../../src/errors.ts';
import { applyChange } from '../../src/tuf/apply-change.ts';
import {
  addTarget,
  type Change,
  createDelegation,
  decodeChange,
  deleteDelegation,
  removeTarget,
  replaceRoleKeys,
  updateDelegation,
  witness,
} from '../../src/tuf/change.ts';
import type { KeyRing } from '../../src/tuf/key-ring.ts';
import { Repository } from '../../src/tuf/repository.ts';
import { imageTarget, type Target } from '../../src/tuf/target.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  keyRing,
  MetadataSimulator,
  NO_KEYS,
  newKey,
  newRootKey,
  SimulatedClient,
  type SimulatedKey,
} from '../support/metadata-simulator.ts';

const IMAGE = imageTarget(`sha256:${'ab'.repeat(32)}`, 1234);

interface Scene {
  repository: Repository;
  server: MetadataSimulator;
  ring: KeyRing;
  apply(change: Change, ring?: KeyRing): Promise<boolean>;
}

/** `targets` with the delegations `targets/a` (paths `v`) and below it `targets/a/b` (paths `v1`); all keys at hand. */
async function scene(prepare: (server: MetadataSimulator) => string[] = () => []): Promise<Scene> {
  const server = MetadataSimulator.published();
  server.delegate('targets/a', ['v']);
  server.delegate('targets/a/b', ['v1']);
  server.addTarget('targets/a', 'v0');
  const more = prepare(server);
  server.publish(['targets', 'targets/a', 'targets/a/b', ...more]);
  const { trusted } = await new SimulatedClient().update(server);
  const repository = Repository.fromTrusted(trusted);
  const ring = keyRing(...[...server.keys.values()].flat());
  return {
    repository,
    server,
    ring,
    apply: (change, other = ring) => applyChange(repository, change, other),
  };
}

const dirty = ({ repository }: Scene): string[] =>
  [...repository.roles].filter(([, role]) => role.dirty).map(([name]) => name);
const ringWithout = (server: MetadataSimulator, ...roles: string[]): KeyRing =>
  keyRing(
    ...[...server.keys].filter(([role]) => !roles.includes(role)).flatMap(([, keys]) => keys),
  );
const idOf = (key: SimulatedKey): string => canonicalKeyId(key.publicKey);

describe('signing a target', () => {
  it('marks its role, and no other, for signing', async () => {
    const all = await scene();
    expect(await all.apply(addTarget('targets/a', 'v1', IMAGE))).toBe(true);
    expect(all.repository.view('targets/a')?.targets.get('v1')).toEqual(IMAGE);
    expect(dirty(all)).toEqual(['targets/a']);
  });

  it('that is signed just so already changes nothing and needs no key', async () => {
    const all = await scene();
    await all.apply(addTarget('targets', 'new', IMAGE));
    const same: Target = { hashes: { ...IMAGE.hashes }, length: IMAGE.length };
    expect(await all.apply(addTarget('targets', 'new', same), NO_KEYS)).toBe(false);
    const present = all.repository.view('targets/a')?.targets.get('v0') as Target;
    expect(await all.apply(addTarget('targets/a', 'v0', present), NO_KEYS)).toBe(false);
    expect(dirty(all)).toEqual(['targets']);
  });

  it.each<[string, Target]>([
    ['length', { ...IMAGE, length: 1 }],
    ['digest', imageTarget(`sha256:${'cd'.repeat(32)}`, 1234)],
    ['custom data', { ...IMAGE, custom: { a: 1 } }],
  ])('with another %s needs the key', async (_, target) => {
    const all = await scene();
    await all.apply(addTarget('targets', 'new', IMAGE));
    const refusal = all.apply(addTarget('targets', 'new', target), NO_KEYS);
    const error = await expectFailure(refusal, KeyError, 'KEY_MISSING');
    expect(error.message).toContain(idOf(all.server.keysOf('targets')[0] as SimulatedKey));
  });

  it('outside the role’s paths is refused, and the hint says what it may sign', async () => {
    const all = await scene();
    const error = await expectFailure(
      all.apply(addTarget('targets/a', 'x', IMAGE)),
      OperationError,
      'PATH_NOT_ALLOWED',
    );
    expect(error.hint).toContain('“v”');
    await expectFailure(
      all.apply(addTarget('targets/a/b', 'v2', IMAGE)),
      OperationError,
      'PATH_NOT_ALLOWED',
    );
    expect(dirty(all)).toEqual([]);
  });

  it.each(['targets/none', 'targets/a/none', 'targets/none/deep'])(
    'for the unknown role %s is refused',
    async role => {
      const all = await scene();
      await expectFailure(all.apply(addTarget(role, 'v1', IMAGE)), OperationError, 'ROLE_UNKNOWN');
    },
  );

  it.each(['root', 'snapshot', 'timestamp', 'targets/', 'targets/A', '__proto__', 'targets/*'])(
    'for %s is refused',
    async role => {
      const all = await scene();
      await expectFailure(
        all.apply(addTarget(role, 'v1', IMAGE)),
        OperationError,
        'CHANGE_UNSUPPORTED',
      );
    },
  );

  it.each(['', 'a\nb', '\u0000', 'a\ud800'])(
    'under the name %j is refused, for Notary cannot write it',
    async name => {
      const all = await scene();
      // Applied directly: a change file could not even carry some of these.
      const change = { ...addTarget('targets', 'x', IMAGE), path: name };
      await expectFailure(all.apply(change), OperationError, 'TARGET_NAME_INVALID');
    },
  );

  it.each(['<', '>', '&', '\u2028', '\n', 1.5, 2 ** 53 + 2, 1e300])(
    'with %j in its custom data is refused',
    async custom => {
      const all = await scene();
      const refusal = all.apply(
        addTarget('targets', 'x', { ...IMAGE, custom: { deep: [custom] } }),
      );
      await expectFailure(refusal, OperationError, 'TARGET_CUSTOM_INVALID');
    },
  );

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no length', '{"hashes":{}}'],
    ['a negative length', '{"length":-1,"hashes":{}}'],
    ['no hashes', '{"length":1}'],
    ['a short digest', '{"length":1,"hashes":{"sha256":"AAAA"}}'],
    [
      'a digest that Go would print differently',
      `{"length":1,"hashes":{"sha256":"${'A'.repeat(42)}B="}}`,
    ],
  ])('with %s as its data is refused', async (_, data) => {
    const all = await scene();
    const change: Change = { ...addTarget('targets', 'x', IMAGE), data: Buffer.from(data) };
    await expect(all.apply(change)).rejects.toThrow(OperationError);
    expect(dirty(all)).toEqual([]);
  });

  it('for a delegation that has never signed makes its file, from version 1', async () => {
    const all = await scene(server => {
      server.delegate('targets/new');
      return [];
    });
    await all.apply(addTarget('targets/new', 'x', IMAGE));
    expect(all.repository.roles.get('targets/new')).toMatchObject({
      dirty: true,
      metadata: { version: 0 },
    });
  });

  it('by “update” is nothing that Notary knows', async () => {
    const all = await scene();
    const change: Change = { ...addTarget('targets', 'x', IMAGE), action: 'update' };
    await expectFailure(all.apply(change), OperationError, 'CHANGE_UNSUPPORTED');
  });
});

describe('removing a target', () => {
  it('needs no regard for paths, since what is wrong must be removable', async () => {
    const all = await scene(server => {
      server.addTarget('targets/a', 'outside');
      return [];
    });
    expect(await all.apply(removeTarget('targets/a', 'outside'))).toBe(true);
    expect(all.repository.view('targets/a')?.targets.has('outside')).toBe(false);
  });

  it('that is not there changes nothing and needs no key', async () => {
    const all = await scene();
    expect(await all.apply(removeTarget('targets', 'none'), NO_KEYS)).toBe(false);
    expect(await all.apply(removeTarget('targets', '__proto__'), NO_KEYS)).toBe(false);
    expect(await all.apply(removeTarget('targets/a/b', 'v1'), NO_KEYS)).toBe(false);
    expect(dirty(all)).toEqual([]);
  });

  it('that is there needs the role’s key', async () => {
    const all = await scene();
    const ring = ringWithout(all.server, 'targets');
    await expectFailure(
      all.apply(removeTarget('targets', 'latest'), ring),
      KeyError,
      'KEY_MISSING',
    );
  });
});

describe('a delegation', () => {
  const key = newKey();

  it('is created by the parent’s key, first its keys and then its paths', async () => {
    const all = await scene();
    await all.apply(createDelegation('targets/new', { threshold: 1, addKeys: [key.publicKey] }));
    await all.apply(createDelegation('targets/new', { addPaths: ['x/', 'y/', 'x/'] }));
    expect(all.repository.delegation('targets/new')).toEqual({
      name: 'targets/new',
      keyIds: [key.id],
      paths: ['x/', 'y/'],
      threshold: 1,
    });
    expect(dirty(all)).toEqual(['targets']);
    const refusal = all.apply(
      createDelegation('targets/z', { threshold: 1 }),
      ringWithout(all.server, 'targets'),
    );
    await expectFailure(refusal, KeyError, 'KEY_MISSING');
  });

  it('cannot begin without a threshold, below an unknown parent, or outside its parent’s paths', async () => {
    const all = await scene();
    const create = (role: string, threshold = 1, addPaths: string[] = []) =>
      all.apply(createDelegation(role, { threshold, addKeys: [key.publicKey], addPaths }));
    await expectFailure(create('targets/new', 0), OperationError, 'ROLE_UNKNOWN');
    await expectFailure(create('targets/none/new'), OperationError, 'ROLE_UNKNOWN');
    await expectFailure(create('targets/a/new', 1, ['x']), OperationError, 'PATH_NOT_ALLOWED');
    await expectFailure(create('targets/a/new', 1, ['']), OperationError, 'PATH_NOT_ALLOWED');
    expect(await create('targets/a/new', 1, ['v2', 'v'])).toBe(true);
  });

  it('keeps its key once, however often it is added', async () => {
    const all = await scene();
    const before = all.repository.delegation('targets/a')?.keyIds;
    const [own] = all.server.keysOf('targets/a') as [SimulatedKey];
    await all.apply(
      createDelegation('targets/a', { threshold: 1, addKeys: [own.publicKey, own.publicKey] }),
    );
    expect(all.repository.delegation('targets/a')?.keyIds).toEqual(before);
  });

  it('loses keys by canonical ID, also when it lists them as certificates', async () => {
    const certified = newRootKey({ gun: 'alice' });
    const all = await scene();
    await all.apply(createDelegation('targets/a', { addKeys: [certified.publicKey] }));
    expect(all.repository.delegation('targets/a')?.keyIds).toContain(certified.id);
    await all.apply(
      updateDelegation('targets/a', { removeKeys: [idOf(certified), 'f'.repeat(64)] }),
    );
    expect(all.repository.delegation('targets/a')?.keyIds).toEqual(
      all.server.keysOf('targets/a').map(({ id }) => id),
    );
    expect(all.repository.view('targets')?.delegations.keys.has(certified.id)).toBe(false);
  });

  it('stays with “null” for its keys when the last is gone, and a warning says so', async () => {
    const all = await scene();
    const [own] = all.server.keysOf('targets/a') as [SimulatedKey];
    await all.apply(updateDelegation('targets/a', { removeKeys: [idOf(own)] }));
    expect(all.repository.delegation('targets/a')).toMatchObject({ keyIds: null, threshold: 1 });
    expect(all.repository.warnings.join()).toContain('targets/a has no key left');
  });

  it('that shares a key with another leaves it there', async () => {
    const all = await scene();
    const [own] = all.server.keysOf('targets/a') as [SimulatedKey];
    await all.apply(createDelegation('targets/z', { threshold: 1, addKeys: [own.publicKey] }));
    await all.apply(updateDelegation('targets/a', { removeKeys: [idOf(own)] }));
    expect([...(all.repository.view('targets')?.delegations.keys.keys() ?? [])]).toEqual([own.id]);
  });

  it('loses and gains paths', async () => {
    const all = await scene();
    await all.apply(
      updateDelegation('targets/a', { removePaths: ['v', 'unknown'], addPaths: ['w', 'x'] }),
    );
    expect(all.repository.delegation('targets/a')?.paths).toEqual(['w', 'x']);
    await all.apply(updateDelegation('targets/a', { clearPaths: true }));
    expect(all.repository.delegation('targets/a')?.paths).toEqual([]);
  });

  it('that is unknown cannot be updated, and deleting it does nothing', async () => {
    const all = await scene();
    await expectFailure(
      all.apply(updateDelegation('targets/z', { clearPaths: true })),
      OperationError,
      'ROLE_UNKNOWN',
    );
    expect(await all.apply(deleteDelegation('targets/z'), NO_KEYS)).toBe(false);
  });

  it('is deleted with all below it; the emptied list becomes “null”', async () => {
    const all = await scene();
    expect(await all.apply(deleteDelegation('targets/a'))).toBe(true);
    expect(all.repository.view('targets')?.delegations).toEqual({ keys: new Map(), roles: null });
    expect([...all.repository.roles.keys()]).toEqual(['targets']);
    await expectFailure(
      all.apply(addTarget('targets/a', 'v1', IMAGE)),
      OperationError,
      'ROLE_UNKNOWN',
    );
  });

  it('that is deleted and made again in one batch begins empty, at the version where it was', async () => {
    const all = await scene();
    const [own] = all.server.keysOf('targets/a') as [SimulatedKey];
    await all.apply(deleteDelegation('targets/a'));
    await all.apply(
      createDelegation('targets/a', { threshold: 1, addKeys: [own.publicKey], addPaths: ['v'] }),
    );
    await all.apply(addTarget('targets/a', 'v9', IMAGE));
    const { metadata } = all.repository.roles.get('targets/a') ?? {};
    expect([...(metadata?.targets.keys() ?? [])]).toEqual(['v9']);
    expect(metadata?.version).toBe(1);
    expect(all.repository.view('targets/a/b')).toBeUndefined();
  });
});

describe('a purge', () => {
  it('takes a key out of every delegation whose parent this machine can sign', async () => {
    const shared = newKey();
    const all = await scene(server => {
      server.delegate('targets/c', [''], [shared, newKey()]);
      server.delegate('targets/a/d', ['v'], [shared]);
      return ['targets/c', 'targets/a/d'];
    });
    const change = updateDelegation('targets/*', { removeKeys: [idOf(shared)] });
    expect(await all.apply(change, ringWithout(all.server, 'targets/a'))).toBe(true);
    expect(all.repository.delegation('targets/c')?.keyIds).toHaveLength(1);
    expect(all.repository.delegation('targets/a/d')?.keyIds).toEqual([shared.id]);
    expect(all.repository.warnings.join()).toContain('targets/a');
    expect(dirty(all)).toEqual(['targets']);
    expect(await all.apply(change)).toBe(true);
    expect(all.repository.delegation('targets/a/d')?.keyIds).toBeNull();
    expect(await all.apply(change, NO_KEYS)).toBe(false);
  });

  it('below one role leaves the others alone', async () => {
    const shared = newKey();
    const all = await scene(server => {
      server.delegate('targets/c', [''], [shared]);
      server.delegate('targets/a/d', ['v'], [shared]);
      return ['targets/c', 'targets/a/d'];
    });
    await all.apply(updateDelegation('targets/a/*', { removeKeys: [idOf(shared)] }));
    expect(all.repository.delegation('targets/c')?.keyIds).toEqual([shared.id]);
    expect(all.repository.delegation('targets/a/d')?.keyIds).toBeNull();
  });
});

describe('a witness', () => {
  const STRANGER = newKey();
  const invalidated = (server: MetadataSimulator): string[] => {
    server.delegate('targets/w', ['']);
    server.addTarget('targets/w', 'kept');
    server.payload('targets/w').version = 6;
    server.sign('targets/w', { signers: [STRANGER] });
    return [];
  };

  it('adopts the content of a file that lost its signatures, and goes on from its version', async () => {
    const all = await scene(invalidated);
    expect(all.repository.invalid.has('targets/w')).toBe(true);
    expect(await all.apply(witness('targets/w'))).toBe(true);
    expect(all.repository.view('targets/w')?.targets.has('kept')).toBe(true);
    expect(all.repository.view('targets/w')?.version).toBe(7);
    expect(all.repository.invalid.has('targets/w')).toBe(false);
  });

  it('must come before anything is added to such a file, whose content would be lost', async () => {
    const all = await scene(invalidated);
    const added = addTarget('targets/w', 'new', IMAGE);
    await expectFailure(all.apply(added), OperationError, 'ROLE_NOT_TRUSTED');
    const below = createDelegation('targets/w/x', { threshold: 1, addPaths: [''] });
    await expectFailure(all.apply(below), OperationError, 'ROLE_NOT_TRUSTED');
    await all.apply(witness('targets/w'));
    await all.apply(added);
    expect([...(all.repository.view('targets/w')?.targets.keys() ?? [])]).toEqual(['kept', 'new']);
  });

  it('is not needed where such a file holds nothing; its version goes on', async () => {
    const all = await scene(server => {
      server.delegate('targets/w', ['']);
      server.payload('targets/w').version = 6;
      server.sign('targets/w', { signers: [STRANGER] });
      return [];
    });
    await all.apply(addTarget('targets/w', 'new', IMAGE));
    expect(all.repository.view('targets/w')?.version).toBe(7);
  });

  it('marks a good role for signing, needs its key, and knows no role that has never signed', async () => {
    const all = await scene(server => {
      server.delegate('targets/new', ['']);
      return [];
    });
    await expectFailure(all.apply(witness('targets/a'), NO_KEYS), KeyError, 'KEY_MISSING');
    await expectFailure(all.apply(witness('targets/none')), OperationError, 'ROLE_UNKNOWN');
    await expectFailure(all.apply(witness('targets/new')), OperationError, 'ROLE_UNSIGNED');
    await expectFailure(all.apply(witness('snapshot')), OperationError, 'CHANGE_UNSUPPORTED');
    await all.apply(witness('targets/a'));
    expect(dirty(all)).toEqual(['targets/a']);
  });

  it('of a role with fewer keys than its threshold is refused', async () => {
    const all = await scene();
    const [own] = all.server.keysOf('targets/a') as [SimulatedKey];
    await all.apply(updateDelegation('targets/a', { removeKeys: [idOf(own)] }));
    await expectFailure(all.apply(witness('targets/a')), OperationError, 'ROLE_UNSIGNABLE');
  });
});

describe('new keys for a base role', () => {
  it.each(['targets', 'snapshot', 'timestamp'])('%s: the old one leaves the root', async role => {
    const all = await scene();
    const fresh = newKey();
    const [old] = all.server.keysOf(role) as [SimulatedKey];
    await all.apply(replaceRoleKeys(role, [fresh.publicKey]));
    expect(all.repository.root.roles.get(role)).toEqual({ keyIds: [fresh.id], threshold: 1 });
    expect(all.repository.root.keys.has(old.id)).toBe(false);
    expect(all.repository.root.keys.has(fresh.id)).toBe(true);
    expect(dirty(all)).toEqual(role === 'targets' ? ['targets'] : []);
  });

  it('root: the old certificate stays listed, as Notary leaves it', async () => {
    const all = await scene();
    const [old] = all.server.keysOf('root') as [SimulatedKey];
    const fresh = newRootKey();
    await all.apply(replaceRoleKeys('root', [fresh.publicKey]));
    expect(all.repository.root.roles.get('root')?.keyIds).toEqual([fresh.id]);
    expect(all.repository.root.keys.has(old.id)).toBe(true);
  });

  it('a key that another role still uses stays listed', async () => {
    const all = await scene(server => {
      server.setKeys('snapshot', server.keysOf('targets'));
      return ['root'];
    });
    const [shared] = all.server.keysOf('targets') as [SimulatedKey];
    await all.apply(replaceRoleKeys('targets', [newKey().publicKey]));
    expect(all.repository.root.keys.has(shared.id)).toBe(true);
  });

  it('need the root key, one key at least, and a base role', async () => {
    const all = await scene();
    const change = replaceRoleKeys('targets', [newKey().publicKey]);
    await expectFailure(
      all.apply(change, ringWithout(all.server, 'root')),
      KeyError,
      'KEY_MISSING',
    );
    await expectFailure(
      all.apply(replaceRoleKeys('targets', [])),
      OperationError,
      'CHANGE_UNSUPPORTED',
    );
    await expectFailure(
      all.apply(replaceRoleKeys('targets/a', [newKey().publicKey])),
      OperationError,
      'CHANGE_UNSUPPORTED',
    );
    await expectFailure(
      all.apply({ ...change, action: 'delete' }),
      OperationError,
      'CHANGE_UNSUPPORTED',
    );
    await expectFailure(
      all.apply({ ...change, role: 'targets' }),
      OperationError,
      'CHANGE_UNSUPPORTED',
    );
  });
});

describe('a change file', () => {
  it.each([
    '',
    '[]',
    'null',
    '{"action":"create"',
    '{"action":"destroy","role":"targets","type":"target","path":"x","data":null}',
    '{"action":"create","role":"targets","type":"__proto__","path":"x","data":null}',
    '{"action":"create","role":1,"type":"target","path":"x","data":null}',
    '{"action":"create","role":"targets","type":"target","path":null,"data":null}',
    '{"action":"create","role":"targets","type":"target","path":"x","data":{}}',
  ])('%j is refused', async text => {
    await expectFailure(() => decodeChange(Buffer.from(text)), OperationError, 'CHANGE_MALFORMED');
  });
});
