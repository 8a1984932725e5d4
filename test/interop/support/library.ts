import { type Published, publishChanges } from '../../../src/operations/publish.ts';
import {
  openSession,
  type RepositoryAccess,
  type Session,
  type SessionOptions,
} from '../../../src/operations/session.ts';
import { loadTrustData } from '../../../src/operations/trust-data.ts';
import { parseImageReference } from '../../../src/registry/image-reference.ts';
import type { Change } from '../../../src/tuf/change.ts';
import type { TrustedSet } from '../../../src/tuf/trusted-set.ts';
import type { Person } from './scene.ts';

/** Runs `work` on a repository with the library itself, for what the command line does not offer. */
export async function withLibrary<T>(
  person: Person,
  gun: string,
  work: (session: Session, access: RepositoryAccess) => Promise<T>,
  options: Partial<SessionOptions> = {},
): Promise<T> {
  const { server, caFile } = person.tabellion.options;
  const session = await openSession({
    env: person.tabellion.environment(),
    home: person.folder,
    trustDir: person.trustDir,
    server,
    tlsCa: caFile,
    now: () => new Date(),
    log: () => {},
    progress: () => {},
    ...options,
  });
  try {
    const access = await session.repository(parseImageReference(gun));
    return await access.dir.withLock(() => work(session, access));
  } finally {
    await session.close();
  }
}

/** Publishes a batch of changes in one request. */
export async function publish(
  person: Person,
  gun: string,
  changes: readonly Change[],
): Promise<Published> {
  return await withLibrary(person, gun, (session, access) =>
    publishChanges(session, access, async () => ({ changes })),
  );
}

/** The verified metadata of a repository. */
export async function trustedSet(person: Person, gun: string): Promise<TrustedSet> {
  return await withLibrary(
    person,
    gun,
    async (session, access) => (await loadTrustData(session, access)).trusted,
  );
}
