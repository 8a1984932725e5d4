/** `notary list` and `notary lookup`. */
import { printable } from '../../../crypto/printable.ts';
import { listTargets, lookupTarget } from '../../../operations/list-targets.ts';
import { targetSha256 } from '../../../tuf/target.ts';
import { readCollection } from '../collection.ts';
import type { NotaryAction } from '../context.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { table } from '../table.ts';

export const list: NotaryAction = async (context, [gun], flags) => {
  if (gun === undefined) throw new WrongArguments('Must specify a GUN');
  const roles = flags.list('roles') ?? [];
  const { targets } = await readCollection(context, gun, (session, request) =>
    listTargets(session, gun, { ...request, roles }),
  );
  if (targets.length === 0) {
    context.print('\nNo targets present in this repository.\n\n');
    return;
  }
  const rows = targets.map(({ name, target, role }) => [
    printable(name),
    targetSha256(target),
    String(target.length),
    role,
  ]);
  context.print(table(['NAME', 'DIGEST', 'SIZE (BYTES)', 'ROLE'], rows));
};

export const lookup: NotaryAction = async (context, [gun, name]) => {
  if (gun === undefined || name === undefined) {
    throw new WrongArguments('Must specify a GUN and target');
  }
  const { target } = await readCollection(context, gun, (session, request) =>
    lookupTarget(session, gun, name, request),
  );
  if (target === undefined) throw new Fatal(`No valid trust data for ${printable(name)}`);
  const digest = `sha256:${targetSha256(target.target)}`;
  context.print(`${printable(name)} ${digest} ${target.target.length}\n`);
};
