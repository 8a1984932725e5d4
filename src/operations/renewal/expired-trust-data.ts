/** Trust data that has expired but holds in all else: to be shown under a warning, or renewed; never trusted. */
import { printable } from '../../crypto/printable.ts';
import { ConnectionError, TabellionError, TrustError } from '../../errors.ts';
import type { ExpiredPart } from '../../tuf/expired.ts';
import { TIMESTAMP } from '../../tuf/role-name.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { loadTrustData, type TrustData, type TrustDataOptions } from '../trust-data.ts';

export interface ExpiredTrustData {
  /** `trusted.expired` is not empty. */
  readonly data: TrustData;
  /** `METADATA_EXPIRED`, naming all that has expired. */
  readonly error: TrustError;
}

/** Failures behind which there may be nothing but an expiry. */
const MAY_BE_EXPIRY: readonly string[] = [
  'METADATA_EXPIRED',
  'ROOT_CERTIFICATE_INVALID',
  'SIGNATURE_THRESHOLD',
];

/**
 * Looks whether a failed load failed by expiry alone. Nothing is stored.
 * @param failure what `loadTrustData` threw
 * @returns undefined when it failed for another reason, or for another one too
 */
export async function loadExpired(
  session: Session,
  access: RepositoryAccess,
  failure: unknown,
  options: TrustDataOptions,
): Promise<ExpiredTrustData | undefined> {
  const mayBe =
    (failure instanceof TrustError && MAY_BE_EXPIRY.includes(failure.code)) ||
    (failure instanceof ConnectionError && failure.code === 'SERVER_ERROR');
  if (!mayBe) return undefined;
  try {
    const data = await loadTrustData(session, access, { ...options, reportExpiry: true });
    const { expired } = data.trusted;
    if (expired.length === 0) return undefined;
    return { data, error: expiredError(access.gun, data, session.now, failure) };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    session.log(`it is not only that something has expired: ${error.message}`);
    return undefined;
  }
}

/** One error for all that has expired. */
function expiredError(
  gun: string,
  { trusted: { expired }, origin }: TrustData,
  now: Date,
  cause: unknown,
): TrustError {
  const parts = expired.map(part => `${partName(part)} expired on ${printable(part.expires)}`);
  const renewable = expired.some(({ role }) => role !== TIMESTAMP);
  const otherwise =
    origin.from === 'cache'
      ? 'The copy on this machine is too old: ask again when the trust server can be reached.'
      : 'The trust server should have renewed it: look at the server first, and at this machine’s clock.';
  return new TrustError('METADATA_EXPIRED', `Of ${printable(gun)} ${sentence(parts)}`, {
    cause,
    hint: renewable
      ? `Look at this machine’s clock. Whoever has the keys can renew it with: tabellion renew ${printable(gun)}`
      : otherwise,
    details: { expired, now: now.toISOString() },
  });
}

/** As in “the targets metadata”. */
export function partName({ role, kind }: ExpiredPart): string {
  return kind === 'certificate' ? 'the root certificate' : `the ${printable(role)} metadata`;
}

function sentence(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join('');
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
