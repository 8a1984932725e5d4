/**
 * The state machine of a recovery. After every step its record is on the disk; run again, it looks at what may have
 * changed and carries on. Nothing is deleted before a sealed backup was made and opened.
 */

import { printable } from '../../crypto/printable.ts';
import { KeyError, OperationError, TabellionError } from '../../errors.ts';
import { LOCK_TIMES, RepositoryLock } from '../../trust-dir/repository-lock.ts';
import { ROOT } from '../../tuf/role-name.ts';
import { deleteRemote } from '../delete-repository.ts';
import { failureOf } from '../failure.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { changeRepository, type Decide } from './change-repository.ts';
import { checkNeededKeys } from './needed-keys.ts';
import { liftPin, pinAnew } from './pins.ts';
import { placesOf } from './places.ts';
import { type ProviderPath, pathChoice, providerPath } from './provider-path.ts';
import {
  isMadeAnew,
  type RecoveredRepository,
  type RecoveryRecord,
  RecoveryRecords,
  type StepKind,
  type StepRecord,
} from './record.ts';
import { recordRepository, refreshRecord } from './record-repository.ts';
import { setReplacedKeysAside } from './replaced-keys.ts';
import { writeReport } from './report-files.ts';
import { isOldRoot, serverState, signAnew, verifyAnew } from './repository-anew.ts';
import { adoptSuccessor } from './root-successors.ts';
import { setMetadataAside } from './set-aside.ts';
import { writeTickets } from './tickets.ts';

export interface RecoveryHooks {
  /** Told after each write of the record. */
  readonly saved?: (record: RecoveryRecord) => void | Promise<void>;
  /** Asked before the first thing that cannot be undone. False: stop here, to be resumed. */
  readonly approve?: (record: RecoveryRecord) => Promise<boolean>;
  /** After a leak of the root key: lets a person mark what is not to be signed again, once all is recorded. */
  readonly review?: (record: RecoveryRecord) => Promise<void>;
  /** After a leak of a key that is replaced in place: lets a person tick what stays, where no answer has said it. */
  readonly decide?: Decide;
  /** Makes the sealed backup of the whole trust folder, and opens it. Returns its file. */
  readonly seal: (session: Session, record: RecoveryRecord) => Promise<string>;
}

/** Stages in which nothing more is to be done. */
const ENDS: readonly string[] = ['verified', 'done', 'left'];

/**
 * Runs a recovery, new or begun, as far as it goes now: to its end, or to where somebody else has to do something.
 * @throws OperationError `RECOVERY_SERVER_DIFFERS`, `RECOVERY_STOPPED`; KeyError for a key that is needed and cannot
 *   be opened; what the backup throws
 */
export async function runRecovery(
  session: Session,
  record: RecoveryRecord,
  hooks: RecoveryHooks,
): Promise<RecoveryRecord> {
  const lock = new RepositoryLock(
    session.trustDir.own.path('locks'),
    `recovery ${record.id}`,
    LOCK_TIMES,
  );
  return await lock.run(() => new Recovery(session, record, hooks).run());
}

interface StepEnd {
  /** False when it has to wait for somebody, or failed for some repository. */
  readonly isDone: boolean;
  /** For the history. */
  readonly what?: string;
}

class Recovery {
  private readonly session: Session;
  private readonly record: RecoveryRecord;
  private readonly hooks: RecoveryHooks;
  private readonly records: RecoveryRecords;

  constructor(session: Session, record: RecoveryRecord, hooks: RecoveryHooks) {
    this.session = session;
    this.record = record;
    this.hooks = hooks;
    this.records = new RecoveryRecords(session.trustDir.own);
  }

  async run(): Promise<RecoveryRecord> {
    const { record } = this;
    this.checkServers();
    if (record.revision === 0) await this.save('The recovery began.');
    for (const step of record.steps) {
      if (step.status === 'done') continue;
      const { isDone, what } = await this.step(step);
      step.status = isDone ? 'done' : 'waiting';
      step.at = this.time();
      record.state = isDone ? 'running' : 'waiting';
      if (isDone && step === record.steps.at(-1)) record.state = 'done';
      await this.save(what);
      if (!isDone) break;
    }
    if (record.state === 'waiting')
      await writeTickets(record, this.records.folder(record.id), this.session.now);
    return record;
  }

  /** What a step did is saved with it: killed in between, it is done again. */
  private async step({ kind }: StepRecord): Promise<StepEnd> {
    const work: Readonly<Record<StepKind, () => Promise<StepEnd>>> = {
      backup: () => this.backup(),
      record: () => this.recordAll(),
      'new-root': () => this.newRoot(),
      repositories: () => this.repositories(),
      'set-keys-aside': () => this.setKeysAside(),
      report: () => this.report(),
    };
    return await work[kind]();
  }

