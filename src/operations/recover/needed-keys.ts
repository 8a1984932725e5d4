/** What would stop a recovery in its middle is tried before anything is deleted: keys that must open, passphrases for new ones. */
import { createWithPassphrase } from '../../keys/passphrase.ts';
import { TARGETS } from '../../tuf/role-name.ts';
import { keyRing } from '../publish.ts';
import type { Session } from '../session.ts';
import type { RecoveryRecord } from './record.ts';
import { signingKeysHere } from './sign-again.ts';

/**
 * Opens every private key that will sign, and looks for a passphrase for the new repository keys where nobody can be
 * asked for one.
 * @throws KeyError `KEY_PASSPHRASE_MISSING` | `KEY_PASSPHRASE_WRONG` | `KEY_FILE_DAMAGED` …
 */
export async function checkNeededKeys(session: Session, record: RecoveryRecord): Promise<void> {
  if (record.case.kind !== 'root') return;
  const ring = await keyRing(session);
  const ids = new Set<string>();
  for (const { content, stage, under, oldRootKeys } of record.repositories) {
    if (content === undefined || stage === 'verified' || stage === 'left') continue;
    const roots = under === 'affected' ? [record.newRootKeyId ?? ''] : oldRootKeys;
    for (const id of roots) if (await ring.has(id)) ids.add(id);
    const withoutKeys = record.case.keyId === undefined ? [] : [record.case.keyId];
    const options = { withoutKeys, withoutSigners: record.options.dropSigners };
    for (const id of await signingKeysHere(content, ring, options)) ids.add(id);
  }
  for (const id of ids) await ring.signer(id);
  if (session.options.askPassphrase === undefined) await checkNewPassphrase(session, record);
}

async function checkNewPassphrase(
  session: Session,
  { repositories }: RecoveryRecord,
): Promise<void> {
  const sources = await session.passphrases();
  const subject = { role: TARGETS, gun: repositories[0]?.gun ?? '' };
  for (const source of sources) {
    const answer = await source.get({ ...subject, purpose: 'create', attempt: 0 });
    if (answer !== undefined) return;
  }
  // Nothing has an answer: this says what would have one.
  await createWithPassphrase(sources, subject, async () => undefined);
}
