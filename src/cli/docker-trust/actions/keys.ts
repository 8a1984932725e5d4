/** `key generate` and `key load`. */
import { join, resolve } from 'node:path';
import { TabellionError } from '../../../errors.ts';
import { type ImportedFile, importKeys } from '../../../operations/keys/import-keys.ts';
import { generateKey } from '../../../operations/keys/key-generate.ts';
import { errorCode, goFileError } from '../../notary/go-file-error.ts';
import type { DockerTrustAction } from '../commands.ts';
import { DockerFailure, dockerSentence } from '../failure.ts';
import { checkName } from '../names.ts';

const DEFAULT_NAME = 'signer';

export const keyGenerate: DockerTrustAction = async (context, [name = ''], flags) => {
  checkName('key', name);
  const dir = flags.text('dir');
  const file = dir === '' ? resolve(`${name}.pub`) : join(dir, `${name}.pub`);
  let hasStarted = false;
  try {
    await generateKey(await context.session(), {
      role: name,
      publicKeyFile: file,
      onStart: () => {
        hasStarted = true;
        context.print(`Generating key for ${name}...\n`);
      },
    });
  } catch (cause) {
    if (!(cause instanceof TabellionError)) throw cause;
    throw new DockerFailure(generateProblem(cause, { name, dir, file, hasStarted }), { cause });
  }
  context.print(
    `Successfully generated and loaded private key. Corresponding public key available: ${file}\n`,
  );
};

function generateProblem(
  error: TabellionError,
  place: { name: string; dir: string; file: string; hasStarted: boolean },
): string {
  const { name, dir, file, hasStarted } = place;
  if (hasStarted) return `failed to generate key for ${name}: ${dockerSentence(error)}`;
  if (error.code === 'FILE_EXISTS') return `public key file already exists: "${file}"`;
  if (error.code === 'FILE_NOT_WRITABLE') return `public key path does not exist: "${dir}"`;
  return dockerSentence(error);
}

export const keyLoad: DockerTrustAction = async (context, [file = ''], flags) => {
  const name = flags.has('name') ? flags.text('name') : DEFAULT_NAME;
  if (name !== '') checkName('key', name);
  context.print(`Loading key from "${file}"...\n`);
  let imported: ImportedFile | undefined;
  try {
    const { files } = await importKeys(await context.session(), {
      files: [file],
      ...(name === '' ? {} : { role: name }),
      ownerOnly: true,
    });
    [imported] = files;
  } catch (cause) {
    if (!(cause instanceof TabellionError)) throw cause;
    throw new DockerFailure(loadProblem(cause, file), { cause });
  }
  const refused = imported?.error ?? imported?.blocks.find(({ error }) => error)?.error;
  if (refused !== undefined)
    throw new DockerFailure(`error importing key from ${file}: ${refusal(refused, file)}`, {
      cause: refused,
    });
  context.print(`Successfully imported key from ${file}\n`);
};

function loadProblem(error: TabellionError, file: string): string {
  switch (error.code) {
    case 'KEY_FILE_OPEN_TO_OTHERS':
      return `refusing to load key from ${file}: private key file ${file} must not be readable or writable by others`;
    case 'KEY_PASSPHRASE_MISSING':
      return error.details?.purpose === 'unlock'
        ? `error importing key from ${file}: ${undecrypted(file)}`
        : `error importing key from ${file}: ${dockerSentence(error)}`;
    case 'FILE_NOT_READABLE':
      return `refusing to load key from ${file}: ${goFileError(error, file).replace(/^open/, errorCode(error) === 'ENOENT' ? 'stat' : 'open')}`;
    default:
      return `error importing key from ${file}: ${dockerSentence(error)}`;
  }
}

function refusal(error: TabellionError, file: string): string {
  switch (error.code) {
    case 'KEY_NOT_PRIVATE':
    case 'KEY_FILE_EMPTY':
      return `provided file ${file} is not a supported private key - to add a signer's public key use docker trust signer add`;
    case 'KEY_PASSPHRASE_WRONG':
    case 'KEY_PASSPHRASE_MISSING':
      return undecrypted(file);
    default:
      return dockerSentence(error);
  }
}

function undecrypted(file: string): string {
  return `cannot load key from provided file ${file}: could not decrypt key`;
}
