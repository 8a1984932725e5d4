/** `notary delegation list`. */
import { printable } from '../../../crypto/printable.ts';
import {
  type ListedDelegation,
  listDelegations,
} from '../../../operations/delegations/delegation-list.ts';
import { readCollection } from '../collection.ts';
import type { NotaryAction } from '../context.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { shownPaths } from '../paths.ts';
import { table } from '../table.ts';

export const delegationList: NotaryAction = async (context, args) => {
  const [gun] = args;
  if (gun === undefined || args.length > 1) {
    throw new WrongArguments('Please provide a Global Unique Name as an argument to list');
  }
  const { delegations } = await readCollection(context, gun, (session, request) =>
    listDelegations(session, gun, request),
  ).catch((error: unknown) => {
    if (!(error instanceof Fatal) || isSetUp(error)) throw error;
    throw new Fatal(
      `Error retrieving delegation roles for repository ${gun}: ${error.message}`,
      error,
    );
  });
  context.print('\n');
  context.print(
    delegations.length === 0
      ? '\nNo delegations present in this repository.\n\n'
      : table(['ROLE', 'PATHS', 'KEY IDS', 'THRESHOLD'], delegations.flatMap(rowsOf)),
  );
  context.print('\n');
};

/** What is found out before the server is asked. */
function isSetUp({ message }: Fatal): boolean {
  return /^(?:unable to configure TLS|either pass both|Could not parse remote|Trust server url|invalid format)/.test(
    message,
  );
}

/** Further paths and keys stand on rows of their own. */
function rowsOf({ role, paths, keys, threshold }: ListedDelegation): string[][] {
  const shown = shownPaths(paths).map(printable);
  const count = Math.max(1, shown.length, keys.length);
  return Array.from({ length: count }, (_, at) => [
    at === 0 ? role : '',
    shown[at] ?? '',
    keys[at]?.id ?? '',
    at === 0 ? String(threshold) : '',
  ]);
}
