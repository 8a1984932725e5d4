/** How hard it is to find the passphrase of a stolen key file, and how hard it is made for new ones. */
import {
  type EncryptionParameters,
  MAX_ITERATIONS,
  NOTARY_ENCRYPTION,
  type PseudoRandomFunction,
} from '../crypto/encrypted-private-key.ts';
import { UsageError } from '../errors.ts';

/**
 * What new key files get: the strongest that Notary and Docker still read (keys.md 4.6), which is PBKDF2 over
 * SHA-1 with as many rounds as OWASP asks for, and a salt of 128 bits (NIST SP 800-132).
 */
export const STRONG_ENCRYPTION: EncryptionParameters = { iterations: 1_300_000, saltBytes: 16 };

/** Below this a stolen file is no obstacle to who rents a few graphics cards. */
const FAIR_ROUNDS = 100_000;

/** Another number of rounds for new key files; never fewer than Notary's. */
export const ROUNDS_VARIABLE = 'TABELLION_KDF_ROUNDS';

/** How many rounds with SHA-1 take an attacker as long as one with the other hash, rounded up. */
const ROUNDS_OF_SHA1: Readonly<Record<PseudoRandomFunction, number>> = {
  sha1: 1,
  sha256: 2,
  sha384: 4,
  sha512: 4,
};

/**
 * - `none`: the key is not encrypted.
 * - `weak`: as Notary and Docker make them, or the old encryption of OpenSSL.
 * - `strong`: as {@link STRONG_ENCRYPTION}, or more.
 */
export type KeyStrength = 'none' | 'weak' | 'fair' | 'strong';

/** What a file says of its encryption. */
export interface EncryptionFacts {
  readonly encrypted: boolean;
  /** Rounds of PBKDF2; absent for the old encryption of OpenSSL: one round of MD5. */
  readonly iterations?: number;
  readonly prf?: PseudoRandomFunction;
}

/** The strength of a key file, apart from its passphrase, of which nothing is known. */
export function keyStrength({ encrypted, iterations, prf = 'sha1' }: EncryptionFacts): KeyStrength {
  if (!encrypted) return 'none';
  const rounds = iterations === undefined ? 0 : roundsOfSha1(iterations, prf);
  if (rounds >= STRONG_ENCRYPTION.iterations) return 'strong';
  return rounds >= FAIR_ROUNDS ? 'fair' : 'weak';
}

/** As many rounds of PBKDF2 over SHA-1 as take as long as these. */
export function roundsOfSha1(iterations: number, prf: PseudoRandomFunction): number {
  return Math.min(MAX_ITERATIONS, iterations * ROUNDS_OF_SHA1[prf]);
}

/**
 * How new key files are to be encrypted.
 * @throws UsageError `KDF_ROUNDS_INVALID`
 */
export function newKeyEncryption(env: NodeJS.ProcessEnv): EncryptionParameters {
  const text = env[ROUNDS_VARIABLE];
  if (text === undefined || text === '') return STRONG_ENCRYPTION;
  const iterations = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  // As many rounds as Notary means a file as Notary writes it.
  if (iterations === NOTARY_ENCRYPTION.iterations) return NOTARY_ENCRYPTION;
  if (iterations > NOTARY_ENCRYPTION.iterations && iterations <= MAX_ITERATIONS) {
    return { ...STRONG_ENCRYPTION, iterations };
  }
  throw new UsageError(
    'KDF_ROUNDS_INVALID',
    `${ROUNDS_VARIABLE} must be a number from ${NOTARY_ENCRYPTION.iterations} (what Notary writes) to ${MAX_ITERATIONS}`,
    { hint: `Unset it for ${STRONG_ENCRYPTION.iterations}, which is recommended.` },
  );
}
