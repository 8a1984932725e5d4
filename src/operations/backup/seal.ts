/**
 * How a backup is sealed. Its content is encrypted under a random key; that key lies in the header once for each
 * way to open the backup, wrapped under what the people have: a passphrase, or shares of a random secret.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { CborValue, Decoded } from './backup-cbor.ts';
import { damaged, encodeCbor } from './backup-cbor.ts';
import { Fields } from './fields.ts';

export const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
const SALT_BYTES = 32;
const WRAPPED_BYTES = KEY_BYTES + TAG_BYTES;
/** Of the secret that is split into shares. */
export const SHARED_SECRET_BYTES = 16;
const SET_ID_BYTES = 4;

export type RandomBytes = (count: number) => Uint8Array;

/** Cost of scrypt: it takes 128 · r · 2^logN bytes. */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB and about half a second. */
export const SCRYPT_COST: ScryptCost = { logN: 17, r: 8, p: 1 };

/** What a header may ask for: eight times our own memory and work, so that no file is a bomb. */
const MOST_MEMORY = 1024 * 1024 * 1024;

/** One way to open a backup, as its header tells it. */
export type Slot = PassphraseSlot | SharesSlot;

interface Wrapped {
  readonly nonce: Uint8Array;
  readonly wrapped: Uint8Array;
}

export interface PassphraseSlot extends Wrapped {
  readonly kind: 'passphrase';
  readonly salt: Uint8Array;
  readonly cost: ScryptCost;
}

export interface SharesSlot extends Wrapped {
  readonly kind: 'shares';
  /** Which shares belong to it. */
  readonly setId: Uint8Array;
  readonly threshold: number;
  readonly count: number;
}

/** Encrypts; the result ends in the tag. */
export function encrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  bytes: Uint8Array,
  authenticated: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(authenticated);
  return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

/** undefined when anything about it is not authentic. */
export function decrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  authenticated: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(authenticated);
  decipher.setAuthTag(sealed.subarray(end));
  const bytes = decipher.update(sealed.subarray(0, end));
  try {
    return Buffer.concat([bytes, decipher.final()]);
  } catch {
    return undefined;
  }
}

/** A new key for a content, and a nonce for its one use. */
export function newContentKey(random: RandomBytes): { key: Uint8Array; nonce: Uint8Array } {
  return { key: random(KEY_BYTES), nonce: random(NONCE_BYTES) };
}

/** Wraps the content's key under a passphrase. */
export async function passphraseSlot(
  key: Uint8Array,
  passphrase: string,
  cost: ScryptCost,
  random: RandomBytes,
): Promise<PassphraseSlot> {
  const slot = { kind: 'passphrase', salt: random(SALT_BYTES), cost } as const;
  const wrapping = await keyOfPassphrase(passphrase, slot);
  return wrap(slot, wrapping, key, random);
}

/** Wraps the content's key under a secret that is split into shares. */
export function sharesSlot(
  key: Uint8Array,
  secret: Uint8Array,
  { threshold, count }: { threshold: number; count: number },
  random: RandomBytes,
): SharesSlot {
  const slot = { kind: 'shares', setId: random(SET_ID_BYTES), threshold, count } as const;
  return wrap(slot, keyOfSecret(secret, slot.setId), key, random);
}

/** The content's key; undefined for a wrong passphrase. */
export async function openPassphraseSlot(
  slot: PassphraseSlot,
  passphrase: string,
): Promise<Uint8Array | undefined> {
  return unwrap(slot, await keyOfPassphrase(passphrase, slot));
}

/** The content's key; undefined for a wrong secret. */
export function openSharesSlot(slot: SharesSlot, secret: Uint8Array): Uint8Array | undefined {
  return unwrap(slot, keyOfSecret(secret, slot.setId));
}

export function slotToCbor(slot: Slot): CborValue {
  return { ...openPart(slot), nonce: slot.nonce, wrapped: slot.wrapped };
}

