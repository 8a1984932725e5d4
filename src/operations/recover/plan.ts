/** The plan of a recovery: numbered steps, each of which changes nothing, can be undone, or says that it cannot. */
import { printable } from '../../crypto/printable.ts';
import { OperationError, UsageError } from '../../errors.ts';
import { providerOf } from '../../registry/providers.ts';
import { ROOT } from '../../tuf/role-name.ts';
import type { Session } from '../session.ts';
import { checkSomethingKnown } from './known-content.ts';
import { placesOf } from './places.ts';
import { pathChoice, providerById, providerPath, ticketText } from './provider-path.ts';
import type {
  RecoveredRepository,
  RecoveryCase,
  RecoveryOptions,
  RecoveryPath,
  RecoveryRecord,
  StepKind,
} from './record.ts';
import { isMadeAnew, newRecord, RecoveryRecords } from './record.ts';
import { canReplaceRoot, checkOneSignsAlone } from './replace-root.ts';
import { backupFile } from './seal-backup.ts';
import { keysOfRole, knownAccess, rolesOfKey, type Survey } from './survey.ts';

export interface PlanStep {
  readonly number: number;
  readonly title: string;
  readonly details: readonly string[];
  /** What it does to what is there. */
  readonly effect: 'nothing' | 'reversible' | 'irreversible';
  /** Who does it. */
  readonly by: 'tabellion' | 'you';
  /** What the person runs. */
  readonly commands: readonly string[];
  /** Text for whoever runs the registry. */
  readonly ticket?: string;
}

export interface RecoveryPlan {
  readonly case: RecoveryCase;
  readonly options: RecoveryOptions;
  readonly repositories: readonly RecoveredRepository[];
  readonly steps: readonly PlanStep[];
  readonly warnings: readonly string[];
}

export interface PlanRequest extends RecoveryOptions {
  readonly case: RecoveryCase;
  /** GUNs it is about; all of the key's when empty. */
  readonly guns: readonly string[];
  /** GUNs that are left alone. */
  readonly skip: readonly string[];
}

/**
 * Makes the plan. Nothing is changed.
 * @throws UsageError `RECOVERY_NOTHING_AFFECTED`, `RECOVERY_NOTHING_KNOWN`, `RECOVERY_PATH_IMPOSSIBLE`,
 *   `RECOVERY_BY_CEREMONY`; OperationError `RECOVERY_IN_PROGRESS` (details: `id`)
 */
export async function planRecovery(
  session: Session,
  survey: Survey,
  request: PlanRequest,
): Promise<RecoveryPlan> {
  const { case: what, guns, skip, ...given } = request;
  const path = settledPath(survey, request);
  const options = { ...given, ...(path === undefined ? {} : { path }) };
  const repositories = await affected(session, survey, { ...request, ...options });
  if (repositories.every(({ under }) => under !== 'affected')) {
    throw new UsageError(
      'RECOVERY_NOTHING_AFFECTED',
      'No repository that is known here is affected',
      {
        hint: 'Name the images, or use the trust directory that has them (--trust-dir).',
      },
    );
  }
  if (path === 'rotate')
    checkOneSignsAlone(
      survey,
      repositories.map(({ gun }) => gun),
    );
  if (what.reason === 'compromised') await checkSomethingKnown(session, options, repositories);
  const plan = { case: what, options, repositories };
  return {
    ...plan,
    steps: numbered(isMadeAnew(plan) ? anewSteps(session, plan) : changeSteps(session, plan)),
    warnings: warningsFor(survey, plan),
  };
}

/** A leaked root key that is here is replaced in place, unless the person wants it otherwise. */
function settledPath(survey: Survey, { case: what, path }: PlanRequest): RecoveryPath | undefined {
  const canRotate = canReplaceRoot(survey, what);
  if (path !== 'rotate' || canRotate) return path ?? (canRotate ? 'rotate' : undefined);
  throw new UsageError(
    'RECOVERY_PATH_IMPOSSIBLE',
    'Only a root key that leaked and is on this machine can be replaced by itself (--path rotate)',
    {
      hint: 'Import it first (tabellion key import), or leave --path out: then the repositories are made anew.',
    },
  );
}

