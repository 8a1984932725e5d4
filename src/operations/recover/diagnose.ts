/**
 * What is so, before anything is planned: for each repository what the server shows and what this machine has, for each
 * role whose keys are here. Much that looks like a lost key is none: it is recognised and said.
 */
import { printable } from '../../crypto/printable.ts';
import { TabellionError, TrustError } from '../../errors.ts';
import { readKeyFiles } from '../../keys/key-files.ts';
import type { ProviderId } from '../../registry/providers.ts';
import { providerOf, stateOf } from '../../registry/providers.ts';
import { ROOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import { type Failure, failureOf } from '../failure.ts';
import { serverOfRecord } from '../loaded-repositories.ts';
import { servedRoot } from '../served-root.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { loadTrustData, roleExpiries, validUntil } from '../trust-data.ts';
import { otherKeyFolders } from './lost-passphrase.ts';
import { rootIds } from './root-keys.ts';
import { rolesOfKey, type Survey, type SurveyedRepository } from './survey.ts';

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

export interface Finding {
  readonly kind:
    | 'clock'
    | 'wrong-server'
    | 'key-elsewhere'
    | 'key-misnamed'
    | 'half-initialised'
    | 'overwritten'
    | 'other-root'
    | 'expired'
    | 'gone'
    | 'unreachable'
    | 'untrusted'
    | 'key-missing'
    | 'provider';
  /** Whether this may be taken for a lost key or an attack, and is none. */
  readonly isHarmless: boolean;
  readonly message: string;
  /** What to do, as commands or sentences. */
  readonly advice: readonly string[];
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
    ...missingKeys(repositories),
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

async function findingsOf(
  session: Session,
  access: RepositoryAccess,
  found: DiagnosedRepository,
): Promise<Finding[]> {
  const gun = printable(found.gun);
  const reason = found.problem === undefined ? '' : `: ${found.problem.message}`;
  const inWords = (
    kind: Finding['kind'],
    isHarmless: boolean,
    message: string,
    ...advice: string[]
  ): Finding => ({ kind, isHarmless, message, advice });
  const folder = printable(access.dir.folder);
  switch (found.state) {
    case 'expired':
      return [
        inWords(
          'expired',
          true,
          `${gun} has expired; no key is lost by that${reason}`,
          `tabellion recover --symptom expired ${gun}`,
        ),
      ];
    case 'half-initialised':
      return [
        inWords(
          'half-initialised',
          true,
          `${gun} was initialised on this machine and never published: nothing is lost`,
          'The next “tabellion sign” publishes it.',
        ),
      ];
    case 'overwritten':
      return [
        inWords(
          'overwritten',
          true,
          `${gun} was initialised anew on this machine, over the one that the server has: nothing is lost there`,
          `Move the copy on this machine aside: mv ${folder} ${folder}.old`,
          `Then compare the server’s root: tabellion thumbprint ${gun}`,
        ),
      ];
    case 'other-root': {
      const other = await otherServerWithKnownRoot(session, access, found);
      if (other !== undefined) return [wrongServer(gun, found.server, other)];
      return [
        inWords(
          'other-root',
          false,
          `The server shows another root of ${gun} than this machine knows (${shortIds(found.servedCertificates)} instead of ${shortIds(found.knownCertificates)}), and nothing leads from one to the other. Docker says “potential malicious behavior” to that`,
          'Ask the owner, on another way than this server, whether the repository was made anew, and for its thumbprint.',
          `Only if it is the one you are told: mv ${folder} ${folder}.old ; tabellion thumbprint ${gun}`,
        ),
      ];
    }
    case 'gone':
    case 'unknown': {
      const other = await otherServerWithKnownRoot(session, access, found);
      if (other !== undefined) return [wrongServer(gun, found.server, other)];
      if (found.state === 'unknown') return [];
      return [
        inWords(
          'gone',
          false,
          `The server ${printable(found.server)} has no trust data of ${gun} any more, but this machine has verified it before`,
          'If somebody has deleted it there: tabellion recover --lost root makes it anew from the copy on this machine.',
        ),
      ];
    }
    case 'untrusted':
      return [inWords('untrusted', false, `${gun} does not verify${reason}`)];
    default:
      return [];
  }
}

/** Signing says “no key found” where none of a role's keys is here: one finding for the same keys everywhere. */
function missingKeys(repositories: readonly DiagnosedRepository[]): Finding[] {
  const missing = new Map<string, { what: string; roles: DiagnosedRole[]; guns: string[] }>();
  for (const { gun, state, roles } of repositories) {
    if (state !== 'ok') continue;
    for (const [what, meant] of [
      ['sign tags', signingRoles(roles)],
      ['replace other keys', roles.filter(({ role }) => role === ROOT)],
    ] as const) {
      if (meant.length === 0 || meant.some(({ canSign }) => canSign)) continue;
      const id = `${what} ${meant.flatMap(({ keys }) => keys.map(key => key.id)).join()}`;
      const known = missing.get(id) ?? { what, roles: [...meant], guns: [] };
      known.guns.push(gun);
      missing.set(id, known);
    }
  }
  return [...missing.values()].map(keyMissing);
}

function signingRoles(roles: readonly DiagnosedRole[]): DiagnosedRole[] {
  const delegations = roles.filter(({ role }) => role.includes('/'));
  return delegations.length > 0 ? delegations : roles.filter(({ role }) => role === TARGETS);
}

function keyMissing({
  what,
  roles,
  guns,
}: {
  what: string;
  roles: readonly DiagnosedRole[];
  guns: readonly string[];
}): Finding {
  const list = roles.map(
    ({ role, keys }) => `${printable(role)} (${keys.map(({ id }) => id.slice(0, 12)).join(', ')})`,
  );
  const [first = ''] = guns;
  const where = guns.length === 1 ? printable(first) : `${guns.length} repositories`;
  const id = roles[0]?.keys[0]?.id.slice(0, 12) ?? 'KEY';
  const elsewhere = roles.some(({ keys }) => keys.some(key => key.elsewhere !== undefined));
  return {
    kind: 'key-missing',
    isHarmless: elsewhere,
    message: `With the keys in this trust directory nobody can ${what} in ${where}: it takes ${list.join(' or ')}`,
    advice: elsewhere ? [] : [`If the key is nowhere else: tabellion recover --lost ${id}`],
  };
}

function wrongServer(gun: string, server: string, other: string): Finding {
  return {
    kind: 'wrong-server',
    isHarmless: true,
    message: `${gun} is not on ${printable(server)}, but the root that this machine knows is on ${printable(other)}: this is the wrong server`,
    advice: [
      `Leave out --server and DOCKER_CONTENT_TRUST_SERVER, or give --server ${printable(other)}`,
    ],
  };
}

/** The server that the known data came from, when that is another and still has it. */
async function otherServerWithKnownRoot(
  session: Session,
  { gun }: RepositoryAccess,
  { knownCertificates, server }: DiagnosedRepository,
): Promise<string | undefined> {
  const noted = await serverOfRecord(session, gun);
  if (noted === undefined || noted === server) return undefined;
  try {
    const bytes = await servedRoot(await session.repositoryByGun(gun, noted));
    const isKnown =
      bytes !== undefined &&
      rootIds(bytes).certificateIds.some(id => knownCertificates.includes(id));
    return isKnown ? noted : undefined;
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return undefined;
  }
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

function keysFoundElsewhere(survey: Survey, elsewhere: ReadonlyMap<string, string>): Finding[] {
  const here = new Set(survey.keys.map(({ id }) => id));
  return [...elsewhere].flatMap(([id, path]): Finding[] => {
    if (here.has(id) || rolesOfKey(survey, id).length === 0) return [];
    return [
      {
        kind: 'key-elsewhere',
        isHarmless: true,
        message: `The key ${id.slice(0, 12)} is not lost: it is in ${printable(path)}`,
        advice: [`tabellion key import ${printable(path)}`],
      },
    ];
  });
}

/** Files whose name is no key ID, or that cannot be used as they are. */
function misnamedKeys({ keys }: Survey): Finding[] {
  return keys.flatMap(({ path, problem, usable, id }): Finding[] => {
    if (usable && /^[0-9a-f]{64}$/.test(id)) return [];
    return [
      {
        kind: 'key-misnamed',
        isHarmless: true,
        message: `${printable(path)} may be the key that is missed: ${problem === undefined ? 'its name is not its ID, so no program finds it' : printable(problem)}`,
        advice: [`tabellion key import ${printable(path)}`],
      },
    ];
  });
}

function shortIds(ids: readonly string[]): string {
  return ids.length === 0 ? 'none' : ids.map(id => id.slice(0, 12)).join(', ');
}
