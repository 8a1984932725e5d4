/** Keys from files and into files: `notary key import`, `export`. */
import { TabellionError } from '../../../errors.ts';
import { exportKeys } from '../../../operations/keys/export-keys.ts';
import { type ImportedBlock, importKeys } from '../../../operations/keys/import-keys.ts';
import type { Session } from '../../../operations/session.ts';
import type { NotaryAction, NotaryContext } from '../context.ts';
import { keySentence } from '../failure.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { errorCode, goFileError } from '../go-file-error.ts';

export const keyImport: NotaryAction = async (context, files, flags) => {
  if (files.length === 0) {
    throw new WrongArguments('must specify at least one input file to import keys from');
  }
  const role = flags.text('role');
  const gun = flags.text('gun');
  const session = await context.session();
  for (const file of files) await importFile(context, session, file, { role, gun });
};

async function importFile(
  context: NotaryContext,
  session: Session,
  file: string,
  { role, gun }: { readonly role: string; readonly gun: string },
): Promise<void> {
  try {
    const { files } = await importKeys(session, {
      files: [file],
      ...(role === '' ? {} : { role }),
      ...(gun === '' ? {} : { gun }),
      formats: 'notary',
      badBlocks: 'skip',
      sameKey: 'replace',
      // What is typed for one file is not tried for the next.
      passphrases: [context.passphrases()],
    });
    const blocks = files.flatMap(imported => imported.blocks);
    for (const block of blocks) tellRefused(context, block);
    const isRefused = blocks.some(({ status }) => status === 'refused');
    const isStored = blocks.some(({ status }) => status !== 'refused' && status !== 'ignored');
    if (isRefused && !isStored) {
      throw new Fatal('failed to import all keys: invalid key pem block');
    }
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    throw new Fatal(
      errorCode(error) === undefined ? keySentence(error) : goFileError(error, file),
      error,
    );
  }
}

function tellRefused({ log }: NotaryContext, { number, status, error }: ImportedBlock): void {
  if (status !== 'refused' || error === undefined) return;
  switch (error.code) {
    case 'KEY_GUN_MISSING':
      log.warning(
        `failed to import key (${String(error.details?.path ?? '')}) to store: Cannot have canonical role key without a gun, don't know what gun it belongs to`,
      );
      break;
    case 'KEY_PATH_MISSING':
    case 'KEY_NOT_PRIVATE':
    case 'KEY_UNSUPPORTED':
    case 'KEY_FILE_DAMAGED':
      log.warning(
        'failed to import key to store: Invalid key generated, key may be encrypted and does not contain path header',
      );
      break;
    default:
      log.warning(`failed to import key ${number} to store: ${error.message}`);
  }
}

export const keyExport: NotaryAction = async (context, args, flags) => {
  if (args.length > 0) throw new WrongArguments('export does not take any positional arguments');
  await context.settings();
  const guns = flags.list('gun') ?? [];
  const ids = flags.list('key') ?? [];
  const file = flags.text('output');
  if (guns.length > 0 && ids.length > 0) {
    throw new Fatal('Only the --gun or --key flag may be provided, not a mix of the two flags');
  }
  const session = await context.session();
  try {
    // An empty name stands for no selection, as it always did.
    const selected = guns.includes('') ? [] : guns;
    const { pem, skipped } = await exportKeys(session, {
      guns: selected,
      ids,
      ...(file === '' ? {} : { file, overwrite: true }),
      ignoreUnknown: true,
    });
    if (file === '') context.print(pem);
    for (const { path, problem } of skipped) {
      context.log.warning(`${path} was not exported: ${problem ?? 'it holds no key'}`);
    }
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    const isFile = errorCode(error) !== undefined && file !== '';
    throw new Fatal(
      isFile ? goFileError(error, file).replace(/^read/, 'open') : keySentence(error),
      error,
    );
  }
};
