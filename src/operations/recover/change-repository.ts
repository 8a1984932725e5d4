/** What one repository needs when a key other than its root is lost or leaked, or its metadata has expired. */

import { printable } from '../../crypto/printable.ts';
import { generatePrivateKey } from '../../crypto/private-key.ts';
import { OperationError } from '../../errors.ts';
import { ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import type { CompromiseRequest } from '../compromise.ts';
import { readAfresh } from '../fresh-client.ts';
import { renew } from '../renew.ts';
import { revoke } from '../revoke.ts';
import { rotateKey } from '../rotate.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { rotateSigner } from '../signer-rotate.ts';
import type { RecoveredRepository, RecoveryOptions, RecoveryRecord } from './record.ts';
import { replaceRoot } from './replace-root.ts';
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
  await revokeDropped(session, access.gun, record.options);
  for (const name of record.case.signers ?? []) await rekeySigner(session, access, record, name);
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

function droppedTags(gun: string, { drop }: RecoveryOptions): string[] {
  return drop.filter(name => name.startsWith(`${gun}:`)).map(name => name.slice(gun.length + 1));
}

/** A signer's new key signs all that the old one did: what is not theirs goes before. */
async function revokeDropped(
  session: Session,
  gun: string,
  options: RecoveryOptions,
): Promise<void> {
  const tags = droppedTags(gun, options);
  if (tags.length === 0) return;
  await revoke(session, { images: tags.map(tag => `${gun}:${tag}`), dryRun: false });
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

/** One new key for the signer in all repositories. */
async function rekeySigner(
  session: Session,
  { gun }: RepositoryAccess,
  record: RecoveryRecord,
  name: string,
): Promise<void> {
  const store = await session.keys();
  let id: string | undefined;
  for (const known of record.newKeys) {
    if ((await store.find(known))?.role === name) id = known;
  }
  if (id === undefined) {
    const key = generatePrivateKey('ecdsa');
    record.newKeys.push(key.id);
    await store.add(key, { role: name });
    id = key.id;
  }
  try {
    await rotateSigner(session, { name, repositories: [gun], keyIds: [id] });
  } catch (error) {
    // Done by an earlier run, or the signer is not in this repository any more.
    const isDone =
      error instanceof OperationError &&
      (error.code === 'KEY_UNCHANGED' || error.code === 'SIGNER_UNKNOWN');
    if (!isDone) throw error;
  }
}