/** What the record of a recovery begins with. @throws OperationError `RECOVERY_IN_PROGRESS` */
export async function recordOfPlan(session: Session, plan: RecoveryPlan): Promise<RecoveryRecord> {
  const records = new RecoveryRecords(session.trustDir.own);
  const now = session.options.now();
  await checkNoneInProgress(records, plan);
  const kinds: readonly StepKind[] = [
    'backup',
    ...(isMadeAnew(plan) ? (['record'] as const) : []),
    ...(plan.case.kind === ROOT ? (['new-root'] as const) : []),
    ...(['repositories', 'set-keys-aside', 'report'] as const),
  ];
  return newRecord(await records.newId(now, plan.case), now, {
    case: plan.case,
    options: plan.options,
    repositories: structuredClone([...plan.repositories]),
    rootKeysBefore: (await (await session.keys()).keysOfRole(ROOT)).map(({ id }) => id),
    steps: kinds,
  });
}

/** Two recoveries of one repository would undo each other's work. */
async function checkNoneInProgress(records: RecoveryRecords, plan: RecoveryPlan): Promise<void> {
  const guns = new Set(plan.repositories.map(({ gun }) => gun));
  for (const record of await records.list()) {
    if (record.state === 'done') continue;
    // A root that somebody else has replaced cannot be rotated: what was begun so is no obstacle to making it anew.
    if (record.options.path === 'rotate' && isMadeAnew(plan)) continue;
    const common = record.repositories.find(({ gun }) => guns.has(gun));
    if (common === undefined) continue;
    throw new OperationError(
      'RECOVERY_IN_PROGRESS',
      `The recovery ${record.id}, which is about ${printable(common.gun)} too, has not ended`,
      {
        hint: `Carry on with it: tabellion recover --resume ${record.id}`,
        details: { id: record.id },
      },
    );
  }
}

async function affected(
  session: Session,
  survey: Survey,
  { case: what, guns, skip, provider, path }: PlanRequest,
): Promise<RecoveredRepository[]> {
  const { keyId } = what;
  const own = new Set(keyId === undefined ? guns : rolesOfKey(survey, keyId).map(({ gun }) => gun));
  const isMeant = (gun: string): boolean =>
    own.has(gun) && !skip.includes(gun) && (guns.length === 0 || guns.includes(gun));
  const described: RecoveredRepository[] = [];
  for (const repository of survey.repositories) {
    const { domain, server } = await knownAccess(session, repository.gun);
    described.push({
      gun: repository.gun,
      domain,
      server,
      provider: provider ?? providerOf(domain).id,
      under: isMeant(repository.gun) ? 'affected' : 'collateral',
      oldRootKeys: [...keysOfRole(repository, ROOT)],
      oldRootCertificates: [...repository.rootCertificates],
      stage: 'found',
    });
  }
  const meant = described.filter(({ under }) => under === 'affected');
  if (what.kind !== 'root' || path === 'rotate') return meant;
  return [
    ...meant,
    ...described.filter(
      one =>
        one.under === 'collateral' &&
        !skip.includes(one.gun) &&
        meant.some(
          ({ domain, server, provider: id }) =>
            id === 'azure' && domain === one.domain && server === one.server,
        ),
    ),
  ];
}

type Planned = Pick<RecoveryPlan, 'case' | 'options' | 'repositories'>;
type Step = Omit<PlanStep, 'number'>;

function numbered(steps: readonly Step[]): PlanStep[] {
  return steps.map((step, index) => ({ number: index + 1, ...step }));
}

const step = (
  title: string,
  effect: PlanStep['effect'],
  details: readonly string[] = [],
  more: Partial<Step> = {},
): Step => ({ title, details, effect, by: 'tabellion', commands: [], ...more });

function backupStep(session: Session, { options }: Planned): Step {
  const file = backupFile(session, '<recovery>', options.backupFile);
  return step('Seal a backup of the whole trust folder, and open it to check it', 'nothing', [
    `It goes to ${printable(file)}. Nothing is changed or deleted before it was opened again.`,
  ]);
}

