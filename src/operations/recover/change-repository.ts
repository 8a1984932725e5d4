/** What one repository needs when a key other than its root is lost or leaked, or its metadata has expired. */

import { printable } from '../../crypto/printable.ts';
import { OperationError } from '../../errors.ts';
import { ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import { renew } from '../renewal/renew.ts';
import type { CompromiseRequest } from '../rotation/compromise.ts';
import { readAfresh } from '../rotation/fresh-client.ts';
import { rotateKey } from '../rotation/rotate.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import type { RecoveredRepository, RecoveryOptions, RecoveryRecord } from './record.ts';
import { replaceRoot } from './replace-root.ts';
import { droppedTags, replaceSigner } from './replace-signer.ts';
import { noteReview } from './review-remarks.ts';
import { roleKeyIds } from './root-keys.ts';

/** Lets a person say what a repository keeps after a leak, where the answers have not said it. */
export type Decide = (
  session: Session,
  gun: string,
  request: CompromiseRequest,
) => Promise<CompromiseRequest>;

/**
 * Takes the lost or leaked key out of a repository and puts a new one in, by one publish for each role; done already,
 * it does nothing. New keys are added to the record.
 * @throws KeyError `KEY_MISSING` when what has to sign it is not here; TrustError, OperationError, ConnectionError
 */
export async function changeRepository(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
  { record, decide }: { readonly record: RecoveryRecord; readonly decide?: Decide },
): Promise<void> {
  const { kind, keyId, reason } = record.case;
  const review = async (): Promise<CompromiseRequest> => {
    const request = reviewOf(access.gun, record.options);
    if (record.options.keep !== undefined || decide === undefined) return request;
    return await decide(session, access.gun, request);
  };
  if (kind === ROOT) return await replaceRoot(session, access, repository, record, review);
  if (kind === TARGETS || kind === SNAPSHOT || kind === TIMESTAMP) {
    const { root } = await readAfresh(session, access, undefined);
    const present = roleKeyIds(root.metadata, kind);
    if (keyId !== undefined && !present.includes(keyId)) return;
    const rotation = await rotateKey(session, access.gun, {
      role: kind,
      serverManaged: kind !== TARGETS,
      ...(kind === TARGETS && reason === 'compromised' ? { compromise: await review() } : {}),
    });
    noteReview(repository, rotation.review);
    for (const { newKeys } of [rotation, ...rotation.alsoRotated])
      record.newKeys.push(...newKeys.map(({ id }) => id));
    return;
  }
  if (kind === 'expired') return await renewExpired(session, access);
  await replaceSigner(session, access, repository, record);
}

/** What was said of the tags, for the review that a leaked repository key asks for. */
function reviewOf(gun: string, options: RecoveryOptions): CompromiseRequest {
  const { keep, trustedSince, dropSigners } = options;
  return {
    ...(trustedSince === undefined ? {} : { trustedSince: new Date(trustedSince) }),
    rules: {
      keepKnown: keep === 'known',
      keepAll: keep === 'all',
      dropRest: keep === 'known',
      drop: droppedTags(gun, options),
      dropSigners: dropSigners.map(name => `${TARGETS}/${name}`),
    },
    // A name of another repository of the same recovery is no mistake.
    lenient: true,
  };
}

/** @throws KeyError `KEY_MISSING` when a part that has expired cannot be signed here */
async function renewExpired(session: Session, { gun }: RepositoryAccess): Promise<void> {
  const { parts } = await renew(session, gun, { withinDays: 0 });
  const left = parts
    .filter(({ status }) => status !== 'renewed' && status !== 'server')
    .map(({ role }) => role);
  if (left.length === 0) return;
  throw new OperationError(
    'RECOVERY_INCOMPLETE',
    `Of ${printable(gun)} has expired what cannot be signed here: ${left.map(role => printable(role)).join(', ')}`,
    { hint: 'Renew it where its keys are: tabellion renew.', details: { gun, roles: left } },
  );
}
