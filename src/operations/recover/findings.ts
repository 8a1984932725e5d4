/** What a diagnosis found, in sentences, each with what to do about it. */
import { printable } from '../../crypto/printable.ts';
import { TabellionError } from '../../errors.ts';
import type { BackupNote } from '../../trust-dir/backup-record.ts';
import { ROOT, TARGETS } from '../../tuf/role-name.ts';
import { serverOfRecord } from '../history.ts';
import { servedRoot } from '../served-root.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import type { DiagnosedRepository, DiagnosedRole } from './diagnose.ts';
import { rootIds } from './root-keys.ts';
import { rolesOfKey, type Survey } from './survey.ts';

export interface Finding {
  readonly kind:
    | 'empty'
    | 'clock'
    | 'wrong-server'
    | 'key-elsewhere'
    | 'key-in-backup'
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

/** What there is to say of one repository. */
export async function findingsOf(
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
export function missingKeys(repositories: readonly DiagnosedRepository[]): Finding[] {
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

/** Keys that are missed here and lie in another folder, by key ID. */
export function keysFoundElsewhere(
  survey: Survey,
  elsewhere: ReadonlyMap<string, string>,
): Finding[] {
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

/** Keys that some repository trusts, that are not here, and that a backup on record holds: they are not lost. */
export function keysInBackups(survey: Survey, backups: ReadonlyMap<string, BackupNote>): Finding[] {
  const here = new Set(survey.keys.map(({ id }) => id));
  return [...backups].flatMap(([id, { file, createdAt }]): Finding[] => {
    if (here.has(id) || rolesOfKey(survey, id).length === 0) return [];
    return [
      {
        kind: 'key-in-backup',
        isHarmless: true,
        message: `The key ${id.slice(0, 12)} is not lost: the backup ${printable(file)} of ${createdAt.slice(0, 10)} holds it`,
        advice: [`tabellion backup restore --only ${id.slice(0, 12)} ${printable(file)}`],
      },
    ];
  });
}

/** Files whose name is no key ID, or that cannot be used as they are. */
export function misnamedKeys({ keys }: Survey): Finding[] {
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

/** A folder without anything is mostly the wrong one, or one that was deleted. */
export function emptyFolder({ keys, repositories }: Survey, trustDir: string): Finding[] {
  if (repositories.length > 0) return [];
  const has = keys.length === 0 ? 'no keys and no repositories' : 'keys, but no repositories';
  return [
    {
      kind: 'empty',
      isHarmless: false,
      message: `The trust directory ${printable(trustDir)} holds ${has}`,
      advice: [
        'If it is the wrong one: --trust-dir DIR. If it was deleted: tabellion backup restore FILE.',
        'Name the images to look for them on the server: tabellion recover IMAGE',
      ],
    },
  ];
}

function shortIds(ids: readonly string[]): string {
  return ids.length === 0 ? 'none' : ids.map(id => id.slice(0, 12)).join(', ');
}
