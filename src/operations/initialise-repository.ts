/** A repository's first keys and metadata, the way `docker trust sign` makes them (cli.md 2.2, tuf.md 6.3). */
import { makeRootCertificate } from '../crypto/certificate.ts';
import { printable } from '../crypto/printable.ts';
import type { PrivateKey } from '../crypto/private-key.ts';
import type { PublicKey } from '../crypto/public-key.ts';
import { OperationError, TabellionError, TrustError, UsageError } from '../errors.ts';
import { type Change, createDelegation } from '../tuf/change.ts';
import { decodeSnapshot, decodeTargets } from '../tuf/decode.ts';
import { type Envelope, openEnvelope } from '../tuf/envelope.ts';
import { initialise } from '../tuf/initialise.ts';
import { pinRules } from '../tuf/pinning.ts';
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

/** Runs work that may make keys; an error on the way carries those that were made. */
export async function tellingCreated<T>(
  created: readonly CreatedKey[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (created.length > 0 && error instanceof TabellionError)
      error.noting({ createdKeys: [...created] });
    throw error;
  }
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
  const resumed = await unpublishedRepository(session, access);
  if (resumed !== undefined) return resumed;
  return (await makeRepository(session, access, { snapshot: 'server' }, created)).repository;
}

export interface NewRepositoryOptions {
  /** Who is to sign the snapshot: docker leaves it to the server, Notary begins with a key of its own. */
  readonly snapshot: 'local' | 'server';
  /** A root key that is perhaps not stored yet; by default one that is, else a new one. */
  readonly rootKey?: PrivateKey;
  /** The root certificate as a key; by default one is made. */
  readonly rootCertificate?: PublicKey;
}

export interface NewRepository {
  readonly repository: Repository;
  readonly rootKeyId: string;
  readonly rootKey: 'found' | 'created' | 'given';
}

/**
 * Makes keys and the first metadata, and stores both on this machine; nothing is published. What the trust
 * directory had of the repository is replaced.
 * @param created told of each key as soon as it is stored
 */
export async function makeRepository(
  session: Session,
  access: RepositoryAccess,
  options: NewRepositoryOptions,
  created: CreatedKey[],
): Promise<NewRepository> {
  const { gun, remote } = access;
  // A certificate of one's own may well be the pinned one: that is seen when it stands in a root.
  if (options.rootCertificate === undefined) checkPins(access);
  // The server first: a key that is made before a refusal would be an orphan.
  const timestamp = await remote.publicKey(TIMESTAMP);
  const serverSnapshot =
    options.snapshot === 'server' ? await remote.publicKey(SNAPSHOT) : undefined;
  const keys = await session.keys();
  const root = await rootKey(session, options.rootKey, created);
  const certificate = options.rootCertificate ?? certifiedKey(root.key, gun, session.now);
  const make = async (role: string): Promise<PublicKey> => {
    const { id, publicKey } = await keys.generate({ role, gun });
    created.push({ id, role, file: keyFile(session, id) });
    return publicKey;
  };
  const targets = await make(TARGETS);
  const snapshot = serverSnapshot ?? (await make(SNAPSHOT));
  const unsigned = initialise(gun, { root: certificate, targets, snapshot, timestamp });
  const { files } = await signRepository(unsigned, await keyRing(session), session.now);
  const stale = (await access.dir.roles()).filter(role => !files.has(role));
  await access.dir.replace(files, { remove: stale });
  session.log(`initialised ${gun} on this machine: root 1, targets 1`);
  const repository = await unpublishedRepository(session, access);
  if (repository === undefined)
    throw new OperationError('INITIALISE_FAILED', 'The first metadata was not made');
  return { repository, rootKeyId: root.key.id, rootKey: root.origin };
}

/**
 * Checks that a new repository would not be refused by this machine's own pins, which cannot know its root.
 * @throws TrustError `PIN_MISMATCH`
 */
export function checkPins({ gun, pinning }: RepositoryAccess): void {
  const rule = pinRules(pinning, gun).find(({ kind }) => kind === 'certs' || kind === 'ca');
  if (rule?.kind !== 'certs' && rule?.kind !== 'ca') return;
  throw new TrustError(
    'PIN_MISMATCH',
    `${printable(gun)} is not signed yet, and the root that would be made for it is not what the pin for “${printable(rule.pattern)}” demands`,
    {
      hint: 'Check the name of the repository and of the trust server. To make it nevertheless, take the pin out of the configuration and pin the new root.',
      details: { pattern: rule.pattern },
    },
  );
}

