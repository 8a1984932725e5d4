/**
 * What is known of all repositories, from the trust directory, the names of keys and the server: whose root they are
 * under, which keys they name. Nothing is verified and nothing is changed; a doubtful entry counts.
 */
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { TabellionError } from '../../errors.ts';
import type { KeyEntry } from '../../keys/key-store.ts';
import { decodeRoot, decodeTargets } from '../../tuf/decode.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import { BASE_ROLES, isTargetsRole, ROOT } from '../../tuf/role-name.ts';
import { type Failure, failureOf } from '../failure.ts';
import { serverOfRecord } from '../history.ts';
import { servedRoot } from '../served-root.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { roleKeyIds } from './root-keys.ts';

export interface SurveyedRole {
  readonly role: string;
  /** Canonical IDs. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

export interface SurveyedRepository {
  readonly gun: string;
  /** Where it was found: metadata on this machine, a key that names it, the server, the command line. */
  readonly foundBy: 'cache' | 'key' | 'server' | 'asked';
  readonly roles: readonly SurveyedRole[];
  /** IDs of the root's certificates, as pins name them. */
  readonly rootCertificates: readonly string[];
  /** Why its metadata could not be read. */
  readonly problem?: Failure;
}

export interface Survey {
  readonly keys: readonly KeyEntry[];
  readonly repositories: readonly SurveyedRepository[];
  /** What could not be looked at, in words. */
  readonly gaps: readonly string[];
}

export interface SurveyRequest {
  /** GUNs that the person named. */
  readonly asked: readonly string[];
  /** Ask the servers too, also for repositories that this machine does not know. */
  readonly online: boolean;
  /** Look for repositories that only the server knows of. Default: when online. */
  readonly discover?: boolean;
}

/** A server's own list may be long, and most of it other people's. */
const MOST_DISCOVERED = 2000;

/** Looks everywhere. @throws KeyError `KEY_STORE_UNREADABLE`; OperationError for the trust directory */
export async function survey(session: Session, request: SurveyRequest): Promise<Survey> {
  const keys = await (await session.keys()).list();
  const found = new Map<string, SurveyedRepository>();
  const gaps: string[] = [];
  for (const gun of await session.trustDir.repositories()) {
    found.set(gun, await cachedRepository(session, gun));
  }
  if (request.online) {
    const hidden = new Map<string, SurveyedRepository['foundBy']>();
    for (const gun of request.asked) hidden.set(gun, 'asked');
    for (const { gun } of keys) if (gun !== undefined) hidden.set(gun, hidden.get(gun) ?? 'key');
    if (request.discover !== false) {
      const known = [...found.keys(), ...hidden.keys()];
      for (const gun of await serverRepositories(session, known, gaps))
        hidden.set(gun, hidden.get(gun) ?? 'server');
    }
    let count = 0;
    for (const [gun, foundBy] of hidden) {
      if (found.has(gun)) continue;
      count += 1;
      if (count > MOST_DISCOVERED) {
        gaps.push(`Only ${MOST_DISCOVERED} of the repositories on the server were looked at`);
        break;
      }
      session.progress({ message: 'looking for repositories', done: count, total: hidden.size });
      const repository = await remoteRepository(session, gun, foundBy, gaps);
      if (repository !== undefined) found.set(gun, repository);
    }
  }
  const repositories = [...found.values()].sort((a, b) => (a.gun < b.gun ? -1 : 1));
  return { keys, repositories, gaps };
}

/**
 * A repository at the server that its data came from, unless the person names one: a variable of the environment is for
 * all, and may be for another.
 */
export async function knownAccess(session: Session, gun: string): Promise<RepositoryAccess> {
  const noted =
    session.options.server === undefined ? await serverOfRecord(session, gun) : undefined;
  return await session.repositoryByGun(gun, noted);
}

