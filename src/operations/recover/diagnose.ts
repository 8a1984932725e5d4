/**
 * What is so, before anything is planned: for each repository what the server shows and what this machine has, for each
 * role whose keys are here. Much that looks like a lost key is none: it is recognised and said.
 */
import { printable } from '../../crypto/printable.ts';
import { TabellionError, TrustError } from '../../errors.ts';
import { readKeyFiles } from '../../keys/key-files.ts';
import type { ProviderId } from '../../registry/providers.ts';
import { providerOf, stateOf } from '../../registry/providers.ts';
import { backedUpKeys } from '../../trust-dir/backup-record.ts';
import { ROOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import { type Failure, failureOf } from '../failure.ts';
import { servedRoot } from '../served-root.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { loadTrustData, roleExpiries, validUntil } from '../trust-data.ts';
import {
  emptyFolder,
  type Finding,
  findingsOf,
  keysFoundElsewhere,
  keysInBackups,
  misnamedKeys,
  missingKeys,
} from './findings.ts';
import { otherKeyFolders } from './lost-passphrase.ts';
import { rootIds } from './root-keys.ts';
import type { Survey, SurveyedRepository } from './survey.ts';

/**
 * `ok`: all holds. `expired`: it held. `half-initialised`: made here, never published. `overwritten`: made anew here
 * over one that the server has. `other-root`: the server's root does not follow the one on this machine. `gone`: the
 * server has nothing, but this machine knew it. `unknown`: nobody knows it. `unreachable`; `untrusted`: all else.
 */
export type RepositoryState =
  | 'ok'
  | 'expired'
  | 'half-initialised'
  | 'overwritten'
  | 'other-root'
  | 'gone'
  | 'unknown'
  | 'unreachable'
  | 'untrusted';

export interface DiagnosedRole {
  readonly role: string;
  readonly threshold: number;
  readonly keys: readonly {
    readonly id: string;
    readonly isHere: boolean;
    readonly elsewhere?: string;
  }[];
  /** Whether enough of its keys are here. */
  readonly canSign: boolean;
  readonly expires?: string;
}

export interface DiagnosedRepository {
  readonly gun: string;
  readonly server: string;
  readonly provider: ProviderId;
  readonly state: RepositoryState;
  readonly roles: readonly DiagnosedRole[];
  /** Until when consumers can verify it, as things are (ISO 8601). */
  readonly validUntil?: string;
  /** IDs of the root certificates: on this machine, and at the server. */
  readonly knownCertificates: readonly string[];
  readonly servedCertificates: readonly string[];
  readonly problem?: Failure;
}

export interface Diagnosis {
  readonly repositories: readonly DiagnosedRepository[];
  readonly findings: readonly Finding[];
}

/** More than this between two clocks is worth a word, in ms. */
const CLOCK_SLACK = 5 * 60 * 1000;

/** Looks at repositories; nothing is changed or stored. */
export async function diagnose(
  session: Session,
  survey: Survey,
  guns: readonly string[],
): Promise<Diagnosis> {
  const elsewhere = await keysElsewhere(session);
  const repositories: DiagnosedRepository[] = [];
  const findings: Finding[] = [];
  const servers = new Set<string>();
  const meant = survey.repositories.filter(({ gun, foundBy }) =>
    guns.length === 0 ? foundBy !== 'server' : guns.includes(gun),
  );
  for (const [index, surveyed] of meant.entries()) {
    session.progress({ message: `looking at ${surveyed.gun}`, done: index, total: meant.length });
    const access = await session.repositoryByGun(surveyed.gun);
    if (!servers.has(access.server)) {
      servers.add(access.server);
      findings.push(...(await aboutServer(session, access)));
    }
    const found = await diagnoseRepository(session, access, surveyed, survey, elsewhere);
    repositories.push(found);
    findings.push(...(await findingsOf(session, access, found)));
  }
  findings.push(
    ...emptyFolder(survey, session.trustDir.path),
    ...missingKeys(repositories),
    ...keysInBackups(survey, await backedUpKeys(session.trustDir.own)),
    ...misnamedKeys(survey),
    ...keysFoundElsewhere(survey, elsewhere),
  );
  return { repositories, findings };
}

async function aboutServer(session: Session, access: RepositoryAccess): Promise<Finding[]> {
  const findings: Finding[] = [];
  const state = stateOf(providerOf(access.domain), session.now);
  if (state !== undefined)
    findings.push({ kind: 'provider', isHarmless: false, message: state, advice: [] });
  try {
    const { date } = await access.remote.ping();
    const skew = date === undefined ? 0 : session.options.now().getTime() - date.getTime();
    if (Math.abs(skew) > CLOCK_SLACK) {
      const minutes = Math.round(Math.abs(skew) / 60_000);
      findings.push({
        kind: 'clock',
        isHarmless: true,
        message: `This machine’s clock is ${minutes} minutes ${skew > 0 ? 'ahead of' : 'behind'} that of ${printable(access.server)}: what looks expired, or not valid yet, may be neither`,
        advice: ['Set the clock, then look again.'],
      });
    }
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    findings.push({
      kind: 'unreachable',
      isHarmless: true,
      message: `The trust server cannot be used: ${error.message}`,
      advice: error.hint === undefined ? [] : [error.hint],
    });
  }
  return findings;
}

async function diagnoseRepository(
  session: Session,
  access: RepositoryAccess,
  surveyed: SurveyedRepository,
  survey: Survey,
  elsewhere: ReadonlyMap<string, string>,
): Promise<DiagnosedRepository> {
  const { gun, server, domain } = access;
  const common = {
    gun,
    server,
    provider: providerOf(domain).id,
    knownCertificates: surveyed.foundBy === 'cache' ? surveyed.rootCertificates : [],
  };
  let served: readonly string[] = [];
  try {
    const bytes = await servedRoot(access);
    served = bytes === undefined ? [] : rootIds(bytes).certificateIds;
    const cached = await access.dir.roles();
    const roles = rolesHere(surveyed, survey, elsewhere);
    const isUnpublished = cached.includes(ROOT) && !cached.includes(TIMESTAMP);
    if (bytes === undefined) {
      const state = isUnpublished ? 'half-initialised' : cached.includes(ROOT) ? 'gone' : 'unknown';
      return { ...common, servedCertificates: served, state, roles };
    }
    if (isUnpublished && !served.some(id => common.knownCertificates.includes(id)))
      return { ...common, servedCertificates: served, state: 'overwritten', roles };
    const data = await loadTrustData(session, access, { requireFresh: true, store: false });
    const expiries = new Map(
      roleExpiries(data.trusted).map(({ role, expires }) => [role, expires]),
    );
    return {
      ...common,
      servedCertificates: served,
      state: 'ok',
      validUntil: validUntil(data, TARGETS),
      roles: roles.map(role => {
        const expires = expiries.get(role.role);
        return expires === undefined ? role : { ...role, expires };
      }),
    };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return {
      ...common,
      servedCertificates: served,
      state: stateOfFailure(error),
      roles: rolesHere(surveyed, survey, elsewhere),
      problem: failureOf(error),
    };
  }
}

/** Failures of a root that is not the successor of the one known. */
const OTHER_ROOT = ['ROOT_ROTATION', 'METADATA_REPLACED', 'ROOT_CHAIN_BROKEN', 'PIN_MISMATCH'];

function stateOfFailure(error: TabellionError): RepositoryState {
  if (!(error instanceof TrustError)) return 'unreachable';
  if (error.code === 'METADATA_EXPIRED' || error.code === 'ROOT_CERTIFICATE_INVALID')
    return 'expired';
  const isRoot = error.details?.role === ROOT || error.details?.role === undefined;
  if (OTHER_ROOT.includes(error.code) || (error.code === 'METADATA_ROLLBACK' && isRoot))
    return 'other-root';
  return error.code === 'NO_TRUST_DATA' ? 'gone' : 'untrusted';
}

function rolesHere(
  { roles }: SurveyedRepository,
  { keys }: Survey,
  elsewhere: ReadonlyMap<string, string>,
): DiagnosedRole[] {
  const here = new Set(keys.filter(({ usable }) => usable).map(({ id }) => id));
  return roles
    .filter(({ role }) => role !== TIMESTAMP)
    .map(({ role, threshold, keyIds }) => ({
      role,
      threshold,
      keys: keyIds.map(id => {
        const other = elsewhere.get(id);
        return {
          id,
          isHere: here.has(id),
          ...(here.has(id) || other === undefined ? {} : { elsewhere: other }),
        };
      }),
      canSign: keyIds.filter(id => here.has(id)).length >= threshold,
    }));
}

/** Files of private keys outside the trust directory, by key ID. */
async function keysElsewhere(session: Session): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of otherKeyFolders(session)) {
    try {
      for (const { entry } of await readKeyFiles(folder)) found.set(entry.id, entry.path);
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
    }
  }
  return found;
}
