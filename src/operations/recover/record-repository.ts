/** Writing down a repository before its trust data goes: verified content, and whether the registry still has it. */
import { canonicalJson } from '../../crypto/canonical-json.ts';
import { printable } from '../../crypto/printable.ts';
import { OperationError, TabellionError, TrustError } from '../../errors.ts';
import { parseImageReference } from '../../registry/image-reference.ts';
import { targetSha256 } from '../../tuf/target.ts';
import { isKnownTarget, knownBefore } from '../history.ts';
import { loadExpired } from '../renewal/expired-trust-data.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { loadTrustData, type TrustData, type TrustDataOptions } from '../trust-data.ts';
import { checkConfiguredPins, notePin } from './pins.ts';
import type { RecoveredRepository, RecoveryOptions, RecoveryRecord } from './record.ts';
import {
  leavingOut,
  mapTargets,
  type RecordedTarget,
  recordContent,
  recordedTags,
  targetOf,
} from './recorded-content.ts';
import { isOldRoot } from './repository-anew.ts';

/**
 * Records what a repository holds, from the server, or from this machine's verified copy when the server has nothing
 * any more.
 * @throws TrustError for trust data that does not hold; ConnectionError
 */
export async function recordRepository(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
  options: RecoveryOptions,
): Promise<void> {
  await checkConfiguredPins(session, access.gun);
  await notePin(session, access, repository);
  const { trusted, origin } = await verifiedContent(session, access);
  if (!isOldRoot(trusted.root.bytes, repository)) {
    throw new OperationError(
      'RECOVERY_FOREIGN_ROOT',
      `${printable(access.gun)} has another root by now than when this recovery was planned`,
      { hint: 'Look again with: tabellion recover', details: { gun: access.gun } },
    );
  }
  const dropped = new Set(options.drop);
  let content = leavingOut(recordContent(trusted, origin), ({ name }) =>
    dropped.has(`${access.gun}:${name}`) ? 'dropped' : undefined,
  );
  if (options.checkRegistry) {
    const missing = await missingDigests(
      session,
      access,
      recordedTags(content).map(({ sha256 }) => sha256),
    );
    content = leavingOut(content, recorded =>
      missing.has(targetSha256(targetOf(recorded))) ? 'not-in-registry' : undefined,
    );
  }
  const { trustedSince, keep } = options;
  if (trustedSince !== undefined) {
    const known = await knownBefore(session, access.gun, new Date(trustedSince));
    content = mapTargets(content, (recorded, role) => ({
      ...recorded,
      known: isKnownTarget(known?.roles.get(role)?.targets.get(recorded.name), targetOf(recorded)),
    }));
  }
  if (keep === 'known')
    content = leavingOut(content, ({ known }) => (known === true ? undefined : 'not-known-before'));
  repository.content = content;
}

/**
 * Records a repository again when somebody has published since: a support ticket takes days. After a leak, what is new
 * since then was not reviewed, and is left out unless everything is kept.
 * @returns whether it had changed
 */
export async function refreshRecord(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
  { options, case: { reason } }: Pick<RecoveryRecord, 'options' | 'case'>,
): Promise<boolean> {
  const before = repository.content;
  if (before === undefined) return false;
  const { trusted, origin } = await verifiedContent(session, access);
  const present = recordContent(trusted, origin);
  if (canonicalJson({ ...present.versions }) === canonicalJson({ ...before.versions }))
    return false;
  await recordRepository(session, access, repository, options);
  const reviewed = new Map<string, RecordedTarget>();
  for (const { role, targets } of before.roles)
    for (const target of targets) reviewed.set(identity(role, target), target);
  repository.content = leavingOut(repository.content ?? present, (target, role) => {
    const known = reviewed.get(identity(role, target));
    if (known !== undefined) return known.leftOut;
    return reason === 'compromised' && options.keep !== 'all' ? 'not-known-before' : undefined;
  });
  return true;
}

function identity(role: string, { name, target }: RecordedTarget): string {
  return canonicalJson([role, name, target]);
}

/** What has expired but holds in all else counts too: it is signed anew. */
async function verifiedContent(session: Session, access: RepositoryAccess): Promise<TrustData> {
  try {
    return await loadOrExpired(session, access, { requireFresh: true, store: false });
  } catch (error) {
    if (!(error instanceof TrustError) || error.code !== 'NO_TRUST_DATA') throw error;
    // Somebody has deleted it there already: what this machine has verified before is all there is.
    session.log(`${error.message}: taking the copy on this machine`);
    return await loadOrExpired(session, access, { offline: true, store: false });
  }
}

async function loadOrExpired(
  session: Session,
  access: RepositoryAccess,
  options: TrustDataOptions,
): Promise<TrustData> {
  try {
    return await loadTrustData(session, access, options);
  } catch (error) {
    const expired = await loadExpired(session, access, error, options);
    if (expired === undefined) throw error;
    return expired.data;
  }
}

/** Those of the digests (lower-case hex) that the registry no longer has. @throws ConnectionError */
async function missingDigests(
  session: Session,
  { gun }: RepositoryAccess,
  digests: readonly string[],
): Promise<Set<string>> {
  const missing = new Set<string>();
  const image = imageOf(gun);
  if (image === undefined) return missing;
  const registry = await session.registry(image.domain);
  const wanted = [...new Set(digests)].filter(hex => hex !== '');
  for (const [index, hex] of wanted.entries()) {
    session.progress({
      message: `asking the registry for the images of ${gun}`,
      done: index,
      total: wanted.length,
    });
    try {
      await registry.headDigest(image.path, `sha256:${hex}`);
    } catch (error) {
      if (!(error instanceof OperationError) || error.code !== 'IMAGE_NOT_FOUND') {
        throw error instanceof TabellionError
          ? error.advising('Without the registry: --no-registry.')
          : error;
      }
      missing.add(hex);
    }
  }
  return missing;
}

/** A GUN need not name an image. */
function imageOf(gun: string): { domain: string; path: string } | undefined {
  try {
    return parseImageReference(gun);
  } catch (error) {
    if (error instanceof TabellionError) return undefined;
    throw error;
  }
}
