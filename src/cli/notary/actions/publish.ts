/** `notary publish`, and what `-p` does after a change was staged. */
import { TabellionError } from '../../../errors.ts';
import { type PublishedStaged, publishStaged } from '../../../operations/publish-staged.ts';
import type { Session } from '../../../operations/session.ts';
import { stagedChanges } from '../../../operations/stage.ts';
import { onCollection, tellCreated, tellWarnings } from '../collection.ts';
import type { FlagValues } from '../command-line/flags.ts';
import type { NotaryAction, NotaryContext } from '../context.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { notReached, notUpdated, reach } from '../online.ts';
import { publishFailure } from '../publish-failure.ts';

export const publish: NotaryAction = async (context, [gun]) => {
  if (gun === undefined) throw new WrongArguments('Must specify a GUN');
  await context.settings();
  context.print(`Pushing changes to ${gun}\n`);
  await publishCollection(context, gun);
};

/** Publishes everything that is staged, if `-p` was given. */
export async function autoPublish(
  context: NotaryContext,
  gun: string,
  flags: FlagValues,
): Promise<void> {
  if (!flags.is('publish')) return;
  await publishCollection(context, gun, `Auto-publishing changes to ${gun}\n`);
}

async function publishCollection(
  context: NotaryContext,
  gun: string,
  announcement = '',
): Promise<void> {
  await onCollection(context, gun, async session => {
    const found = await reach(context, session, gun);
    context.print(announcement);
    if (found !== 'reachable') {
      const failure = notReached(found);
      context.log.error(notUpdated(failure.message));
      throw failure;
    }
    const published = await publishOrTell(context, session, gun);
    if (published.initialised) {
      context.log.info(
        `No TUF data found locally or remotely - initializing repository ${gun} for the first time`,
      );
    }
    tellCreated(context, published.createdKeys);
    tellWarnings(context, published.warnings);
  });
  context.print(`Successfully published changes for repository ${gun}\n`);
}

async function publishOrTell(
  context: NotaryContext,
  session: Session,
  gun: string,
): Promise<PublishedStaged> {
  try {
    // The original makes a collection that nobody knows, too.
    return await publishStaged(session, gun, { initialiseIfUnknown: true });
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    const { server } = await context.settings();
    const staged = await stagedChanges(session, gun);
    const { sentence, logged } = publishFailure(error, staged, { gun, server });
    const isOfSending = error.code === 'UNAUTHORIZED' && (await canRead(session, gun));
    if (logged !== undefined && !isOfSending) context.log.error(logged);
    throw new Fatal(sentence, error);
  }
}

/** Whether who may not publish may at least read. */
async function canRead(session: Session, gun: string): Promise<boolean> {
  const { remote } = await session.repositoryByGun(gun);
  return await remote.root().then(
    () => true,
    (error: unknown) => error instanceof TabellionError && error.code === 'METADATA_NOT_FOUND',
  );
}
