/** One run of `key rotate`: asks what must be asked, has the work done, and offers the old keys for removal. */
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import type { CreatedKey } from '../operations/initialise-repository.ts';
import type { CompromiseRequest } from '../operations/rotation/compromise.ts';
import { hasFailed } from '../operations/rotation/failed-rotation.ts';
import {
  type KeyArchive,
  type OldKeyFate,
  type RetiredKeys,
  replacedKeysHere,
  retireKeys,
} from '../operations/rotation/retire-keys.ts';
import { type RepositoryReview, reviewRepository } from '../operations/rotation/review.ts';
import {
  type KeyRotation,
  type RotateKeyRequest,
  rotateKey,
} from '../operations/rotation/rotate.ts';
import { type AllUsingReport, rotateAllUsing } from '../operations/rotation/rotate-all-using.ts';
import {
  type RotationReport,
  rotateSeveral,
  rotationReport,
} from '../operations/rotation/rotate-several.ts';
import type { Session } from '../operations/session.ts';
import { ROOT, TIMESTAMP } from '../tuf/role-name.ts';
import { newBackupPassphrase } from './backup-secret.ts';
import type { CommandContext } from './context.ts';
import { keyName } from './key-names.ts';
import type { Prompts } from './prompts.ts';
import { reviewLines } from './reports/review-report.ts';
import { type FinishedRotation, rotateLines } from './reports/rotate-report.ts';
import {
  compromiseRequest,
  isReviewable,
  type RotationOptions,
  readKeys,
} from './rotation-request.ts';
import { askReview, askSince, askWhether } from './rotation-review.ts';

type Wanted = Omit<RotateKeyRequest, 'role' | 'dryRun'>;

export class Rotations {
  private readonly context: CommandContext;
  private readonly session: Session;
  private readonly options: RotationOptions;
  private readonly role: string;
  /** Told of each key that is made for a single repository. */
  private readonly created: CreatedKey[];
  /** Because of a theft; it may be known only when the person was asked. */
  private isTheft: boolean;
  private trustedSince: Date | undefined;
  private archived: KeyArchive | undefined;
  /** Of a dry run: everything that the repositories hold. */
  private readonly reviews: RepositoryReview[] = [];

  constructor(
    context: CommandContext,
    session: Session,
    options: RotationOptions,
    role: string,
    created: CreatedKey[],
  ) {
    this.context = context;
    this.session = session;
    this.options = options;
    this.role = role;
    this.created = created;
    this.isTheft = options.compromised === true;
    this.trustedSince = options.trustedSince;
  }

  /** @param repositories GUNs; with `--all-using` none */
  async run(repositories: readonly string[]): Promise<FinishedRotation> {
    await this.askWhy();
    if (this.options.oldKey === 'archive' && this.options.dryRun !== true) await this.archive();
    const report = await this.rotate(repositories);
    const { reviews } = this;
    const retired = await this.retire(report);
    return { ...report, ...retired, ...(reviews.length === 0 ? {} : { reviews }) };
  }

  private get asks(): boolean {
    const { yes = false, dryRun = false } = this.options;
    return this.context.prompts !== undefined && !yes && !dryRun;
  }

  private async askWhy(): Promise<void> {
    const { prompts, host } = this.context;
    if (!this.asks || prompts === undefined || !isReviewable(this.role)) return;
    if (!this.isTheft) this.isTheft = await askWhether(prompts, this.role);
    if (this.isTheft && this.trustedSince === undefined)
      this.trustedSince = await askSince(prompts, host.now());
  }

  private async rotate(repositories: readonly string[]): Promise<RotationReport | AllUsingReport> {
    const { session, role, options } = this;
    const { dryRun = false, allUsing } = options;
    const isAlone = allUsing === undefined && repositories.length === 1;
    if (this.asks && !this.isTheft) {
      const plan = await this.perform(repositories, true, gun => this.wanted(gun, isAlone));
      await this.confirm(plan);
      return await this.perform(repositories, false, gun => this.wanted(gun, isAlone));
    }
    return await this.perform(repositories, dryRun, async gun => {
      const wanted = await this.wanted(gun, isAlone);
      if (this.asks) {
        const rotation = await rotateKey(session, gun, { ...wanted, role, dryRun: true });
        await this.confirm(rotationReport(role, true, [rotation]));
      }
      return wanted;
    });
  }