/** The changes by which a new repository gets its first signer: the role of that name, and releases. */
export async function firstSigner(
  session: Session,
  name: string,
  created: CreatedKey[],
): Promise<Change[]> {
  const keys = await session.keys();
  const [smallest] = await keys.keysOfRole(name);
  let key: PrivateKey;
  if (smallest === undefined) {
    key = await keys.generate({ role: name });
    created.push({ id: key.id, role: name, file: keyFile(session, key.id) });
  } else {
    key = await keys.open(smallest.id);
  }
  return [`${TARGETS}/${name}`, RELEASES].map(role =>
    createDelegation(role, { threshold: 1, addKeys: [key.publicKey], addPaths: [''] }),
  );
}

/** The root key to use: the one that was given; else the one with the smallest ID, as docker takes it, else a new one. */
async function rootKey(
  session: Session,
  given: PrivateKey | undefined,
  created: CreatedKey[],
): Promise<{ key: PrivateKey; origin: NewRepository['rootKey'] }> {
  const keys = await session.keys();
  if (given !== undefined) {
    if (!(await keys.has(given.id))) {
      await keys.add(given, { role: ROOT });
      created.push({ id: given.id, role: ROOT, file: keyFile(session, given.id) });
    }
    return { key: given, origin: 'given' };
  }
  const [smallest, ...others] = await keys.keysOfRole(ROOT);
  if (smallest !== undefined) {
    const choice = others.length === 0 ? '' : ` (the smallest ID of ${others.length + 1})`;
    session.log(`root key ${smallest.id}${choice}`);
    return { key: await keys.open(smallest.id), origin: 'found' };
  }
  const key = await keys.generate({ role: ROOT });
  created.push({ id: key.id, role: ROOT, file: keyFile(session, key.id) });
  return { key, origin: 'created' };
}

/** A root key as it stands in a root: by a certificate for this GUN that is made now. */
export function certifiedKey(key: PrivateKey, gun: string, now: Date): PublicKey {
  const pem = makeRootCertificate({ key, gun, notBefore: now });
  return { keytype: `${key.publicKey.keytype}-x509`, publicBytes: Buffer.from(pem, 'utf8') };
}

/**
 * What was initialised on this machine, by whatever program, and never published: root, targets and perhaps a
 * snapshot of version 1; undefined when there is nothing.
 * @throws TrustError `NO_TRUST_DATA` for the remains of a repository that the server once had
 */
export async function unpublishedRepository(
  session: Session,
  access: RepositoryAccess,
): Promise<Repository | undefined> {
  const { dir, gun, pinning } = access;
  const cache = await dir.readAll();
  const rootBytes = cache.get(ROOT);
  const bytes = cache.get(TARGETS);
  if (rootBytes === undefined) return undefined;
  if (cache.has(TIMESTAMP) || bytes === undefined) throw gone(gun);
  const root = verifyCachedRoot(rootBytes, { gun, now: session.now, pinning });
  const signedBy = (role: string, file: Uint8Array): Envelope => {
    const roleKeys = root.metadata.roles.get(role);
    if (roleKeys === undefined) throw gone(gun);
    const envelope = openEnvelope(file, role);
    verifySignatures(envelope, role, roleKeys, root.metadata.keys);
    return envelope;
  };
  const metadata = decodeTargets(signedBy(TARGETS, bytes).signed, TARGETS);
  const snapshotBytes = cache.get(SNAPSHOT);
  const snapshot =
    snapshotBytes === undefined
      ? undefined
      : decodeSnapshot(signedBy(SNAPSHOT, snapshotBytes).signed);
  session.log(`${gun} was initialised on this machine and never published`);
  return Repository.fromUnpublished(gun, root, { bytes, metadata }, snapshot);
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
  const has = async (role: string): Promise<boolean> => (await keys.keysOfRole(role)).length > 0;
  return [
    ...((await has(ROOT)) ? [] : [ROOT]),
    TARGETS,
    ...(signer === undefined || (await has(signer)) ? [] : [signer]),
  ];
}
