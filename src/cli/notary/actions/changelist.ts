/** What is staged: `notary status`, `reset`. */
import { printable } from '../../../crypto/printable.ts';
import { resetChanges, stagedChanges } from '../../../operations/stage.ts';
import { inCollection } from '../collection.ts';
import type { NotaryAction } from '../context.ts';
import { WrongArguments } from '../fatal.ts';
import { table } from '../table.ts';

export const status: NotaryAction = async (context, [gun]) => {
  if (gun === undefined) throw new WrongArguments('Must specify a GUN');
  const staged = await inCollection(context, gun, session => stagedChanges(session, gun));
  const rows: string[][] = [];
  for (const [number, { name, change, problem }] of staged.entries()) {
    if (change === undefined) {
      // The number is the one that `reset -n` takes.
      context.log.warning(`change ${number} (${printable(name)}) cannot be read: ${problem}`);
      continue;
    }
    const { action, role, type, path } = change;
    rows.push([String(number), action, printable(role), type, printable(path)]);
  }
  if (rows.length === 0) {
    context.print(`No unpublished changes for ${gun}\n`);
    return;
  }
  context.print(`Unpublished changes for ${gun}:\n\n`);
  context.print(table(['#', 'ACTION', 'SCOPE', 'TYPE', 'PATH'], rows));
};

export const reset: NotaryAction = async (context, [gun], flags) => {
  if (gun === undefined) throw new WrongArguments('Must specify a GUN');
  const numbers = flags.integers('number');
  if (!flags.is('all') && numbers.length === 0) {
    throw new WrongArguments('Must specify changes to reset with -n or the --all flag');
  }
  const which = flags.is('all') ? 'all' : numbers;
  await inCollection(context, gun, session => resetChanges(session, gun, which));
  context.print(`Successfully reset specified changes for repository ${gun}\n`);
};
