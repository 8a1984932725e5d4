/** The private keys that signing can draw on, wherever they are kept. */
import type { Signer } from '../crypto/private-key.ts';

export interface KeyRing {
  /** Whether a private key is there, by canonical ID; it need not be unlocked for that. */
  has(canonicalKeyId: string): Promise<boolean>;
  /** @throws KeyError when it cannot be unlocked or read */
  signer(canonicalKeyId: string): Promise<Signer>;
}
