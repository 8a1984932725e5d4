/** The root that a request asks for, one for each kind of change; keys that it needs here are made and stored. */
import type { CeremonyKind, CeremonyRepository } from '../../ceremony/ceremony-file.ts';
import { reviewRepository } from '../../ceremony/review.ts';
import { printable } from '../../crypto/printable.ts';
import { keyId, type PublicKey } from '../../crypto/public-key.ts';
import { TrustError } from '../../errors.ts';
import { initialise } from '../../tuf/initialise.ts';
import type { RootMetadata } from '../../tuf/metadata.ts';
import type { Repository } from '../../tuf/repository.ts';
import { type BaseRole, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import { proposeRoot, rootMessage } from '../../tuf/root-proposal.ts';
import type { CreatedKey } from '../initialise-repository.ts';
import { keyFile, type RepositoryAccess, type Session } from '../session.ts';

/** A repository's state before anything is made for it. */
export interface PreparedRepository {
  readonly access: RepositoryAccess;
  /** Absent for a repository that is to be made. */
  readonly repository?: Repository;
  readonly rootKeys?: readonly PublicKey[];
}

/** What of a request decides how a root shall look. */
export interface WantedChange {
  readonly kind: CeremonyKind;
  readonly threshold?: number;
  readonly serverManaged?: boolean;
}

/** Makes the entry of one repository. @param created told of each key as soon as it is stored */
export async function proposal(
  session: Session,
  one: PreparedRepository,
  request: WantedChange,
  role: BaseRole,
  created: CreatedKey[],
): Promise<CeremonyRepository> {
  const { access, repository } = one;
  const proposed =
    repository === undefined
      ? await firstRoot(session, one, request.threshold ?? 1, created)
      : role === ROOT
        ? proposedRootRole(session, one, request)
        : proposeRoot(
            repository.root,
            { role, keys: [await newKey(session, access, role, request, created)] },
            session.now,
          );
  const made: CeremonyRepository = {
    gun: access.gun,
    server: access.server,
    kind: request.kind,
    role,
    base: repository?.rootBytes,
    proposed: rootMessage(proposed),
  };
  // What is not fit to be signed is not worth a walk to the safe.
  reviewRepository(made, [], { now: session.now, pinning: await session.pinning() });
  return made;
}

/** The root role as it shall be: all new keys, new ones beside the old, or the same ones with a new date. */
export function proposedRootRole(
  session: Session,
  { repository, rootKeys = [] }: PreparedRepository,
  { kind, threshold }: WantedChange,
): RootMetadata {
  if (repository === undefined) throw new RangeError('no repository');
  const { roleKeys, keys } = repository.keysFor(ROOT);
  const present = (roleKeys.keyIds ?? []).flatMap(id => keys.get(id) ?? []);
  const wanted =
    kind === 'rotate-root'
      ? rootKeys
      : kind === 'add-root-key'
        ? [...present, ...rootKeys]
        : present;
  const unique = [...new Map(wanted.map(key => [keyId(key), key])).values()];
  return proposeRoot(
    repository.root,
    { role: ROOT, keys: unique, threshold: threshold ?? roleKeys.threshold },
    session.now,
  );
}

/**
 * Checks, before a key is made for it, that so many signatures can be reached.
 * @throws TrustError `THRESHOLD_UNATTAINABLE`
 */
export function checkAttainable(
  gun: string,
  role: string,
  threshold: number,
  keyCount: number,
): void {
  if (keyCount >= threshold) return;
  throw new TrustError(
    'THRESHOLD_UNATTAINABLE',
    `The ${role} role of ${printable(gun)} would need ${threshold} signatures, but there would be ${keyCount} key${keyCount === 1 ? '' : 's'}`,
    { details: { repository: gun, role, threshold, keys: keyCount } },
  );
}

/** Root version 1: keys of the server first, so that a refusal leaves no orphan here. */
async function firstRoot(
  session: Session,
  { access, rootKeys = [] }: PreparedRepository,
  threshold: number,
  created: CreatedKey[],
): Promise<RootMetadata> {
  const [root] = rootKeys;
  if (root === undefined) throw new RangeError('no root key');
  const timestamp = await access.remote.publicKey(TIMESTAMP);
  const snapshot = await access.remote.publicKey(SNAPSHOT);
  const targets = await localKey(session, access, TARGETS, created);
  const unsigned = initialise(access.gun, { root, targets, snapshot, timestamp });
  return proposeRoot(unsigned.root, { role: ROOT, keys: rootKeys, threshold }, session.now);
}

async function newKey(
  session: Session,
  access: RepositoryAccess,
  role: BaseRole,
  { serverManaged = false }: WantedChange,
  created: CreatedKey[],
): Promise<PublicKey> {
  if (role === TIMESTAMP) return await access.remote.rotateKey(TIMESTAMP);
  if (role === SNAPSHOT && serverManaged) return await access.remote.rotateKey(SNAPSHOT);
  return await localKey(session, access, role, created);
}

async function localKey(
  session: Session,
  { gun }: RepositoryAccess,
  role: string,
  created: CreatedKey[],
): Promise<PublicKey> {
  const { id, publicKey } = await (await session.keys()).generate({ role, gun });
  created.push({ id, role, file: keyFile(session, id) });
  return publicKey;
}
