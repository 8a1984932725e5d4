/** Working on one trusted collection: reading it, changing it, and the sentences for what goes wrong. */
import { TabellionError } from '../../errors.ts';
import type { CreatedKey } from '../../operations/initialise-repository.ts';
import type { Session } from '../../operations/session.ts';
import type { NotaryContext } from './context.ts';
import { sentenceFor } from './failure.ts';
import { Fatal } from './fatal.ts';
import { notReached, reach } from './online.ts';

const CACHED =
  'Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely';

/** Failures of a cached copy when the server cannot be reached. */
const CACHE_FAILURES: readonly string[] = ['NO_TRUST_DATA', 'CACHE_INCOMPLETE', 'METADATA_EXPIRED'];

const LEFT_ASIDE = /^(\S+) was left aside: /;

interface ReadResult {
  readonly warnings: readonly string[];
}

/** Reads a collection from its server, or from the cached copy when the server cannot be reached. */
export async function readCollection<T extends ReadResult>(
  context: NotaryContext,
  gun: string,
  read: (session: Session, request: { offline: boolean; requireFresh: boolean }) => Promise<T>,
): Promise<T> {
  return await onCollection(context, gun, async session => {
    const found = await reach(context, session, gun);
    if (found === 'refused' || found === 'web-page') throw notReached(found);
    const isOffline = found === 'unreachable';
    try {
      const result = await read(session, { offline: isOffline, requireFresh: false });
      if (isOffline) context.log.warning(CACHED);
      tellWarnings(context, result.warnings);
      return result;
    } catch (error) {
      const isCacheFailure = error instanceof TabellionError && CACHE_FAILURES.includes(error.code);
      throw isOffline && isCacheFailure ? notReached(found, error) : error;
    }
  });
}

/** Does something with a collection and its server; what goes wrong gets the dialect's sentence. @throws Fatal */
export async function onCollection<T>(
  context: NotaryContext,
  gun: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return await withSentences(context, gun, async () => await work(await context.session(gun)));
}

/** Does something with a collection on this machine alone. @throws Fatal */
export async function inCollection<T>(
  context: NotaryContext,
  gun: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return await withSentences(context, gun, async () => await work(await context.session()));
}

async function withSentences<T>(
  context: NotaryContext,
  gun: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    const { server } = await context.settings();
    throw new Fatal(sentenceFor(error, { gun, server }), error);
  }
}

/** What the original says of metadata that will not stay as it is, and whatever else people should know. */
export function tellWarnings(context: NotaryContext, warnings: readonly string[]): void {
  const isLeftAside = (warning: string): boolean => LEFT_ASIDE.test(warning);
  // The original goes down into each delegation before it comes to the next.
  const sorted = [
    ...warnings.filter(isLeftAside).sort(),
    ...warnings.filter(warning => !isLeftAside(warning)),
  ];
  for (const warning of sorted) {
    const role = /^The (.+) metadata expires on /.exec(warning)?.[1];
    if (role === undefined) context.log.warning(inOldWords(warning));
    else if (role === 'root' || role === 'snapshot') {
      context.log.warning(`${role} is nearing expiry, you should re-sign the role metadata`);
    } else {
      context.log.warning(
        `${role} metadata is nearing expiry, you should re-sign the role metadata`,
      );
    }
  }
}

function inOldWords(warning: string): string {
  const [, invalid] = LEFT_ASIDE.exec(warning) ?? [];
  if (invalid !== undefined) {
    return `Error getting ${invalid}: valid signatures did not meet threshold for ${invalid}`;
  }
  const [, role, needed = '1'] =
    /^(\S+) has (?:no key left|\d+ keys left, but needs (\d+) signatures)/.exec(warning) ?? [];
  if (role === undefined) return warning;
  return `role ${role} has fewer keys than its threshold of ${needed}; it will not be usable until keys are added to it`;
}

/** Keys that were made on the way are told at `-v` only: the original says nothing of them. */
export function tellCreated(context: NotaryContext, created: readonly CreatedKey[]): void {
  for (const { id, role } of created) context.log.info(`new ${role} key ${id}`);
}