  private async perform(
    repositories: readonly string[],
    dryRun: boolean,
    request: (gun: string) => Promise<Wanted>,
  ): Promise<RotationReport | AllUsingReport> {
    const { session, role } = this;
    const { allUsing: key } = this.options;
    if (key === undefined)
      return await rotateSeveral(session, { role, dryRun, repositories, request });
    return await rotateAllUsing(session, {
      ...{ key, role, dryRun, request },
      onFound: ({ repositories: found, doneBefore }) => {
        const before = doneBefore.length === 0 ? '' : ` (${doneBefore.length} done before)`;
        this.context.display.note(
          `${found.length} ${found.length === 1 ? 'repository uses' : 'repositories use'} the key${before}`,
        );
      },
    });
  }

  /** What to do in one repository; of a stolen key with the review, for which the person may be asked. */
  private async wanted(gun: string, isAlone: boolean): Promise<Wanted> {
    const { options, role, created } = this;
    const wanted: Wanted = {
      serverManaged: options.serverManaged === true || role === TIMESTAMP,
      ...readKeys(options.key ?? []),
      pins: options.updatePins === true ? 'update' : 'check',
      ...(isAlone ? { created } : {}),
    };
    if (!this.isTheft) return wanted;
    return { ...wanted, compromise: await this.compromise(gun, isAlone) };
  }

  private async compromise(gun: string, isAlone: boolean): Promise<CompromiseRequest> {
    const { context, session, options, trustedSince } = this;
    const request = {
      ...compromiseRequest(options, !isAlone),
      ...(trustedSince === undefined ? {} : { trustedSince }),
    };
    const isShown = this.asks || options.dryRun === true;
    if (!isReviewable(this.role) || !isShown) return request;
    const review = await reviewRepository(session, gun, {
      registry: options.registry !== false,
      ...(trustedSince === undefined ? {} : { trustedSince }),
    });
    if (this.asks && context.prompts !== undefined)
      return await askReview(context, context.prompts, review, request);
    this.reviews.push(review);
    const style = { paint: context.display.errorPaint, now: context.host.now() };
    context.display.note(...reviewLines(review, style), '');
    return request;
  }

  private async confirm(plan: RotationReport): Promise<void> {
    const { display, prompts } = this.context;
    display.error(...rotateLines({ ...plan, removedKeys: [], warnings: [] }, display.errorPaint));
    for (const rotation of plan.repositories)
      for (const warning of hasFailed(rotation) ? [] : rotation.warnings) display.warn(warning);
    const [first] = plan.repositories;
    const where =
      plan.repositories.length === 1 && first !== undefined
        ? printable(first.repository)
        : `${plan.repositories.length} repositories`;
    if (await prompts?.confirm(`Replace the ${keyName(this.role)} of ${where}?`)) return;
    throw new OperationError('DECLINED', 'Nothing was changed');
  }

  /** Only now that all is published and verified may the old keys go. */
  private async retire(report: RotationReport): Promise<RetiredKeys> {
    const { prompts } = this.context;
    if (report.dryRun) return { removedKeys: [], warnings: [] };
    const done = report.repositories.filter(
      (rotation): rotation is KeyRotation => !hasFailed(rotation),
    );
    let fate = this.options.oldKey;
    const here = await replacedKeysHere(this.session, done);
    if (fate === undefined && this.asks && prompts !== undefined && here.length > 0)
      fate = await this.askFate(prompts, here);
    const archive = fate === 'archive' ? await this.archive() : undefined;
    return await retireKeys(this.session, done, fate ?? 'keep', archive);
  }

  private async askFate(
    prompts: Prompts,
    keys: readonly { readonly id: string; readonly role: string }[],
  ): Promise<OldKeyFate> {
    const isOne = new Set(keys.map(({ id }) => id)).size === 1;
    const mayGo = keys.some(({ role }) => role !== ROOT);
    return await prompts.choose<OldKeyFate>(
      `What becomes of the old private key${isOne ? '' : 's'}?`,
      [
        { value: 'keep', name: `keep ${isOne ? 'it where it is' : 'them where they are'}` },
        { value: 'archive', name: `seal in ${printable(this.archiveFile)}, and remove here` },
        ...(mayGo ? [{ value: 'remove' as const, name: 'remove; that cannot be taken back' }] : []),
      ],
    );
  }

  private get archiveFile(): string {
    const { host } = this.context;
    const day = host
      .now()
      .toISOString()
      .replaceAll(/[-:]|\.\d+/g, '');
    return this.options.archive ?? join(host.home, `replaced-keys-${day}.backup`);
  }

  /** Its passphrase is asked for before anything is rotated, where that can be. */
  private async archive(): Promise<KeyArchive> {
    this.archived ??= {
      file: this.archiveFile,
      passphrase: await newBackupPassphrase(this.context),
    };
    return this.archived;
  }
}