/** The repositories with a role that a key may sign. */
export function rolesOfKey(
  { repositories }: Survey,
  keyId: string,
): { readonly gun: string; readonly role: SurveyedRole }[] {
  return repositories.flatMap(({ gun, roles }) =>
    roles.filter(({ keyIds }) => keyIds.includes(keyId)).map(role => ({ gun, role })),
  );
}

/** The keys of a repository's role; none for one that it does not have. */
export function keysOfRole({ roles }: SurveyedRepository, name: string): readonly string[] {
  return roles.find(({ role }) => role === name)?.keyIds ?? [];
}

async function cachedRepository(session: Session, gun: string): Promise<SurveyedRepository> {
  const roles: SurveyedRole[] = [];
  let rootCertificates: readonly string[] = [];
  try {
    const files = await session.trustDir.repository(gun).readAll();
    const problems: TabellionError[] = [];
    for (const [file, bytes] of files) {
      try {
        roles.push(...rolesIn(file, bytes));
        if (file === ROOT) rootCertificates = certificatesIn(bytes);
      } catch (error) {
        if (!(error instanceof TabellionError)) throw error;
        problems.push(error);
      }
    }
    const [problem] = problems;
    return {
      gun,
      foundBy: 'cache',
      roles,
      rootCertificates,
      ...(problem === undefined ? {} : { problem: failureOf(problem) }),
    };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return { gun, foundBy: 'cache', roles, rootCertificates, problem: failureOf(error) };
  }
}

/** A repository that this machine has no metadata of: its root alone, as the server offers it. */
async function remoteRepository(
  session: Session,
  gun: string,
  foundBy: SurveyedRepository['foundBy'],
  gaps: string[],
): Promise<SurveyedRepository | undefined> {
  try {
    const access = await knownAccess(session, gun);
    const bytes = await servedRoot(access);
    if (bytes === undefined && foundBy !== 'asked') return undefined;
    return {
      gun,
      foundBy,
      roles: bytes === undefined ? [] : rolesIn(ROOT, bytes),
      rootCertificates: bytes === undefined ? [] : certificatesIn(bytes),
    };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    gaps.push(`${gun}: ${error.message}`);
    if (foundBy !== 'asked') return undefined;
    return { gun, foundBy, roles: [], rootCertificates: [], problem: failureOf(error) };
  }
}

/** What each server's own list has, where it shows it to this login (tuf.md 8.4). */
async function serverRepositories(
  session: Session,
  known: readonly string[],
  gaps: string[],
): Promise<string[]> {
  const guns = new Set<string>();
  const asked = new Set<string>();
  for (const gun of known) {
    const access = await knownAccess(session, gun);
    if (asked.has(access.server)) continue;
    asked.add(access.server);
    try {
      for (const entry of await access.remote.changefeedOfAll()) {
        if (entry.version > 0) guns.add(entry.gun);
      }
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
      gaps.push(`${access.server} does not show a list of its repositories: ${error.message}`);
    }
  }
  return [...guns];
}

function rolesIn(file: string, bytes: Uint8Array): SurveyedRole[] {
  if (file === ROOT) {
    const root = decodeRoot(openEnvelope(bytes, file).signed);
    return BASE_ROLES.map(role => ({
      role,
      keyIds: roleKeyIds(root, role),
      threshold: root.roles.get(role)?.threshold ?? 1,
    }));
  }
  if (!isTargetsRole(file)) return [];
  const { keys, roles } = decodeTargets(openEnvelope(bytes, file).signed, file).delegations;
  return (roles ?? []).map(({ name, keyIds, threshold }) => ({
    role: name,
    keyIds: [
      ...new Set(
        (keyIds ?? []).flatMap(id => {
          const key = keys.get(id);
          return key === undefined ? [] : [canonicalKeyId(key)];
        }),
      ),
    ],
    threshold,
  }));
}

function certificatesIn(bytes: Uint8Array): string[] {
  return [...(decodeRoot(openEnvelope(bytes, ROOT).signed).roles.get(ROOT)?.keyIds ?? [])];
}
