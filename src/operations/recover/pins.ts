/**
 * Pins of this machine and a root that is made anew: one in a configuration must be changed by its owner before anything
 * is deleted; one of Tabellion's own moves to the new root, which is made here.
 */
import { printable } from '../../crypto/printable.ts';
import { keyThumbprints } from '../../crypto/thumbprint.ts';
import { OperationError } from '../../errors.ts';
import { pinRules } from '../../tuf/pinning.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { findOwnPin, removeOwnPin, setOwnPin } from '../thumbprints/own-pins.ts';
import type { RecoveredRepository } from './record.ts';

/** @throws OperationError `RECOVERY_PINNED` when a new root would be refused on this very machine */
export async function checkConfiguredPins(session: Session, gun: string): Promise<void> {
  const rules = pinRules(await session.pinning(), gun);
  const rule = rules.find(({ kind }) => kind === 'certs' || kind === 'ca');
  if (rule === undefined || !('pattern' in rule)) return;
  throw new OperationError(
    'RECOVERY_PINNED',
    `The configuration pins the old root of ${printable(gun)} (“${printable(rule.pattern)}”), so that the new one would be refused: nothing was deleted`,
    {
      hint: 'Take the pin out of the configuration, then resume the recovery; pin the new root in the end.',
      details: { gun, pattern: rule.pattern },
    },
  );
}

/** Remembers whether the old root is pinned here: written down before the pin goes, it cannot be forgotten. */
export async function notePin(
  session: Session,
  { gun, server }: RepositoryAccess,
  repository: RecoveredRepository,
): Promise<void> {
  const pin = await findOwnPin(session.trustDir.own, gun, server);
  if (pin !== undefined) repository.pinnedAt = pin.pinnedAt;
}

/** Takes the pin of the old root away. */
export async function liftPin(session: Session, { gun, server }: RepositoryAccess): Promise<void> {
  await removeOwnPin(session.trustDir.own, gun, server);
}

/** Pins the new root where the old one was pinned. */
export async function pinAnew(
  session: Session,
  { gun, server }: RepositoryAccess,
  repository: RecoveredRepository,
  certificates: Parameters<typeof keyThumbprints>[0][],
): Promise<void> {
  if (repository.pinnedAt === undefined) return;
  await setOwnPin(session.trustDir.own, {
    repository: gun,
    server,
    pinnedAt: session.now.toISOString(),
    certificates: certificates.map(key => keyThumbprints(key)),
  });
}
