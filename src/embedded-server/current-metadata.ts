/** The timestamp and the snapshot to serve now; what has expired is made anew first (tuf.md 9.2). */
import { decodeSnapshot, decodeTimestamp } from '../tuf/decode.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import { sha256HexOf } from '../tuf/fingerprint.ts';
import { NO_PINNING } from '../tuf/pinning.ts';
import { ROOT, SNAPSHOT, TIMESTAMP } from '../tuf/role-name.ts';
import { verifyCachedRoot } from '../tuf/root-trust.ts';
import { parseTime } from '../tuf/time.ts';
import { type MadeFile, makeSnapshot, makeTimestamp } from './server-files.ts';
import type { Storage, StoredFile } from './storage.ts';

export interface CurrentMetadata {
  readonly timestamp: StoredFile;
  readonly snapshot: StoredFile;
}

/** What is stored and still good: undefined when there is nothing, or when a part of it has expired. */
export async function freshMetadata(
  storage: Storage,
  gun: string,
  now: Date,
): Promise<CurrentMetadata | undefined> {
  const current = await storedMetadata(storage, gun);
  if (
    current === undefined ||
    hasExpired(current.snapshot, now) ||
    hasExpired(current.timestamp, now)
  ) {
    return undefined;
  }
  return current;
}

/**
 * Makes anew what has expired, if anything. Must not run beside another change of the repository.
 * @returns undefined when the repository has no metadata
 * @throws KeyError `KEY_MISSING` when the snapshot has expired and its key is not the server's
 */
export async function renewMetadata(
  storage: Storage,
  gun: string,
  now: Date,
): Promise<CurrentMetadata | undefined> {
  const current = await storedMetadata(storage, gun);
  const root = await storage.newest(gun, ROOT);
  if (current === undefined || root === undefined) return undefined;
  const { metadata } = verifyCachedRoot(root.bytes, { gun, now, pinning: NO_PINNING });
  const making = { storage, gun, root: metadata, now };
  const made: MadeFile[] = [];
  let snapshotBytes = current.snapshot.bytes;
  if (hasExpired(current.snapshot, now)) {
    const { meta } = decodeSnapshot(openEnvelope(snapshotBytes, SNAPSHOT).signed);
    const snapshot = await makeSnapshot(making, meta);
    made.push(snapshot);
    snapshotBytes = snapshot.bytes;
  }
  if (made.length > 0 || hasExpired(current.timestamp, now)) {
    made.push(await makeTimestamp(making, snapshotBytes));
    await storage.append({
      gun,
      files: made,
      signedBy: made.flatMap(({ signedBy }) => signedBy),
      at: now,
    });
  }
  return await storedMetadata(storage, gun);
}

async function storedMetadata(storage: Storage, gun: string): Promise<CurrentMetadata | undefined> {
  const timestamp = await storage.newest(gun, TIMESTAMP);
  if (timestamp === undefined) return undefined;
  const { meta } = decodeTimestamp(openEnvelope(timestamp.bytes, TIMESTAMP).signed);
  const entry = meta.get(SNAPSHOT);
  const sha256 = entry === undefined ? undefined : sha256HexOf(entry);
  const snapshot = sha256 === undefined ? undefined : await storage.byHash(gun, SNAPSHOT, sha256);
  return snapshot === undefined ? undefined : { timestamp, snapshot };
}

function hasExpired({ role, bytes }: StoredFile, now: Date): boolean {
  const { signed } = openEnvelope(bytes, role);
  const { expires } = role === SNAPSHOT ? decodeSnapshot(signed) : decodeTimestamp(signed);
  return parseTime(expires, role) < now.getTime();
}
