/**
 * Practising: a disaster is played in a temporary folder, on the embedded trust server, with the names, tags and digests
 * of the person's own repositories and throw-away keys. The real folder is only read, no other server is asked.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { NOTARY_ENCRYPTION } from '../../crypto/encrypted-private-key.ts';
import { publicKeyToJson } from '../../crypto/public-key.ts';
import { startTrustServer } from '../../embedded-server/start.ts';
import { OperationError } from '../../errors.ts';
import { ROUNDS_VARIABLE } from '../../keys/key-strength.ts';
import type { ProviderId } from '../../registry/providers.ts';
import { ROOT, signerName, TARGETS } from '../../tuf/role-name.ts';
import { loadRepositories } from '../inventory/loaded-repositories.ts';
import { readAfresh } from '../rotation/fresh-client.ts';
import { inSandboxFolder } from '../sandbox-folder.ts';
import { openSession, type Session, type SessionOptions } from '../session.ts';
import { planRecovery, type RecoveryPlan, recordOfPlan } from './plan.ts';
import type { LossReason, RecoveredRepository, RecoveryRecord } from './record.ts';
import {
  type RecordedContent,
  recordContent,
  recordedTags,
  visibleTags,
} from './recorded-content.ts';
import { runRecovery } from './recovery.ts';
import { signAnew } from './repository-anew.ts';
import { sealBackup } from './seal-backup.ts';
import { survey } from './survey.ts';
import { caseOfKey } from './which-key.ts';

export type DrillCase = 'root' | 'root-compromised' | 'targets' | 'delegation' | 'snapshot';
export const DRILL_CASES: readonly DrillCase[] = [
  'root',
  'root-compromised',
  'targets',
  'delegation',
  'snapshot',
];

export interface DrillRequest {
  readonly case: DrillCase;
  readonly provider?: ProviderId;
  readonly narrate: (event: DrillEvent) => void;
}

export type DrillEvent =
  | {
      readonly event: 'copied';
      readonly repositories: number;
      readonly tags: number;
      readonly isSample: boolean;
    }
  | { readonly event: 'disaster'; readonly what: string }
  | { readonly event: 'plan'; readonly plan: RecoveryPlan }
  /** In the drill, what the provider's people do is played too. */
  | { readonly event: 'provider'; readonly what: string }
  | { readonly event: 'step'; readonly what: string }
  | { readonly event: 'done'; readonly tags: number };

/** More would take long and teach nothing. */
const MOST_REPOSITORIES = 12;

interface Copied {
  readonly gun: string;
  readonly content: RecordedContent;
}

/**
 * Plays a disaster and the recovery from it.
 * @throws OperationError `DRILL_FAILED` when not everything came back
 */
export async function drill(session: Session, request: DrillRequest): Promise<RecoveryRecord> {
  const own = await inventoryOf(session);
  const isSample = own.length === 0;
  const copied = isSample ? SAMPLE : own;
  const { narrate } = request;
  narrate({
    event: 'copied',
    repositories: copied.length,
    tags: copied.reduce((sum, { content }) => sum + recordedTags(content).length, 0),
    isSample,
  });
  return await inSandboxFolder('tabellion-drill-', async folder => {
    const { now } = session.options;
    const server = await startTrustServer({ directory: join(folder, 'server'), port: 0, now });
    try {
      const sandbox = await openSession(sandboxOptions(session, folder, server));
      try {
        return await play(sandbox, copied, request);
      } finally {
        await sandbox.close();
      }
    } finally {
      await server.close();
    }
  });
}

/** Nothing of the person's environment: no login, no proxy, no passphrase. */
function sandboxOptions(
  session: Session,
  folder: string,
  server: { readonly url: string; readonly caFile?: string },
): SessionOptions {
  const passphrase = randomBytes(18).toString('base64url');
  const { now, log, progress } = session.options;
  return {
    env: {
      DOCKER_CONFIG: join(folder, 'docker'),
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: passphrase,
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: passphrase,
      // The keys go with the folder.
      [ROUNDS_VARIABLE]: String(NOTARY_ENCRYPTION.iterations),
    },
    home: folder,
    server: server.url,
    ...(server.caFile === undefined ? {} : { tlsCa: server.caFile }),
    now,
    log,
    progress,
  };
}

async function inventoryOf(session: Session): Promise<Copied[]> {
  const copied: Copied[] = [];
  for (const { repository, trusted, checkedAt } of await loadRepositories(session)) {
    if (trusted === undefined || !trusted.targets.has(TARGETS)) continue;
    const origin = { from: 'cache', checkedAt: checkedAt ?? '' } as const;
    copied.push({ gun: repository, content: recordContent(trusted, origin) });
    if (copied.length === MOST_REPOSITORIES) break;
  }
  return copied;
}

const SAMPLE: readonly Copied[] = ['app', 'db', 'web'].map((name, index) => ({
  gun: `registry.example/sample/${name}`,
  content: {
    from: 'cache',
    checkedAt: '',
    versions: {},
    roles: [
      {
        role: TARGETS,
        keys: [],
        threshold: 1,
        paths: [''],
        targets: ['1.0', 'latest'].map(tag => ({
          name: tag,
          target: {
            length: 1000 + index,
            hashes: { sha256: Buffer.alloc(32, index + 1).toString('base64') },
          },
        })),
      },
    ],
  },
}));

