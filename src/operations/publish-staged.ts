/** Publishing what is staged: all of it or nothing, and nothing that was staged meanwhile is lost. */

import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import type { StagedChange } from '../trust-dir/changelist.ts';
import { type CreatedKey, tellingCreated } from './initialise-repository.ts';
import { loadForChange } from './load-for-change.ts';
import { publishChanges } from './publish.ts';
import type { Session } from './session.ts';

export interface PublishStagedOptions {
  /** Whether a repository that neither server nor trust directory knows is made (tuf.md 6.1.1). Default false. */
  readonly initialiseIfUnknown?: boolean;
  /** Told of each new key as soon as it is stored, so that a later failure hides none. */
  readonly created?: CreatedKey[];
}

export interface PublishedStaged {
  /** Names of the change files that were applied and are gone. */
  readonly applied: readonly string[];
  readonly versions: Readonly<Record<string, number>>;
  readonly initialised: boolean;
  readonly createdKeys: readonly CreatedKey[];
  readonly warnings: readonly string[];
}

/**
 * Applies the staged changes to the newest state and publishes it, also when nothing is staged. Exactly the
 * files that were applied are removed, by name, after the server has accepted; on any failure all stay.
 * @throws OperationError `CHANGE_MALFORMED` for a staged file that is no change; TrustError, KeyError,
 *   ConnectionError
 */
export async function publishStaged(
  session: Session,
  gun: string,
  options: PublishStagedOptions = {},
): Promise<PublishedStaged> {
  const access = await session.repositoryByGun(gun);
  const { created: createdKeys = [], initialiseIfUnknown = false } = options;
  const work = async (): Promise<PublishedStaged> => {
    const { changelist } = access.dir;
    const { repository, initialised } = await loadForChange(
      session,
      access,
      { initialiseIfUnknown },
      createdKeys,
    );
    const staged = await changelist.list();
    const changes = staged.map(changeOf);
    const published = await publishChanges(
      session,
      access,
      async () => ({ changes, always: true }),
      repository,
    );
    const applied = staged.map(({ name }) => name);
    await changelist.remove(applied);
    return {
      applied,
      versions: published.versions,
      initialised,
      createdKeys,
      warnings: published.warnings,
    };
  };
  return await access.dir.withLock(() => tellingCreated(createdKeys, work));
}

function changeOf(staged: StagedChange): NonNullable<StagedChange['change']> {
  if (staged.change !== undefined) return staged.change;
  throw new OperationError(
    'CHANGE_MALFORMED',
    `The staged file ${printable(staged.name)} is no change: ${staged.problem}`,
    {
      hint: 'Nothing was published. Remove the file by its number in the list of staged changes.',
      details: { file: staged.name },
    },
  );
}
