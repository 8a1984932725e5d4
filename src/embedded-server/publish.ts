/**
 * A publish: whether the files may become the repository's new state, and what the server adds to them.
 *
 * The rules and their order are those of the real server (tuf.md 8.5). Beyond them it refuses what the real
 * one lets in although nobody could read the repository afterwards.
 */
import { printable } from '../crypto/printable.ts';
import { KeyError, TrustError } from '../errors.ts';
import { decodeSnapshot } from '../tuf/decode.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import { fileMeta, matches } from '../tuf/fingerprint.ts';
import type { SnapshotMetadata } from '../tuf/metadata.ts';
import { NO_PINNING } from '../tuf/pinning.ts';
import { isTargetsRole, parentRole, ROOT, roleDepth, SNAPSHOT, TARGETS } from '../tuf/role-name.ts';
import {
  type RootContext,
  type VerifiedRoot,
  verifyCachedRoot,
  verifyFirstRoot,
  verifyNextRoot,
} from '../tuf/root-trust.ts';
import { parseTime } from '../tuf/time.ts';
import { TrustedSet } from '../tuf/trusted-set.ts';
import { ApiError, incompleteUpdate, invalidUpdate, type UpdateProblem } from './api-error.ts';
import { fixedPointProblem } from './fixed-point.ts';
import { expiredWords, refusalWords, rootRefusalWords } from './refusal-wording.ts';
import { type MadeFile, type Making, makeSnapshot, makeTimestamp } from './server-files.ts';
import type { Batch, NewFile, Storage, StoredFile } from './storage.ts';

/**
 * Judges the files and completes them to what is to be stored. Must not run beside another change of the
 * repository.
 * @param files by role; a `timestamp` among them is ignored
 * @throws ApiError `INVALID_UPDATE`
 */
export async function judgePublish(
  storage: Storage,
  gun: string,
  files: ReadonlyMap<string, NewFile>,
  now: Date,
): Promise<Batch> {
  return await new Publish(storage, gun, files, now).judge();
}

class Publish {
  readonly #storage: Storage;
  readonly #gun: string;
  readonly #files: ReadonlyMap<string, NewFile>;
  readonly #now: Date;
  readonly #context: RootContext;

  constructor(storage: Storage, gun: string, files: ReadonlyMap<string, NewFile>, now: Date) {
    this.#storage = storage;
    this.#gun = gun;
    this.#files = files;
    this.#now = now;
    this.#context = { gun, now, pinning: NO_PINNING };
  }

  async judge(): Promise<Batch> {
    const root = await this.#root();
    const set = new TrustedSet(root, this.#context);
    const sent = await this.#targets(set);
    await this.#requireTargets(set);
    const making: Making = {
      storage: this.#storage,
      gun: this.#gun,
      root: root.metadata,
      now: this.#now,
    };
    const offered = this.#files.get(SNAPSHOT);
    const made: MadeFile[] = [];
    let snapshot: NewFile;
    if (offered === undefined) {
      const own = await this.#makeSnapshot(making, sent);
      made.push(own);
      snapshot = own;
    } else {
      await this.#checkSnapshot(offered, set, sent);
      snapshot = offered;
    }
    made.push(await this.#makeTimestamp(making, snapshot.bytes));
    const rootSent = this.#files.get(ROOT);
    return {
      gun: this.#gun,
      files: [
        ...(rootSent === undefined ? [] : [rootSent]),
        ...sent,
        ...(offered === undefined ? [] : [offered]),
        ...made,
      ],
      signedBy: made.flatMap(({ signedBy }) => signedBy),
      at: this.#now,
    };
  }

  async #root(): Promise<VerifiedRoot> {
    const stored = await this.#storage.newest(this.#gun, ROOT);
    const previous =
      stored === undefined
        ? undefined
        : this.#ownData(() => verifyCachedRoot(stored.bytes, this.#context));
    const offered = this.#files.get(ROOT);
    if (offered === undefined) {
      if (previous !== undefined) return previous;
      throw invalidUpdate('ErrValidation', 'no pre-existing root and no root provided in update.');
    }
    const current = stored?.version ?? 1;
    if (offered.version !== current && offered.version !== current + 1) {
      const words = `Root modifications must increment the version. Current ${current}, new ${offered.version}`;
      throw invalidUpdate('ErrBadRoot', words);
    }
    const root = judged(
      'ErrBadRoot',
      error => rootRefusalWords(offered.bytes, error),
      () =>
        previous === undefined
          ? verifyFirstRoot(offered.bytes, this.#context)
          : verifyNextRoot(offered.bytes, previous, this.#context),
    );
    this.#checkExpiry('ErrBadRoot', ROOT, root.metadata.expires);
    checkFixedPoint('ErrBadRoot', offered);
    return root;
  }

  /** The files of targets roles that were sent, shallow ones first, each verified under those above it. */
  async #targets(set: TrustedSet): Promise<NewFile[]> {
    const sent = [...this.#files.values()]
      .filter(({ role }) => isTargetsRole(role))
      .sort((a, b) => roleDepth(a.role) - roleDepth(b.role) || (a.role < b.role ? -1 : 1));
    for (const file of sent) {
      const { role, bytes } = file;
      await this.#loadAncestors(set, role);
      const words = (error: TrustError): string => refusalWords(role, bytes, error);
      const verified = judged('ErrBadTargets', words, () => set.verifyTargets(role, bytes));
      this.#checkExpiry('ErrBadTargets', role, verified.metadata.expires);
      checkFixedPoint('ErrBadTargets', file);
      set.targets.set(role, verified);
    }
    return sent;
  }

  /** Ancestors that were not sent, as they are stored. One that is missing makes the role below it unknown. */
  async #loadAncestors(set: TrustedSet, role: string): Promise<void> {
    if (role === TARGETS) return;
    const parent = parentRole(role);
    await this.#loadAncestors(set, parent);
    if (set.targets.has(parent)) return;
    const stored = await this.#storage.newest(this.#gun, parent);
    if (stored === undefined) return;
    set.targets.set(
      parent,
      this.#ownData(() => set.verifyTargets(parent, stored.bytes)),
    );
  }

  /** Without targets that verify under the root, clients could do nothing with the repository. */
  async #requireTargets(set: TrustedSet): Promise<void> {
    if (this.#files.has(TARGETS)) return;
    const stored = await this.#storage.newest(this.#gun, TARGETS);
    if (stored === undefined) {
      throw incompleteUpdate(
        TARGETS,
        'the repository has no targets metadata, and none was included in the update',
      );
    }
    if (!this.#files.has(ROOT)) return;
    judged(
      'ErrBadRoot',
      () =>
        'the targets metadata that is stored does not verify under this root, and no other was included in the update',
      () => set.verifyTargets(TARGETS, stored.bytes),
    );
  }

  async #checkSnapshot(offered: NewFile, set: TrustedSet, sent: readonly NewFile[]): Promise<void> {
    const words = (error: TrustError): string => refusalWords(SNAPSHOT, offered.bytes, error);
    const { metadata } = judged('ErrBadSnapshot', words, () => set.verifySnapshot(offered.bytes));
    this.#checkExpiry('ErrBadSnapshot', SNAPSHOT, metadata.expires);
    checkListing(ROOT, set.root.bytes, metadata);
    for (const { role, bytes } of sent) checkListing(role, bytes, metadata);
    await this.#checkUnsent(metadata, new Set([ROOT, ...sent.map(({ role }) => role)]));
    checkFixedPoint('ErrBadSnapshot', offered);
  }

  /** What the snapshot says about files that were not sent must lead to those that are stored. */
  async #checkUnsent(snapshot: SnapshotMetadata, checked: ReadonlySet<string>): Promise<void> {
    for (const role of snapshot.meta.keys()) {
      if (checked.has(role)) continue;
      const stored = await this.#storage.newest(this.#gun, role);
      if (stored === undefined) {
        const words = `it lists ${printable(role)}, of which the server has no metadata`;
        throw invalidUpdate('ErrBadSnapshot', words);
      }
      checkListing(role, stored.bytes, snapshot);
    }
  }

  async #makeSnapshot(making: Making, sent: readonly NewFile[]): Promise<MadeFile> {
    const before = await this.#storedSnapshot();
    const meta = new Map(before?.meta);
    const root = this.#files.get(ROOT) ?? (await this.#storage.newest(this.#gun, ROOT));
    for (const file of [...(root === undefined ? [] : [root]), ...sent]) {
      meta.set(file.role, fileMeta(file.bytes));
    }
    if (!meta.has(TARGETS)) throw invalidUpdate('ErrValidation', 'targets must be loaded first');
    try {
      return await makeSnapshot(making, meta);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      const words =
        'no snapshot was included in update and server does not hold current snapshot key for repository';
      throw incompleteUpdate(SNAPSHOT, words, error);
    }
  }

