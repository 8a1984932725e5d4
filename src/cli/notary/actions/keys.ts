/** The stored keys: `notary key list`, `generate`, `passwd`, `remove`. */
import { join, relative } from 'node:path';
import { printable } from '../../../crypto/printable.ts';
import { KeyError, TabellionError } from '../../../errors.ts';
import type { KeyEntry } from '../../../keys/key-store.ts';
import { changePassphrase } from '../../../operations/keys/change-passphrase.ts';
import { listKeys } from '../../../operations/keys/key-list.ts';
import { generateKeyPairFiles } from '../../../operations/keys/key-pair-files.ts';
import { removeKey } from '../../../operations/keys/remove-key.ts';
import { confirmed } from '../confirmation.ts';
import type { NotaryAction, NotaryContext } from '../context.ts';
import { keySentence } from '../failure.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { errorCode, goFileError } from '../go-file-error.ts';
import { table } from '../table.ts';

const ALGORITHM = 'ecdsa';
const ID_LENGTH = 64;
const NO_PEM = 'PEM block is empty';
const GUN_WIDTH = 25;
const LOCATION_WIDTH = 40;

export const keyList: NotaryAction = async (context, args) => {
  if (args.length > 0) throw new WrongArguments('');
  const { privateDir, keys } = await listKeys(await context.session());
  const location = join((await context.settings()).trustDir, 'private');
  const rows: string[][] = [];
  for (const key of keys) {
    if (isUnreadable(key)) {
      context.log.error(NO_PEM);
      continue;
    }
    rows.push([
      printable(key.role),
      cutLeft(printable(key.gun ?? ''), GUN_WIDTH),
      printable(shownId(privateDir, key)),
      cutLeft(location, LOCATION_WIDTH),
    ]);
  }
  context.print('\n');
  context.print(
    rows.length === 0
      ? 'No signing keys found.\n'
      : table(['ROLE', 'GUN', 'KEY ID', 'LOCATION'], rows),
  );
  context.print('\n');
};

/** The file's name, as Notary shows it; of a file in the old layout, which Notary would move, the ID. */
function shownId(privateDir: string, { path, id }: KeyEntry): string {
  const name = relative(privateDir, path).replace(/\.key$/, '');
  return /^(?:root|tuf)_keys[\\/]/.test(name) ? id : name;
}

export const keyGenerate: NotaryAction = async (context, args, flags) => {
  if (args.length > 1) {
    throw new WrongArguments(
      'Please provide only one Algorithm as an argument to generate (rsa, ecdsa)',
    );
  }
  const [algorithm = ALGORITHM] = args;
  if (algorithm.toLowerCase() !== ALGORITHM) {
    throw new Fatal('Algorithm not allowed, possible values are: ECDSA');
  }
  const role = flags.has('role') ? flags.text('role') : 'root';
  const name = flags.text('output');
  const session = await context.session();
  try {
    if (name !== '') {
      await generateKeyPairFiles(session, { role, name });
      return;
    }
    const { id } = await (await session.keys()).generate({ role });
    context.print(`Generated new ${ALGORITHM} ${role} key with keyID: ${id}\n`);
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    if (errorCode(error) !== undefined && name !== '') {
      throw new Fatal(goFileError(error, `${name}-key.pem`), error);
    }
    const prefix = name === '' ? `Failed to create a new ${role} key: ` : '';
    throw new Fatal(`${prefix}${keySentence(error)}`, error);
  }
};

export const keyPasswd: NotaryAction = async (context, [id]) => {
  if (id === undefined) {
    throw new WrongArguments('must specify the key ID of the key to change the passphrase of');
  }
  await context.settings();
  checkKeyId(id);
  const session = await context.session();
  const keys = await session.keys();
  try {
    await keys.open(id);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    if (error.message.includes('no whole PEM block')) context.log.error(NO_PEM);
    throw new Fatal(`could not retrieve local key for key ID provided: ${id}`, error);
  }
  try {
    // A source of its own: else the old passphrase would be taken for the new one.
    await changePassphrase(session, { id, newPassphrases: [context.passphrases()] });
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    throw new Fatal(keySentence(error), error);
  }
  context.print(`\nSuccessfully updated passphrase for key ID: ${id}\n`);
};

export const keyRemove: NotaryAction = async (context, [id]) => {
  if (id === undefined) {
    throw new WrongArguments('must specify the key ID of the key to remove');
  }
  await context.settings();
  checkKeyId(id);
  context.print('\n');
  try {
    await removeInteractively(context, id);
  } finally {
    context.print('\n');
  }
};

async function removeInteractively(context: NotaryContext, id: string): Promise<void> {
  const session = await context.session();
  const { privateDir, keys } = await listKeys(session);
  const [first] = keys.filter(key => key.id === id);
  if (first === undefined) throw new Fatal(`No key with ID ${id} found`);
  const location = join((await context.settings()).trustDir, 'private');
  const place = relative(privateDir, first.path).replace(/\.key$/, '');
  const key = `${printable(place)} (role ${printable(first.role)}) from ${location}`;
  const { trusted } = await removeKey(session, { id, dryRun: true });
  for (const { repository, role } of trusted.roles) {
    context.log.warning(`key ${id} still signs for ${role} in ${repository}`);
  }
  context.print(`Are you sure you want to remove ${key}?  (yes/no)  `);
  if (!(await confirmed(context.input))) {
    context.print('\nAborting action.\n');
    return;
  }
  await removeKey(session, { id });
  context.print(`\nDeleted ${key}.\n`);
}

function checkKeyId(id: string): void {
  if (Buffer.byteLength(id) !== ID_LENGTH) throw new Fatal(`invalid key ID provided: ${id}`);
}

/** Whether there is no PEM block in a file at all: such a file is not listed. */
function isUnreadable({ usable, problem = '' }: KeyEntry): boolean {
  return !usable && problem.includes('no whole PEM block');
}

/** Cut from the left, so that the end is seen. */
function cutLeft(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `...${characters.slice(3 - width).join('')}`;
}
