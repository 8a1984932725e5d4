/** `notary witness`: marks roles to be signed again as they are. */
import { stageWitness } from '../../../operations/stage.ts';
import { inCollection } from '../collection.ts';
import type { NotaryAction } from '../context.ts';
import { WrongArguments } from '../fatal.ts';
import { autoPublish } from './publish.ts';

export const witness: NotaryAction = async (context, [gun, ...roles], flags) => {
  if (gun === undefined || roles.length === 0) {
    throw new WrongArguments('Please provide a GUN and at least one role to witness');
  }
  await inCollection(context, gun, session => stageWitness(session, gun, roles));
  context.print(
    `The following roles were successfully marked for witnessing on the next publish:\n\t- ${roles.join('\n\t- ')}\n`,
  );
  await autoPublish(context, gun, flags);
};
