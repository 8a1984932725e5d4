/** The private keys on this machine. */
import type { KeyEntry } from '../keys/key-store.ts';
import type { Session } from './session.ts';

export interface KeyList {
  readonly privateDir: string;
  readonly keys: readonly KeyEntry[];
}

/** Lists the keys without unlocking any. */
export async function listKeys(session: Session): Promise<KeyList> {
  const keys = await session.keys();
  return { privateDir: session.trustDir.privateDir, keys: await keys.list() };
}
