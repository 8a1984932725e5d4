/** Staging changes of delegations: `notary delegation add`, `remove`, `purge`. */

import { printable } from '../../../crypto/printable.ts';
import { canonicalKeyId, type PublicKey } from '../../../crypto/public-key.ts';
import { KeyError } from '../../../errors.ts';
import {
  delegationAdditions,
  delegationRemovals,
  keyPurge,
} from '../../../operations/delegations/delegation-changes.ts';
import { readDelegationKeys } from '../../../operations/delegations/delegation-keys.ts';
import { stageChanges } from '../../../operations/stage.ts';
import type { Change } from '../../../tuf/change.ts';
import { isDelegationName } from '../../../tuf/role-name.ts';
import { inCollection } from '../collection.ts';
import { confirmed } from '../confirmation.ts';
import type { NotaryAction, NotaryContext } from '../context.ts';
import { Aborted, Fatal, WrongArguments } from '../fatal.ts';
import { shownPaths } from '../paths.ts';
import { nearExpiry, publicKeyProblem } from '../public-keys.ts';
import { autoPublish } from './publish.ts';

export const delegationAdd: NotaryAction = async (context, args, flags) => {
  const [gun, role, ...files] = args;
  const given = flags.list('paths');
  const isAll = flags.is('all-paths');
  if (
    gun === undefined ||
    role === undefined ||
    (files.length === 0 && given === undefined && !isAll)
  ) {
    throw new WrongArguments(
      'must specify the Global Unique Name and the role of the delegation along with the public key certificate paths and/or a list of paths to add',
    );
  }
  await context.settings();
  const keys = await readKeys(context, files);
  const paths = isAll || given?.includes('') ? [''] : given;
  const changes = delegationAdditions({ role, keys, paths: paths ?? [] });
  if (changes.length > 0 && !isDelegationName(role)) {
    throw new Fatal(
      `failed to create delegation: tuf: invalid role ${role}. invalid delegation role name`,
    );
  }
  await stage(context, gun, changes);
  const ids = keys.map(canonicalKeyId);
  const withKeys = ids.length === 0 ? '' : `with keys [${ids.join(' ')}], `;
  context.print(
    `\nAddition of delegation role ${role} ${withKeys}${withPaths(paths)}to repository "${gun}" staged for next publish.\n\n`,
  );
  await autoPublish(context, gun, flags);
};

export const delegationRemove: NotaryAction = async (context, args, flags) => {
  const [gun, role, ...keyIds] = args;
  if (gun === undefined || role === undefined) {
    throw new WrongArguments(
      'must specify the Global Unique Name and the role of the delegation along with optional keyIDs and/or a list of paths to remove',
    );
  }
  await context.settings();
  if (!isDelegationName(role)) throw new Fatal(`invalid delegation name ${role}`);
  const allPaths = flags.is('all-paths');
  const given = flags.list('paths');
  if (keyIds.length === 0 && given === undefined && !allPaths) {
    await removeWhole(context, gun, role, flags.is('yes'));
  } else {
    const paths = allPaths ? undefined : given;
    const isNothing = keyIds.length === 0 && !allPaths && (paths ?? []).length === 0;
    // Without anything to remove the builder would remove the whole role.
    const changes = isNothing
      ? []
      : delegationRemovals({ role, keyIds, paths: paths ?? [], allPaths });
    await stage(context, gun, changes);
    const withKeys = keyIds.length === 0 ? '' : `with keys [${keyIds.join(' ')}], `;
    const withAll = allPaths ? 'with all paths, ' : '';
    context.print(
      `\nRemoval of delegation role ${role} ${withKeys}${withAll}${withPaths(paths)}to repository "${gun}" staged for next publish.\n\n`,
    );
  }
  await autoPublish(context, gun, flags);
};

export const delegationPurge: NotaryAction = async (context, args, flags) => {
  const [gun] = args;
  if (gun === undefined || args.length > 1) {
    throw new WrongArguments('Please provide a single Global Unique Name as an argument to remove');
  }
  const keyIds = flags.list('key') ?? [];
  if (keyIds.length === 0) {
    throw new WrongArguments(
      'Please provide at least one key ID to be removed using the --key flag',
    );
  }
  await stage(context, gun, [keyPurge(keyIds)]);
  context.print(
    `Removal of the following keys from all delegations in ${gun} staged for next publish:\n\t- ${keyIds.join('\n\t- ')}\n`,
  );
  await autoPublish(context, gun, flags);
};

async function removeWhole(
  context: NotaryContext,
  gun: string,
  role: string,
  isConfirmed: boolean,
): Promise<void> {
  context.print('\nAre you sure you want to remove all data for this delegation? (yes/no)\n');
  if (isConfirmed) context.print('Confirmed `yes` from flag\n');
  else if (!(await confirmed(context.input))) throw new Aborted();
  await stage(context, gun, delegationRemovals({ role, keyIds: [], paths: [], allPaths: false }));
  context.print(
    `\nForced removal (including all keys and paths) of delegation role ${role} to repository "${gun}" staged for next publish.\n\n`,
  );
}

async function stage(
  context: NotaryContext,
  gun: string,
  changes: readonly Change[],
): Promise<void> {
  await inCollection(context, gun, session => stageChanges(session, gun, changes));
}

function withPaths(paths: readonly string[] | undefined): string {
  return paths === undefined ? '' : `with paths [${shownPaths(paths).join('\n')}], `;
}

async function readKeys(context: NotaryContext, files: readonly string[]): Promise<PublicKey[]> {
  try {
    const now = context.host.now();
    const keys = await readDelegationKeys(files, now);
    for (const name of nearExpiry(keys, now)) {
      context.log.warning(`certificate with CN ${printable(name)} is near expiry`);
    }
    return keys;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new Fatal(publicKeyProblem(error), error);
  }
}
