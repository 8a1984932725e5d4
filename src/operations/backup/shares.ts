/**
 * The secret that opens a backup, split among people (Shamir): any `threshold` of the shares give it back, and fewer
 * tell nothing about it. A share is a line of base 32 that can be typed, with a checksum and the name of its set.
 */
import { sha256 } from '../../crypto/digest.ts';
import { KeyError, UsageError } from '../../errors.ts';
import { SHARED_SECRET_BYTES, type SharesSlot } from './seal.ts';
import { decodeTyped, encodeTyped } from './typed-bytes.ts';

/** How many people get a share, and how many of them it takes. */
export interface ShareNumbers {
  readonly threshold: number;
  readonly count: number;
}

export interface Share {
  /** From 1. */
  readonly number: number;
  readonly threshold: number;
  readonly count: number;
  /** Eight lower-case hex digits: the same in all shares of a backup, and in the backup. */
  readonly setId: string;
  readonly bytes: Uint8Array;
}

/** More people than this do not keep shares of one backup. */
const MOST_SHARES = 16;
const FORMAT = 1;
const HEAD_BYTES = 8;
/** The secret's length, and the place on the curve. */
const POINT_BYTES = SHARED_SECRET_BYTES + 1;
const CHECKSUM_BYTES = 4;

/**
 * `2/3`: any two of three.
 * @throws UsageError `SHARES_INVALID`
 */
export function parseShareNumbers(text: string): ShareNumbers {
  const [, threshold, count] = (/^(\d{1,3})\/(\d{1,3})$/.exec(text) ?? []).map(Number);
  const makesSense =
    threshold !== undefined &&
    count !== undefined &&
    threshold >= 2 &&
    threshold <= count &&
    count <= MOST_SHARES;
  if (makesSense) return { threshold, count };
  throw new UsageError('SHARES_INVALID', `“${text}” does not say how many shares there are`, {
    hint: `Write how many are needed, a slash, and how many there are, as in 2/3: at least 2 are needed, at most ${MOST_SHARES} made.`,
  });
}

/** @param setId of the slot that the secret opens */
export async function splitSecret(
  secret: Uint8Array,
  { threshold, count }: ShareNumbers,
  setId: Uint8Array,
): Promise<Share[]> {
  const { split } = await import('shamir-secret-sharing');
  const points = await split(Uint8Array.from(secret), count, threshold);
  return points.map((bytes, index) => ({
    number: index + 1,
    threshold,
    count,
    setId: hex(setId),
    bytes,
  }));
}

/** The line that stands for a share. */
export function encodeShare({ number, threshold, count, setId, bytes }: Share): string {
  const head = Buffer.from([FORMAT, threshold, count, number]);
  const body = Buffer.concat([head, Buffer.from(setId, 'hex'), bytes]);
  return encodeTyped(Buffer.concat([body, checksum(body)]));
}

/** The text of a file for one share: what it is, and the line. */
export function shareFileText(share: Share, backup: string, createdAt: string): string {
  const { number, threshold, count, setId } = share;
  return [
    `# Share ${number} of ${count} of a Tabellion backup; any ${threshold} of them open it.`,
    `# Backup: ${backup}, made ${createdAt}`,
    `# Set: ${setId}`,
    encodeShare(share),
    '',
  ].join('\n');
}

/**
 * Reads a share, as typed or as its file holds it; lines that begin with `#` are passed over.
 * @param from what a message calls it, as `the share in FILE`
 * @throws KeyError `SHARE_INVALID`
 */
export function decodeShare(text: string, from = 'the share'): Share {
  const lines = text.split(/\r?\n/).filter(line => !line.trimStart().startsWith('#'));
  const bytes = decodeTyped(lines.join(''));
  if (bytes === undefined || bytes.length !== HEAD_BYTES + POINT_BYTES + CHECKSUM_BYTES) {
    throw invalid(`${sentence(from)} is not whole, or has a character that no share has`);
  }
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (Buffer.compare(checksum(body), bytes.subarray(-CHECKSUM_BYTES)) !== 0) {
    throw invalid(`${sentence(from)} has a mistake in it: its checksum does not fit`);
  }
  const [format, threshold = 0, count = 0, number = 0] = body;
  if (format !== FORMAT) {
    throw invalid(`${sentence(from)} was made by a newer Tabellion`, 'Update Tabellion.');
  }
  return {
    number,
    threshold,
    count,
    setId: hex(body.subarray(4, HEAD_BYTES)),
    bytes: body.subarray(HEAD_BYTES),
  };
}

/**
 * Whether a share can be added to those that are there.
 * @throws KeyError `SHARE_FOREIGN` | `SHARE_DUPLICATE`
 */
export function checkShare(share: Share, slot: SharesSlot, others: readonly Share[]): void {
  const setId = hex(slot.setId);
  if (share.setId !== setId) {
    throw new KeyError(
      'SHARE_FOREIGN',
      `Share ${share.number} is of another backup: it belongs to set ${share.setId}, and this backup to set ${setId}`,
      {
        hint: 'Look for the shares with the name of this set on them.',
        details: { share: share.setId, backup: setId },
      },
    );
  }
  if (others.some(({ number }) => number === share.number)) {
    throw new KeyError('SHARE_DUPLICATE', `Share ${share.number} was given twice`, {
      hint: `Give ${slot.threshold} different ones.`,
      details: { number: share.number },
    });
  }
}

/**
 * The secret. More shares than are needed do no harm.
 * @throws KeyError `SHARES_TOO_FEW` | `SHARE_FOREIGN` | `SHARE_DUPLICATE`
 */
export async function combineShares(
  shares: readonly Share[],
  slot: SharesSlot,
): Promise<Uint8Array> {
  for (const [index, share] of shares.entries()) checkShare(share, slot, shares.slice(0, index));
  const { threshold } = slot;
  if (shares.length < threshold) {
    const given = shares.length === 1 ? 'one was given' : `${shares.length} were given`;
    throw new KeyError('SHARES_TOO_FEW', `This backup needs ${threshold} shares, and ${given}`, {
      hint: `Give --share once for each of ${threshold} files, or run it at a terminal and type them.`,
      details: { threshold, given: shares.length },
    });
  }
  const { combine } = await import('shamir-secret-sharing');
  return combine(shares.slice(0, threshold).map(({ bytes }) => Uint8Array.from(bytes)));
}

/** How a set is called. */
export function setName(setId: Uint8Array): string {
  return hex(setId);
}

function checksum(body: Uint8Array): Uint8Array {
  return sha256(body).subarray(0, CHECKSUM_BYTES);
}

function invalid(
  message: string,
  hint = 'Compare it with the original, group by group.',
): KeyError {
  return new KeyError('SHARE_INVALID', message, { hint });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
