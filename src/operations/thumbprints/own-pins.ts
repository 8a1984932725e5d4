/**
 * Trust pins that a person made by comparing thumbprints: `.tabellion/pins.json`. They hold at every load, beside those
 * of Notary's configuration.
 */
import type { KeyThumbprints } from '../../crypto/thumbprint.ts';
import { TabellionError } from '../../errors.ts';
import { systemCode } from '../../trust-dir/file-error.ts';
import { damagedRecord, type OwnFiles } from '../../trust-dir/own-files.ts';
import { LOCK_TIMES, RepositoryLock } from '../../trust-dir/repository-lock.ts';
import type { TrustPinning } from '../../tuf/pinning.ts';

/** The root certificates that are to stand behind a repository at one server. */
export interface OwnPin {
  readonly repository: string;
  readonly server: string;
  /** ISO 8601. */
  readonly pinnedAt: string;
  readonly certificates: readonly KeyThumbprints[];
}

const FILE = 'pins.json';
/** No GUN begins like this, so that the lock is shared with no repository. */
const LOCK_NAME = '.tabellion-pins';
const VERSION = 1;

/** @throws OperationError `RECORD_DAMAGED` | `FILE_NOT_READABLE`: without its pins nothing is trusted */
export async function readOwnPins(own: OwnFiles): Promise<OwnPin[]> {
  const record = await own.read(FILE).catch((error: unknown) => {
    // Where a file stands in the folder's place, nothing was ever pinned.
    if (error instanceof TabellionError && systemCode(error.cause) === 'ENOTDIR') return undefined;
    throw error;
  });
  if (record === undefined) return [];
  if (!isObject(record) || record.version !== VERSION || !Array.isArray(record.pins))
    throw damagedRecord(own.path(FILE));
  if (!record.pins.every(isPin)) throw damagedRecord(own.path(FILE));
  return record.pins;
}

/** The pin of a repository at a server. */
export async function findOwnPin(
  own: OwnFiles,
  gun: string,
  server: string,
): Promise<OwnPin | undefined> {
  return (await readOwnPins(own)).find(pin => isFor(pin, gun, server));
}

/** Sets a pin in place of the one that is there. @throws as `readOwnPins`, and OperationError `FILE_NOT_WRITABLE` */
export async function setOwnPin(own: OwnFiles, pin: OwnPin): Promise<void> {
  await change(own, pins => [
    ...pins.filter(other => !isFor(other, pin.repository, pin.server)),
    { ...pin, server: address(pin.server) },
  ]);
}

/** @returns whether there was one */
export async function removeOwnPin(own: OwnFiles, gun: string, server: string): Promise<boolean> {
  let found = false;
  await change(own, pins => {
    const left = pins.filter(pin => !isFor(pin, gun, server));
    found = left.length < pins.length;
    return left;
  });
  return found;
}

/** Pins of a configuration, with what is pinned here beside them. */
export function withOwnPin(pinning: TrustPinning, pin: OwnPin | undefined): TrustPinning {
  if (pin === undefined) return pinning;
  const ids = pin.certificates.map(({ keyId }) => keyId);
  return { ...pinning, confirmed: new Map([[pin.repository, ids]]) };
}

async function change(own: OwnFiles, edit: (pins: OwnPin[]) => OwnPin[]): Promise<void> {
  const lock = new RepositoryLock(own.path('locks'), LOCK_NAME, LOCK_TIMES);
  await lock.run(async () => {
    const pins = edit(await readOwnPins(own));
    await own.write(FILE, { version: VERSION, pins });
  });
}

function isFor(pin: OwnPin, gun: string, server: string): boolean {
  return pin.repository === gun && address(pin.server) === address(server);
}

/** The same server, however its address is written. */
function address(server: string): string {
  return new URL(server).href.replace(/\/+$/, '');
}

function isPin(value: unknown): value is OwnPin {
  return (
    isObject(value) &&
    typeof value.repository === 'string' &&
    typeof value.server === 'string' &&
    URL.canParse(value.server) &&
    typeof value.pinnedAt === 'string' &&
    Array.isArray(value.certificates) &&
    value.certificates.length > 0 &&
    value.certificates.every(isCertificate)
  );
}

function isCertificate(value: unknown): value is KeyThumbprints {
  return (
    isObject(value) &&
    isHex(value.keyId) &&
    isHex(value.privateKeyId) &&
    isHex(value.publicKeySha256) &&
    typeof value.algorithm === 'string' &&
    isObject(value.certificate) &&
    isHex(value.certificate.sha256) &&
    typeof value.certificate.sha1 === 'string'
  );
}

function isHex(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