/** @throws OperationError `BACKUP_DAMAGED` */
export function slotFromCbor(value: Decoded): Slot {
  const kind = value instanceof Map ? value.get('kind') : undefined;
  const wrapped = ['kind', 'nonce', 'wrapped'];
  if (kind === 'passphrase') {
    const fields = new Fields(value, [...wrapped, 'kdf', 'log-n', 'p', 'r', 'salt']);
    if (fields.text('kdf') !== 'scrypt') throw damaged('its key derivation is not scrypt');
    const cost = { logN: fields.number('log-n'), r: fields.number('r'), p: fields.number('p') };
    checkCost(cost);
    return { kind, cost, salt: fields.bytes('salt', SALT_BYTES), ...wrappedPart(fields) };
  }
  if (kind === 'shares') {
    const fields = new Fields(value, [...wrapped, 'count', 'set', 'threshold']);
    const [threshold, count] = [fields.number('threshold'), fields.number('count')];
    if (threshold < 2 || count < threshold || count > 255) {
      throw damaged('its numbers of shares make no sense');
    }
    const setId = fields.bytes('set', SET_ID_BYTES);
    return { kind, setId, threshold, count, ...wrappedPart(fields) };
  }
  throw damaged('it is sealed in a way that its version does not know');
}

/** Before a byte of memory is taken for it. */
function checkCost({ logN, r, p }: ScryptCost): void {
  const isSane = logN >= 1 && logN <= 24 && r >= 1 && r <= 64 && p >= 1 && p <= 8;
  const memory = 128 * r * 2 ** logN;
  if (isSane && memory <= MOST_MEMORY && memory * p <= MOST_MEMORY) return;
  throw damaged('its passphrase would take absurd memory or time to check');
}

async function keyOfPassphrase(
  passphrase: string,
  { salt, cost }: Pick<PassphraseSlot, 'salt' | 'cost'>,
): Promise<Uint8Array> {
  const { scryptAsync } = await import('@noble/hashes/scrypt.js');
  const { logN, r, p } = cost;
  return scryptAsync(passphraseBytes(passphrase), salt, {
    N: 2 ** logN,
    r,
    p,
    dkLen: KEY_BYTES,
    maxmem: 2 * MOST_MEMORY,
  });
}

/** One spelling for all keyboards: an umlaut may be typed as one character or as two. */
function passphraseBytes(passphrase: string): Uint8Array {
  return Buffer.from(passphrase.normalize('NFC'), 'utf8');
}

/** The secret is random, so nothing slow is needed. */
function keyOfSecret(secret: Uint8Array, setId: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, setId, 'tabellion-backup shares', KEY_BYTES));
}

function wrap<S extends object>(
  slot: S & (Omit<PassphraseSlot, keyof Wrapped> | Omit<SharesSlot, keyof Wrapped>),
  wrapping: Uint8Array,
  key: Uint8Array,
  random: RandomBytes,
): S & Wrapped {
  const nonce = random(NONCE_BYTES);
  return { ...slot, nonce, wrapped: encrypt(wrapping, nonce, key, encodeCbor(openPart(slot))) };
}

function unwrap(slot: Slot, wrapping: Uint8Array): Uint8Array | undefined {
  return decrypt(wrapping, slot.nonce, slot.wrapped, encodeCbor(openPart(slot)));
}

/** All of a slot but what is wrapped: the associated data of the wrapping. */
function openPart(
  slot: Omit<PassphraseSlot, keyof Wrapped> | Omit<SharesSlot, keyof Wrapped>,
): Record<string, CborValue> {
  if (slot.kind === 'passphrase') {
    const { kind, salt, cost } = slot;
    return { kind, kdf: 'scrypt', 'log-n': cost.logN, r: cost.r, p: cost.p, salt };
  }
  const { kind, setId, threshold, count } = slot;
  return { kind, set: setId, threshold, count };
}

function wrappedPart(fields: Fields): Wrapped {
  return {
    nonce: fields.bytes('nonce', NONCE_BYTES),
    wrapped: fields.bytes('wrapped', WRAPPED_BYTES),
  };
}
