import { openSession, type Session, type SessionOptions } from '../../../src/operations/session.ts';
import type { Person } from './scene.ts';

/** A session of somebody, for operations that the native dialect has no command for. The caller closes it. */
export async function sessionOf(
  { tabellion }: Person,
  more: Partial<SessionOptions> = {},
): Promise<Session> {
  const { server, caFile } = tabellion.options;
  return await openSession({
    env: tabellion.environment(),
    home: `${tabellion.options.dockerConfigDir}/..`,
    trustDir: tabellion.trustDir,
    server,
    tlsCa: caFile,
    now: () => new Date(),
    log: () => {},
    progress: () => {},
    ...more,
  });
}

/** Does something in a session of its own. */
export async function inSession<T>(
  person: Person,
  work: (session: Session) => Promise<T>,
  more: Partial<SessionOptions> = {},
): Promise<T> {
  const session = await sessionOf(person, more);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
