/** A repository's first metadata (tuf.md 6.3). */
import { keyId, type PublicKey } from '../crypto/public-key.ts';
import { emptyTargets, Repository } from './repository.ts';
import { type BaseRole, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from './role-name.ts';

export interface FirstKeys {
  /** The root certificate as a key (`ecdsa-x509`, …). */
  readonly root: PublicKey;
  readonly targets: PublicKey;
  readonly snapshot: PublicKey;
  readonly timestamp: PublicKey;
}

/** A repository that was never signed: sign it to get root and targets version 1. */
export function initialise(gun: string, keys: FirstKeys): Repository {
  const byRole: [BaseRole, PublicKey][] = [
    [ROOT, keys.root],
    [TARGETS, keys.targets],
    [SNAPSHOT, keys.snapshot],
    [TIMESTAMP, keys.timestamp],
  ];
  return new Repository({
    gun,
    root: {
      version: 0,
      expires: '',
      consistentSnapshot: false,
      keys: new Map(byRole.map(([, key]) => [keyId(key), key])),
      roles: new Map(byRole.map(([role, key]) => [role, { keyIds: [keyId(key)], threshold: 1 }])),
    },
    targets: [[TARGETS, { metadata: emptyTargets(), bytes: undefined, dirty: true }]],
    unpublished: true,
  });
}
