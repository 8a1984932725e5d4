/** `notary key rotate`: new keys for a base role, published at once. */
import { KeyError, TabellionError } from '../../../errors.ts';
import { retireKeys } from '../../../operations/rotation/retire-keys.ts';
import {
  checkRotation,
  type KeyRotation,
  type RotateKeyRequest,
  rotateKey,
} from '../../../operations/rotation/rotate.ts';
import type { Session } from '../../../operations/session.ts';
import { onCollection, tellCreated, tellWarnings } from '../collection.ts';
import { confirmed } from '../confirmation.ts';
import type { NotaryAction, NotaryContext } from '../context.ts';
import { keySentence, sentenceFor } from '../failure.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { checkGivenKeys } from '../given-keys.ts';
import { notReached, notUpdated, reach } from '../online.ts';
import { isOfUpdate } from '../publish-failure.ts';

const ROOT = 'root';
const TIMESTAMP = 'timestamp';

export const keyRotate: NotaryAction = async (context, [gun, role], flags) => {
  if (gun === undefined || role === undefined) {
    throw new WrongArguments('Must specify a GUN and a key role to rotate');
  }
  const keyFiles = flags.list('key') ?? [];
  const serverManaged = flags.is('server-managed');
  const isDone = await onCollection(context, gun, async session => {
    const found = await reach(context, session, gun);
    await checkGivenKeys(session, keyFiles, role);
    if (role === TIMESTAMP && keyFiles.length > 0 && !context.input.isTerminal) {
      // Its passphrase has no variable.
      throw notStored('maximum number of passphrase attempts exceeded');
    }
    if (role === ROOT) {
      context.print(
        'Warning: you are about to rotate your root key.\n\nYou must use your old key to sign this root rotation.\nAre you sure you want to proceed?  (yes/no)  ',
      );
      if (!(await confirmed(context.input))) {
        context.print('\nAborting action.\n');
        return false;
      }
    }
    checkRotation(role, serverManaged);
    if (found !== 'reachable') throw notRotated(context, notReached(found), serverManaged);
    const rotation = await rotateOrFail(context, session, gun, {
      role,
      serverManaged,
      keyFiles: serverManaged ? [] : keyFiles,
      legacyVersions: flags.integer('legacy'),
    });
    tellCreated(context, rotation.createdKeys);
    // After the server has accepted, and not before; old root keys are kept.
    const { warnings } = await retireKeys(session, [rotation], role === ROOT ? 'keep' : 'remove');
    tellWarnings(
      context,
      // That they stay staged is what everybody expects here.
      [...rotation.warnings, ...warnings].filter(warning => !/^\d+ changes? staged/.test(warning)),
    );
    return true;
  });
  if (isDone) context.print(`Successfully rotated ${role} key for repository ${gun}\n`);
};

function notStored(why: string, cause?: unknown): Fatal {
  return new Fatal(`Error importing key: ${why}`, cause);
}

function notRotated(context: NotaryContext, failure: Fatal, serverManaged: boolean): Fatal {
  const { message } = failure;
  if (serverManaged) return new Fatal(`unable to rotate remote key: ${message}`);
  context.log.error(notUpdated(message));
  return failure;
}

async function rotateOrFail(
  context: NotaryContext,
  session: Session,
  gun: string,
  request: RotateKeyRequest,
): Promise<KeyRotation> {
  try {
    return await rotateKey(session, gun, request);
  } catch (error) {
    if (error instanceof TabellionError && isOfUpdate(error) && error.code !== 'NO_TRUST_DATA') {
      const { server } = await context.settings();
      context.log.error(notUpdated(sentenceFor(error, { gun, server })));
    }
    const isNew = error instanceof KeyError && error.details?.purpose === 'create';
    if (!isNew) throw error;
    const why = keySentence(error);
    throw request.keyFiles?.length
      ? notStored(why, error)
      : new Fatal(`unable to generate key: ${why}`, error);
  }
}