function anewSteps(session: Session, plan: Planned): Step[] {
  const { repositories, options, case: what } = plan;
  const count = countOf(repositories.length);
  const choice = pathChoice(options, session.now);
  const removal = placesOf(plan).map(place => {
    const path = providerPath(place, choice);
    const ticket = ticketText(path, place.repositories);
    return step(
      `${path.removal === 'api' ? 'Delete the old trust data' : 'Have the old trust data deleted'} at ${providerById(place.provider).name} (${printable(place.domain)})`,
      'irreversible',
      path.explanation,
      {
        by: path.removal === 'api' ? 'tabellion' : 'you',
        commands: path.commands,
        ...(ticket === undefined ? {} : { ticket }),
      },
    );
  });
  return [
    backupStep(session, plan),
    step(
      `Verify ${count} and write down every signed tag: digest, size, signers, custom data`,
      'nothing',
      options.checkRegistry
        ? [
            'The registry is asked whether it still has each image; one that is gone is not signed again.',
          ]
        : ['The registry is not asked (--no-registry): what was signed is signed again.'],
    ),
    newRootStep(plan),
    ...removal,
    step('Move the old metadata on this machine aside', 'reversible', [
      `Only that of ${count}: it stays in the recovery’s folder. Keys and repositories of other roots and other servers are not touched.`,
    ]),
    step('Make the repositories anew and sign all recorded tags again', 'irreversible', [
      'One publish for each repository. Signers come back with the keys they had.',
      ...(what.reason === 'compromised'
        ? [
            'Whoever had the root key could sign anything: look at the list of tags, and leave out what you do not know (--drop IMAGE:TAG, --drop-signer NAME).',
          ]
        : []),
    ]),
    step('Verify each repository as somebody new sees it', 'nothing'),
    step('Move replaced keys aside', 'reversible', [
      'The old root key, if it is here, and repository keys that nothing needs any more.',
    ]),
    step('Write the report: new thumbprints, and what your consumers must do', 'nothing'),
  ];
}

function newRootStep({ options: { rootKeyId } }: Planned): Step {
  if (rootKeyId !== undefined)
    return step(`Use the root key ${rootKeyId.slice(0, 12)}, which is here`, 'nothing');
  return step('Make a new root key on this machine', 'reversible', [
    'It asks for a new passphrase. Nothing is deleted before the key is on the disk.',
  ]);
}

const NEEDS_ROOT = [
  'It needs the root key. If that is offline: tabellion key rotate IMAGE --offline-root FILE.',
];
/** What a change needs and what it cannot do, where that is not simply the root key. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  delegation: ['It needs the repository key.'],
  expired: [],
  root: [
    'The old root key signs the new root, so nothing has to be deleted, and whoever reads the repository next follows.',
    'Whoever has the old key could do the same. If he was first, yours is refused, and the repositories must be made anew: --path anew.',
    'Nor does it take back what he can show to somebody who has not seen your new root yet: he can sign another successor of the old one. Publish the new thumbprints. If you must be sure of every consumer at once, make them anew (--path anew), and have everybody move the old copy aside.',
  ],
};

function changeSteps(session: Session, plan: Planned): Step[] {
  const { case: what, repositories } = plan;
  const count = countOf(repositories.length);
  const signers = (what.signers ?? []).map(name => printable(name)).join(', ');
  const titles: Readonly<Record<string, string>> = {
    root: `Replace the root key of ${count}, and every key that whoever had it could have had too; sign again only what you keep`,
    targets: `Give ${count} a new repository key, and sign again what is signed with the old one`,
    snapshot: `Let the trust server make a new snapshot key for ${count}`,
    timestamp: `Let the trust server make a new timestamp key for ${count}`,
    delegation: `Take the old key of ${signers} out of ${count}, put a new one in, and sign its tags again`,
    expired: `Sign again what has expired, or soon will, in ${count}`,
  };
  return [
    backupStep(session, plan),
    ...(what.kind === ROOT ? [newRootStep(plan)] : []),
    step(titles[what.kind] ?? '', 'irreversible', [
      'One publish for each repository. Consumers follow by themselves: they do not have to do anything.',
      ...(NEEDS[what.kind] ?? NEEDS_ROOT),
      'The old private key stays until the server has accepted the change and it was read back.',
    ]),
    ...(what.reason === 'compromised' ? [step('Move the leaked key aside', 'reversible')] : []),
    step(
      what.kind === ROOT
        ? 'Write the report: new thumbprints, and what your consumers can check'
        : 'Write the report',
      'nothing',
    ),
  ];
}

function warningsFor({ keys, gaps }: Survey, plan: Planned): string[] {
  const { case: what, repositories } = plan;
  const isHere = keys.some(({ id, usable }) => usable && id === what.keyId);
  return [
    ...(what.kind === 'root' && what.reason === 'lost' && isHere
      ? [
          'The root key is on this machine. If only its passphrase is lost, try first: tabellion recover --lost-passphrase root',
        ]
      : []),
    ...(isMadeAnew(plan) && what.reason === 'compromised' && isHere
      ? [
          'The root key is still here: “tabellion key rotate IMAGE root” shuts a thief out of the server at once, and consumers follow. Do it now if this recovery has to wait for somebody.',
        ]
      : []),
    ...(repositories.some(({ under }) => under === 'collateral')
      ? ['Repositories under other roots are deleted too: see the step of the provider.']
      : []),
    ...gaps,
  ];
}

function countOf(count: number): string {
  return count === 1 ? 'the repository' : `the ${count} repositories`;
}