  async #makeTimestamp(making: Making, snapshot: Uint8Array): Promise<MadeFile> {
    try {
      return await makeTimestamp(making, snapshot);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      throw invalidUpdate('ErrBadRoot', 'no  timestamp keys exist on the server', error);
    }
  }

  async #storedSnapshot(): Promise<SnapshotMetadata | undefined> {
    const stored: StoredFile | undefined = await this.#storage.newest(this.#gun, SNAPSHOT);
    if (stored === undefined) return undefined;
    return this.#ownData(() => decodeSnapshot(openEnvelope(stored.bytes, SNAPSHOT).signed));
  }

  #checkExpiry(problem: UpdateProblem, role: string, expires: string): void {
    const time = parseTime(expires, role);
    if (time < this.#now.getTime()) throw invalidUpdate(problem, expiredWords(role, time));
  }

  /** Trouble with what is stored already is nothing that the client did: the real server names no detail then. */
  #ownData<T>(verify: () => T): T {
    try {
      return verify();
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause;
      throw new ApiError('INVALID_UPDATE', undefined, { cause });
    }
  }
}

function judged<T>(
  problem: UpdateProblem,
  words: (error: TrustError) => string,
  verify: () => T,
): T {
  try {
    return verify();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw invalidUpdate(problem, words(error), error);
  }
}

function checkFixedPoint(problem: UpdateProblem, { role, bytes }: NewFile): void {
  const why = fixedPointProblem(role, bytes);
  if (why !== undefined)
    throw invalidUpdate(problem, `${role} cannot be kept by Notary clients: ${why}`);
}

/** A client downloads as many bytes as the length says, and takes them for the file only if the digests fit. */
function checkListing(role: string, bytes: Uint8Array, snapshot: SnapshotMetadata): void {
  const entry = snapshot.meta.get(role);
  if (entry === undefined)
    throw invalidUpdate('ErrBadSnapshot', `no checksum information for ${role}`);
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const expected = entry.hashes[algorithm];
    if (expected === undefined || expected === fileMeta(bytes).hashes[algorithm]) continue;
    const hex = Buffer.from(expected, 'base64').toString('hex');
    throw invalidUpdate(
      'ErrBadSnapshot',
      `${algorithm} checksum for ${role} did not match: expected ${hex}`,
    );
  }
  if (!matches(bytes, entry))
    throw invalidUpdate('ErrBadSnapshot', `no checksum information for ${role}`);
  if (entry.length < bytes.length) {
    throw invalidUpdate(
      'ErrBadSnapshot',
      `${role} has ${bytes.length} bytes, but is listed with ${entry.length}`,
    );
  }
}
