/** `notary delete`: the trust data of a collection, never keys. */
import { deleteTrustData } from '../../../operations/delete-repository.ts';
import { inCollection, onCollection } from '../collection.ts';
import type { NotaryAction } from '../context.ts';
import { WrongArguments } from '../fatal.ts';
import { notReached, reach } from '../online.ts';

export const deleteCollection: NotaryAction = async (context, [gun], flags) => {
  if (gun === undefined) throw new WrongArguments('Must specify a GUN');
  const remote = flags.is('remote');
  await context.settings();
  const withCollection = remote ? onCollection : inCollection;
  await withCollection(context, gun, async session => {
    const found = remote ? await reach(context, session, gun) : 'reachable';
    context.print(`Deleting trust data for repository ${gun}\n`);
    if (found !== 'reachable') throw notReached(found);
    await deleteTrustData(session, gun, { remote });
  });
  context.print(
    `Successfully deleted local${remote ? ' and remote' : ''} trust data for repository ${gun}\n`,
  );
};