async function play(
  session: Session,
  copied: readonly Copied[],
  { case: what, provider, narrate }: DrillRequest,
): Promise<RecoveryRecord> {
  const rootKeyId = await build(session, copied);
  const before = await tagsOf(session, copied);
  const reason: LossReason = what === 'root-compromised' ? 'compromised' : 'lost';
  const keyId = await strike(session, copied, what, rootKeyId, narrate);
  const found = await survey(session, { asked: [], online: true });
  const plan = await planRecovery(session, found, {
    case: caseOfKey(found, keyId, reason),
    guns: [],
    skip: [],
    checkRegistry: false,
    drop: [],
    dropSigners: [],
    // Whoever names the provider wants to practise the provider's path.
    ...(provider === undefined
      ? {}
      : { provider, ...(reason === 'lost' ? {} : { path: 'anew' as const }) }),
    ...(reason === 'compromised' ? { keep: 'all' as const } : {}),
  });
  narrate({ event: 'plan', plan });
  const passphrase = randomBytes(18).toString('base64url');
  let shown = 0;
  const hooks = {
    seal: (sandbox: Session, record: RecoveryRecord) => sealBackup(sandbox, record, passphrase),
    saved: ({ history }: RecoveryRecord) => {
      for (const { what: line } of history.slice(shown)) narrate({ event: 'step', what: line });
      shown = history.length;
    },
  };
  let record = await runRecovery(session, await recordOfPlan(session, plan), hooks);
  if (record.state === 'waiting') {
    narrate({
      event: 'provider',
      what: 'Here the recovery waits, for days perhaps. In this drill, the provider deletes the trust data now.',
    });
    for (const { gun } of record.repositories)
      await (await session.repositoryByGun(gun)).remote.deleteRepository();
    record = await runRecovery(session, record, hooks);
  }
  const after = await tagsOf(session, copied);
  if (record.state !== 'done' || after.join('\n') !== before.join('\n')) {
    throw new OperationError(
      'DRILL_FAILED',
      'The drill did not end as it must: not every tag came back',
    );
  }
  narrate({ event: 'done', tags: after.length });
  return record;
}

/** Makes the copied repositories in the sandbox, with keys of its own. */
async function build(session: Session, copied: readonly Copied[]): Promise<string> {
  const keys = await session.keys();
  const root = await keys.generate({ role: ROOT });
  const signers = new Map<string, Awaited<ReturnType<typeof keys.generate>>>();
  for (const { gun, content } of copied) {
    const roles: RecordedContent['roles'][number][] = [];
    for (const role of content.roles) {
      if (role.role === TARGETS) {
        roles.push(role);
        continue;
      }
      const name = signerName(role.role);
      const key = signers.get(name) ?? (await keys.generate({ role: name }));
      signers.set(name, key);
      roles.push({ ...role, threshold: 1, keys: [publicKeyToJson(key.publicKey)] });
    }
    const access = await session.repositoryByGun(gun);
    const repository: RecoveredRepository = {
      gun,
      domain: access.domain,
      server: access.server,
      provider: 'self-hosted',
      under: 'affected',
      oldRootKeys: [],
      oldRootCertificates: [],
      stage: 'set-aside',
      content: { ...content, roles },
    };
    session.progress({ message: `copying ${gun} into the sandbox` });
    await signAnew(session, access, repository, root.id, { withoutKeys: [], withoutSigners: [] });
  }
  return root.id;
}

/** The disaster. @returns the key that it is about */
async function strike(
  session: Session,
  copied: readonly Copied[],
  what: DrillCase,
  rootKeyId: string,
  narrate: DrillRequest['narrate'],
): Promise<string> {
  const keys = await session.keys();
  if (what === 'root') {
    await keys.remove(rootKeyId);
    narrate({
      event: 'disaster',
      what: 'The file of the root key is gone, and nobody has a copy.',
    });
    return rootKeyId;
  }
  if (what === 'root-compromised') {
    narrate({ event: 'disaster', what: 'Somebody has copied the root key.' });
    return rootKeyId;
  }
  const [first] = copied;
  const { root, targets } = await readAfresh(
    session,
    await session.repositoryByGun(first?.gun ?? ''),
    undefined,
  );
  if (what === 'snapshot') {
    narrate({ event: 'disaster', what: 'The trust server may have lost its snapshot key.' });
    return root.metadata.roles.get('snapshot')?.keyIds?.[0] ?? '';
  }
  const [delegated] = targets.get(TARGETS)?.metadata.delegations.keys.keys() ?? [];
  if (what === 'delegation' && delegated !== undefined) {
    await keys.remove(delegated);
    narrate({ event: 'disaster', what: 'The file of a signer’s key is gone.' });
    return delegated;
  }
  const id = root.metadata.roles.get(TARGETS)?.keyIds?.[0] ?? '';
  await keys.remove(id);
  narrate({ event: 'disaster', what: 'The file of a repository key is gone.' });
  return id;
}

async function tagsOf(session: Session, copied: readonly Copied[]): Promise<string[]> {
  const tags: string[] = [];
  for (const { gun } of copied) {
    const trusted = await readAfresh(session, await session.repositoryByGun(gun), undefined);
    tags.push(...visibleTags(trusted).map(({ tag, sha256 }) => `${gun}:${tag} ${sha256}`));
  }
  return tags.sort();
}