  private async backup(): Promise<StepEnd> {
    const { record } = this;
    const file = await this.hooks.seal(this.session, record);
    record.backup = { file, verifiedAt: this.time() };
    return {
      isDone: true,
      what: `The whole trust folder was sealed in ${file}, and the seal was opened to check it.`,
    };
  }

  private async recordAll(): Promise<StepEnd> {
    const end = await this.each('recording', async (repository, access) => {
      if (repository.stage !== 'found') return;
      await this.adoptSuccessor(repository, access);
      await recordRepository(this.session, access, repository, this.record.options);
      repository.stage = 'recorded';
      await this.save(`${repository.gun} was verified and written down.`);
    });
    const { reason } = this.record.case;
    if (end.isDone && reason === 'compromised') await this.hooks.review?.(this.record);
    return end;
  }

  /** A root key that is here and was not before is the one that an earlier run has made. */
  private async newRoot(): Promise<StepEnd> {
    const { record, session } = this;
    const keys = await session.keys();
    const made = (await keys.keysOfRole(ROOT)).find(
      ({ id }) => !record.rootKeysBefore.includes(id),
    );
    record.newRootKeyId =
      record.options.rootKeyId ?? made?.id ?? (await keys.generate({ role: ROOT })).id;
    return { isDone: true, what: `The new root key ${record.newRootKeyId} is on this machine.` };
  }

  private async repositories(): Promise<StepEnd> {
    const { record } = this;
    if (record.backup === undefined) {
      throw new OperationError('RECOVERY_NOT_BACKED_UP', 'Nothing is changed without a backup');
    }
    const isFirst = record.repositories.every(({ stage }) =>
      ['found', 'recorded', 'left'].includes(stage),
    );
    if (isFirst) await checkNeededKeys(this.session, record);
    if (isFirst && this.hooks.approve !== undefined && !(await this.hooks.approve(record))) {
      throw new OperationError(
        'RECOVERY_STOPPED',
        'Stopped before anything was changed that cannot be undone',
        {
          hint: `Carry on with: tabellion recover --resume ${record.id}`,
        },
      );
    }
    return await this.each('recovering', async (repository, access) => {
      if (isMadeAnew(record)) await this.makeAnew(repository, access);
      else await this.change(repository, access);
    });
  }

  private async change(repository: RecoveredRepository, access: RepositoryAccess): Promise<void> {
    const { decide } = this.hooks;
    await changeRepository(this.session, access, repository, {
      record: this.record,
      ...(decide === undefined ? {} : { decide }),
    });
    repository.stage = 'done';
    await this.save(`${repository.gun} was changed, and read back.`);
  }

  private async makeAnew(repository: RecoveredRepository, access: RepositoryAccess): Promise<void> {
    const { session, record } = this;
    const rootKeyId = await this.rootKeyOf(repository);
    const advance = async (stage: RecoveredRepository['stage'], what: string): Promise<void> => {
      repository.stage = stage;
      await this.save(`${repository.gun} ${what}`);
    };
    // What the server has may have changed since the last run, in either direction.
    await this.adoptSuccessor(repository, access);
    const state = await serverState(access, repository, rootKeyId);
    if (state === 'old') {
      if (repository.content === undefined) throw notRecorded(repository);
      if (await refreshRecord(session, access, repository, record))
        await this.save(`${repository.gun} had changed, and was written down again.`);
      if (this.path(repository).removal !== 'api') throw stillThere(repository);
      await deleteRemote(access);
      await advance('removed', 'was deleted on the trust server.');
    } else if (repository.stage === 'recorded') {
      await advance('removed', 'is gone from the trust server.');
    }
    if (repository.stage === 'removed') {
      const folder = this.records.folder(record.id);
      await setMetadataAside(session, access, folder, bytes => isOldRoot(bytes, repository));
      if (repository.pinnedAt !== undefined) await liftPin(session, access);
      await advance('set-aside', 'was moved aside on this machine.');
    }
    // As it is without the old root's pin.
    const anew = await session.repositoryByGun(repository.gun, repository.server);
    if (repository.stage === 'set-aside') {
      await signAnew(session, anew, repository, rootKeyId, {
        withoutKeys: record.case.keyId === undefined ? [] : [record.case.keyId],
        withoutSigners: record.options.dropSigners,
      });
      await advance('signed', 'was made anew and signed again.');
    }
    const certificates = await verifyAnew(session, anew, repository, rootKeyId);
    await pinAnew(session, anew, repository, certificates);
    await advance('verified', 'was verified as somebody new sees it.');
  }

