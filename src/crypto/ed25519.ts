import { createRequire } from 'node:module';
import { sha512 } from './digest.ts';

type Library = typeof import('@noble/ed25519');

let loaded: Library | undefined;

/** Loaded at the first Ed25519 key, which most commands never meet: it would slow each start down. */
function library(): Library {
  if (loaded === undefined) {
    loaded = createRequire(import.meta.url)('@noble/ed25519') as Library;
    // The library leaves SHA-512 to us; OpenSSL's is the fastest at hand.
    loaded.hashes.sha512 = message => new Uint8Array(sha512(message));
  }
  return loaded;
}

/** The 32 public bytes of a 32-byte seed (RFC 8032 5.1.5). */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return library().getPublicKey(seed);
}

/** A 64-byte signature over the message itself (RFC 8032 5.1.6). */
export function ed25519Sign(message: Uint8Array, seed: Uint8Array): Uint8Array {
  return library().sign(message, seed);
}

/** Whether the signature is good, by the strict reading of RFC 8032 5.1.7. Never throws. */
export function ed25519Verify(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) {
    return false;
  }
  try {
    return library().verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}
