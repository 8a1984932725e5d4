/** A repository's first keys and metadata, the way `docker trust sign` makes them (cli.md 2.2, tuf.md 6.3). */
import { makeRootCertificate } from '../crypto/certificate.ts';
import { printable } from '../crypto/printable.ts';
import type { PrivateKey } from '../crypto/private-key.ts';
import type { PublicKey } from '../crypto/public-key.ts';
import { OperationError, TrustError, UsageError } from '../errors.ts';
import { type Change, createDelegation } from '../tuf/change.ts';
import { decodeTargets } from '../tuf/decode.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import { initialise } from '../tuf/initialise.ts';
import { Repository } from '../tuf/repository.ts';
import { RELEASES, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../tuf/role-name.ts';
import { verifyCachedRoot } from '../tuf/root-trust.ts';
import { signRepository } from '../tuf/sign-repository.ts';
import { verifySignatures } from '../tuf/verify-signatures.ts';
import { keyRing } from './publish.ts';
import { keyFile, type RepositoryAccess, type Session } from './session.ts';

export interface CreatedKey {
  readonly id: string;
  readonly role: string;
  readonly file: string;
}

const SIGNER = /^[a-z0-9][a-z0-9_-]*$/;

/**
 * Checks a name for a signer before anything is created with it.
 * @throws UsageError `SIGNER_INVALID`
 */
export function checkSignerName(name: string): string {
  if (SIGNER.test(name) && name !== 'releases' && name.length < 240) return name;
  throw new UsageError('SIGNER_INVALID', `“${printable(name)}” cannot be the name of a signer`, {
    hint: 'Give one with --signer: lower-case letters, digits, “-” and “_”, beginning with a letter or digit; not “releases”.',
  });
}

/**
 * Makes a repository that the server does not know: keys are on disk, whole, before anything is published;
 * an interrupted attempt is carried on with the keys it made.
 * @param created told of each key as soon as it is stored, so that a later failure hides none
 */
export async function firstRepository(
  session: Session,
  access: RepositoryAccess,
  created: CreatedKey[],
): Promise<Repository> {
  const resumed = await resume(session, access);
  if (resumed !== undefined) return resumed;
  // The server first: a key that is made before a refusal would be an orphan.
  const timestamp = await access.remote.publicKey(TIMESTAMP);
  const snapshot = await access.remote.publicKey(SNAPSHOT);
  const keys = await session.keys();
  const root = await rootKey(session, created);
  const targets = await keys.generate({ role: TARGETS, gun: access.gun });
  created.push({ id: targets.id, role: TARGETS, file: keyFile(session, targets.id) });
  const repository = initialise(access.gun, {
    root: certifiedKey(root, access.gun, session.now),
    targets: targets.publicKey,
    snapshot,
    timestamp,
  });
  const { files } = await signRepository(repository, await keyRing(session), session.now);
  const bytes = files.get(TARGETS);
  const rootBytes = files.get(ROOT);
  if (bytes === undefined || rootBytes === undefined)
    throw new OperationError('INITIALISE_FAILED', 'The first metadata was not made');
  await access.dir.replace(
    new Map([
      [ROOT, rootBytes],
      [TARGETS, bytes],
    ]),
  );
  session.log(`initialised ${access.gun} on this machine: root 1, targets 1`);
  const verified = verifyCachedRoot(rootBytes, {
    gun: access.gun,
    now: session.now,
    pinning: access.pinning,
  });
  const metadata = decodeTargets(openEnvelope(bytes, TARGETS).signed, TARGETS);
  return Repository.fromUnpublished(access.gun, verified, { bytes, metadata });
}

/** The changes by which a new repository gets its first signer: the role of that name, and releases. */
export async function firstSigner(
  session: Session,
  name: string,
  created: CreatedKey[],
): Promise<Change[]> {
  const keys = await session.keys();
  const known = (await keys.list())
    .filter(entry => entry.role === name && entry.problem === undefined)
    .map(({ id }) => id);
  const smallest = known.sort()[0];
  let key: PrivateKey;
  if (smallest === undefined) {
    key = await keys.generate({ role: name });
    created.push({ id: key.id, role: name, file: keyFile(session, key.id) });
  } else {
    key = await keys.open(smallest);
  }
  return [`${TARGETS}/${name}`, RELEASES].map(role =>
    createDelegation(role, { threshold: 1, addKeys: [key.publicKey], addPaths: [''] }),
  );
}

/** The root key to use: the one with the smallest ID, as docker takes it, else a new one. */
async function rootKey(session: Session, created: CreatedKey[]): Promise<PrivateKey> {
  const keys = await session.keys();
  const known = (await keys.list())
    .filter(entry => entry.role === ROOT && entry.problem === undefined)
    .map(({ id }) => id);
  const [smallest, ...others] = known.sort();
  if (smallest !== undefined) {
    session.log(
      `root key ${smallest}${others.length === 0 ? '' : ` (the smallest ID of ${known.length})`}`,
    );
    return await keys.open(smallest);
  }
  const key = await keys.generate({ role: ROOT });
  created.push({ id: key.id, role: ROOT, file: keyFile(session, key.id) });
  return key;
}

function certifiedKey(key: PrivateKey, gun: string, now: Date): PublicKey {
  const pem = makeRootCertificate({ key, gun, notBefore: now });
  return { keytype: `${key.publicKey.keytype}-x509`, publicBytes: Buffer.from(pem, 'utf8') };
}

/** What an earlier attempt left in the trust directory: root and targets that were never published. */
async function resume(session: Session, access: RepositoryAccess): Promise<Repository | undefined> {
  const { dir, gun, pinning } = access;
  const [rootBytes, bytes, timestamp] = await Promise.all([
    dir.read(ROOT),
    dir.read(TARGETS),
    dir.read(TIMESTAMP),
  ]);
  if (rootBytes === undefined) return undefined;
  if (timestamp !== undefined || bytes === undefined) throw gone(gun);
  const root = verifyCachedRoot(rootBytes, { gun, now: session.now, pinning });
  const envelope = openEnvelope(bytes, TARGETS);
  const roleKeys = root.metadata.roles.get(TARGETS);
  if (roleKeys === undefined) throw gone(gun);
  verifySignatures(envelope, TARGETS, roleKeys, root.metadata.keys);
  session.log(
    `${gun} was initialised on this machine before but never published: carrying on with its keys`,
  );
  return Repository.fromUnpublished(gun, root, {
    bytes,
    metadata: decodeTargets(envelope.signed, TARGETS),
  });
}

/** A timestamp in the cache proves that the server once had it: making it anew would cut off every consumer. */
function gone(gun: string): TrustError {
  return new TrustError(
    'NO_TRUST_DATA',
    `The server no longer has trust data for ${printable(gun)}, but this machine has verified it before`,
    {
      hint: 'Ask the server’s operator first. To make the repository anew, its trust data on this machine must be moved aside.',
    },
  );
}

/** What keys a new repository would need to have made, by role. */
export async function keysToCreate(
  session: Session,
  signer: string | undefined,
): Promise<string[]> {
  const keys = await session.keys();
  const has = async (role: string): Promise<boolean> =>
    (await keys.list()).some(entry => entry.role === role && entry.problem === undefined);
  return [
    ...((await has(ROOT)) ? [] : [ROOT]),
    TARGETS,
    ...(signer === undefined || (await has(signer)) ? [] : [signer]),
  ];
}