  private async adoptSuccessor(
    repository: RecoveredRepository,
    access: RepositoryAccess,
  ): Promise<void> {
    if (this.record.case.reason === 'compromised')
      await adoptSuccessor(this.session, access, repository);
  }

  private async rootKeyOf(repository: RecoveredRepository): Promise<string> {
    if (repository.under === 'affected') return this.record.newRootKeyId ?? '';
    const keys = await this.session.keys();
    for (const id of repository.oldRootKeys) if (await keys.has(id)) return id;
    repository.stage = 'left';
    throw new OperationError(
      'RECOVERY_NOT_OURS',
      `${printable(repository.gun)} is under another root, whose key is not on this machine: its owner has to make it anew`,
      { details: { gun: repository.gun } },
    );
  }

  private path({ domain, server }: RecoveredRepository): ProviderPath {
    const place = placesOf(this.record).find(one => one.domain === domain && one.server === server);
    if (place === undefined) throw new RangeError('a repository is in no place');
    return providerPath(place, pathChoice(this.record.options, this.session.now));
  }

  private async setKeysAside(): Promise<StepEnd> {
    const { record } = this;
    const moved = await setReplacedKeysAside(this.session, record, this.records.folder(record.id));
    record.keysSetAside.push(...moved.filter(id => !record.keysSetAside.includes(id)));
    return moved.length === 0
      ? { isDone: true }
      : { isDone: true, what: `Replaced keys were moved aside: ${moved.join(', ')}.` };
  }

  private async report(): Promise<StepEnd> {
    const { record } = this;
    const what = 'The recovery ended.';
    const at = this.time();
    const ended: RecoveryRecord = {
      ...record,
      state: 'done',
      updatedAt: at,
      history: [...record.history, { at, what }],
    };
    await writeReport(this.session, ended, this.records.folder(record.id));
    return { isDone: true, what };
  }

  /**
   * Does something for each repository that is not at its end. What goes wrong with one is written down and does not
   * stop the others; a key that cannot be opened stops all, since it would fail for each.
   * It is done when all of them succeeded.
   */
  private async each(
    doing: string,
    work: (repository: RecoveredRepository, access: RepositoryAccess) => Promise<void>,
  ): Promise<StepEnd> {
    const { repositories } = this.record;
    for (const [index, repository] of repositories.entries()) {
      if (ENDS.includes(repository.stage)) continue;
      this.session.progress({
        message: `${doing} ${repository.gun}`,
        done: index,
        total: repositories.length,
      });
      delete repository.problem;
      try {
        await work(
          repository,
          await this.session.repositoryByGun(repository.gun, repository.server),
        );
      } catch (error) {
        if (!(error instanceof TabellionError) || error instanceof KeyError) throw error;
        repository.problem = failureOf(error);
      }
    }
    return {
      isDone: repositories.every(({ problem, stage }) => problem === undefined || stage === 'left'),
    };
  }

  /** Each repository's server was settled when it began: carrying on with another would mix two of them up. */
  private checkServers(): void {
    if (this.session.options.server === undefined) return;
    for (const { domain, server } of this.record.repositories) {
      const present = this.session.serverOf(domain);
      if (present === server) continue;
      throw new OperationError(
        'RECOVERY_SERVER_DIFFERS',
        `This recovery began with the trust server ${printable(server)} for ${printable(domain)}, and now it would be ${printable(present)}`,
        {
          hint: `Carry on with: --server ${printable(server)}`,
          details: { domain, server, present },
        },
      );
    }
  }

  private time(): string {
    return this.session.options.now().toISOString();
  }

  private async save(what?: string): Promise<void> {
    const { record } = this;
    const at = this.time();
    if (what !== undefined) {
      record.history.push({ at, what });
      this.session.log(what);
    }
    record.revision += 1;
    record.updatedAt = at;
    await this.records.write(record);
    await this.hooks.saved?.(record);
  }
}

function notRecorded({ gun }: RecoveredRepository): OperationError {
  return new OperationError(
    'RECOVERY_NOT_RECORDED',
    `The content of ${printable(gun)} was not recorded: nothing is deleted without it`,
  );
}

/** Not a failure: the provider has not done its part yet. */
function stillThere({ gun, server }: RecoveredRepository): OperationError {
  return new OperationError(
    'RECOVERY_WAITING',
    `The trust server still has the old root of ${printable(gun)}`,
    {
      hint: 'Resume the recovery when whoever runs the registry has deleted its trust data.',
      details: { gun, server },
    },
  );
}
