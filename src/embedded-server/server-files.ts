/** The files that the server makes and signs itself: timestamps, and snapshots that it manages (tuf.md 9). */
import { lifetime } from '../tuf/constants.ts';
import { encodeFile, encodeMeta, signedMessage } from '../tuf/encode.ts';
import { fileMeta } from '../tuf/fingerprint.ts';
import type { FileMeta, RootMetadata } from '../tuf/metadata.ts';
import { signFor } from '../tuf/role-keys.ts';
import { SNAPSHOT, TIMESTAMP } from '../tuf/role-name.ts';
import { formatTime } from '../tuf/time.ts';
import { ServerKeyRing } from './server-keys.ts';
import type { ManagedRole, NewFile, Storage } from './storage.ts';

export interface MadeFile extends NewFile {
  /** IDs of the server's keys that signed it. */
  readonly signedBy: readonly string[];
}

export interface Making {
  readonly storage: Storage;
  readonly gun: string;
  readonly root: RootMetadata;
  readonly now: Date;
}

/** @throws KeyError `KEY_MISSING` when the root leaves the snapshot to others */
export async function makeSnapshot(
  making: Making,
  meta: ReadonlyMap<string, FileMeta>,
): Promise<MadeFile> {
  return await make(making, SNAPSHOT, meta);
}

/** @throws KeyError `KEY_MISSING` when the root names a timestamp key that is not the server's */
export async function makeTimestamp(making: Making, snapshot: Uint8Array): Promise<MadeFile> {
  return await make(making, TIMESTAMP, new Map([[SNAPSHOT, fileMeta(snapshot)]]));
}

async function make(
  { storage, gun, root, now }: Making,
  role: ManagedRole,
  meta: ReadonlyMap<string, FileMeta>,
): Promise<MadeFile> {
  const roleKeys = root.roles.get(role) ?? { keyIds: [], threshold: 1 };
  const ring = new ServerKeyRing(storage, gun, role);
  // Versions go on for as long as the repository lives, whichever key signs.
  const version = ((await storage.newest(gun, role))?.version ?? 0) + 1;
  const expires = formatTime(now.getTime() + lifetime(role));
  const type = role === SNAPSHOT ? 'Snapshot' : 'Timestamp';
  const message = signedMessage(encodeMeta(type, { version, expires, meta }));
  const signatures = await signFor(
    role,
    { roleKeys, keys: root.keys },
    ring,
    Buffer.from(message, 'utf8'),
  );
  return { role, version, bytes: encodeFile(message, signatures), signedBy: [...ring.used] };
}
