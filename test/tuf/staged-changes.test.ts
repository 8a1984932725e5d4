import { describe, expect, it } from 'vitest';
import { decodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { applyChange } from '../../src/tuf/apply-change.ts';
import { type Change, decodeChange, encodeChange } from '../../src/tuf/change.ts';
import type { KeyRing } from '../../src/tuf/key-ring.ts';
import { NO_PINNING } from '../../src/tuf/pinning.ts';
import { Repository } from '../../src/tuf/repository.ts';
import { type SignedFiles, signRepository } from '../../src/tuf/sign-repository.ts';
import { type MetadataCache, update } from '../../src/tuf/update.ts';
import { listVectors, readVector } from '../support/fixtures.ts';
import {
  FIXTURE_NOW,
  fixtureCache,
  fixtureGun,
  fixtureKeyRing,
  NO_CACHE,
  StaticRemote,
} from '../support/metadata-fixtures.ts';

const CHANGELIST = `metadata/d/trust/tuf/${fixtureGun('d')}/changelist`;
const EXTRA = 'metadata/d/extra/01795300000000000000_00000000-0000-4000-8000-000000000000.change';
const KEYS = 'd/trust/private';

type Json = Record<string, unknown>;

/** A file's payload without what differs at every signing. */
function content(file: Uint8Array | undefined): Json {
  const { expires: _, version: __, ...rest } = JSON.parse(String(file)).signed as Json;
  return rest;
}

function versionOf(file: Uint8Array | undefined): number {
  return JSON.parse(String(file)).signed.version as number;
}

async function repositoryOf(server: string, cache: MetadataCache = NO_CACHE): Promise<Repository> {
  const remote = new StaticRemote(server);
  const { trusted } = await update({
    gun: fixtureGun('d'),
    now: FIXTURE_NOW,
    pinning: NO_PINNING,
    cache,
    remote,
  });
  return Repository.fromTrusted(trusted);
}

async function applied(
  repository: Repository,
  changes: readonly Change[],
  ring: KeyRing,
): Promise<SignedFiles> {
  for (const change of changes) expect(await applyChange(repository, change, ring)).toBe(true);
  return await signRepository(repository, ring, FIXTURE_NOW);
}

function staged(): Change[] {
  return listVectors(CHANGELIST).map(name => decodeChange(readVector(`${CHANGELIST}/${name}`)));
}

describe('change files of the real programs', () => {
  it.each([...listVectors(CHANGELIST).map(name => `${CHANGELIST}/${name}`), EXTRA])(
    '%s is written again byte for byte',
    name => {
      const bytes = readVector(name);
      expect(encodeChange(decodeChange(bytes))).toBe(bytes.toString('utf8'));
    },
  );
});

describe('the staged changes of repository d', () => {
  it('give what the real program published', async () => {
    const repository = await repositoryOf('d/server-before-publish', fixtureCache('d'));
    const { files, snapshotByServer, warnings } = await applied(
      repository,
      staged(),
      fixtureKeyRing(KEYS),
    );
    const theirs = new StaticRemote('d/server-after-publish');

    expect([...files.keys()].sort()).toEqual(['snapshot', 'targets', 'targets/alice']);
    expect(content(files.get('targets'))).toEqual(content(theirs.newest('targets')));
    expect(content(files.get('targets/alice'))).toEqual(content(theirs.newest('targets/alice')));
    expect(snapshotByServer).toBe(false);
    expect(warnings).toEqual([]);
    for (const role of ['targets', 'targets/alice', 'snapshot']) {
      expect(versionOf(files.get(role)), role).toBe(versionOf(theirs.newest(role)));
    }

    const meta = (file: Uint8Array | undefined) => content(file).meta as Json;
    const ours = meta(files.get('snapshot'));
    expect(Object.keys(ours)).toEqual(Object.keys(meta(theirs.newest('snapshot'))));
    // Untouched files keep the hashes of the bytes that the real program signed.
    expect(ours.root).toEqual(meta(theirs.newest('snapshot')).root);
    expect(ours['targets/bob']).toEqual(meta(theirs.newest('snapshot'))['targets/bob']);
  });

  it('change nothing when they are applied to the published result, and need no key for it', async () => {
    const repository = await repositoryOf('d/server-after-publish');
    const none: KeyRing = {
      has: async () => false,
      signer: async () => Promise.reject(new Error('no key')),
    };
    const targetChanges = staged().filter(({ type }) => type === 'target');
    expect(targetChanges).toHaveLength(6);
    for (const change of targetChanges)
      expect(await applyChange(repository, change, none)).toBe(false);
    expect([...repository.roles.values()].some(({ dirty }) => dirty)).toBe(false);
  });

  it('replace the targets key by a change of type “role”, as the real program did', async () => {
    const repository = await repositoryOf('d/server-after-publish');
    const key = decodePrivateKeyPem(readVector('metadata/d/extra/new-targets-key.pem'), '');
    const ring = fixtureKeyRing(KEYS, key);
    const { files } = await applied(repository, [decodeChange(readVector(EXTRA))], ring);
    expect([...files.keys()].sort()).toEqual(['root', 'snapshot', 'targets']);
    for (const role of ['root', 'targets']) {
      const theirs = readVector(`metadata/d/extra/${role}-after.json`);
      expect(content(files.get(role)), role).toEqual(content(theirs));
      expect(versionOf(files.get(role)), role).toBe(versionOf(theirs));
    }
  });
});
