/** After a leak only what is known comes back: where nothing is, that would be a deletion by mistake. */
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import { knownBefore } from '../history.ts';
import type { Session } from '../session.ts';
import type { RecoveredRepository, RecoveryOptions } from './record.ts';

/** @throws UsageError `RECOVERY_NOTHING_KNOWN` (details: `repositories`) */
export async function checkSomethingKnown(
  session: Session,
  { keep, trustedSince }: RecoveryOptions,
  repositories: readonly RecoveredRepository[],
): Promise<void> {
  if (keep !== 'known' || trustedSince === undefined) return;
  const unknown: string[] = [];
  for (const { gun, under } of repositories)
    if (
      under === 'affected' &&
      (await knownBefore(session, gun, new Date(trustedSince))) === undefined
    )
      unknown.push(gun);
  if (unknown.length === 0) return;
  const names = unknown.map(gun => printable(gun));
  throw new UsageError(
    'RECOVERY_NOTHING_KNOWN',
    `This machine remembers nothing of ${names.join(', ')} from before ${trustedSince}: nothing of it would be signed again`,
    {
      hint: 'Name a later day, leave it out with --skip IMAGE, or give --keep all, with --drop IMAGE:TAG for what is not yours.',
      details: { repositories: unknown },
    },
  );
}
