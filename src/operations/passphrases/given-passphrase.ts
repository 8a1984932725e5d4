/** The passphrases that a command was told where to find: a file, a descriptor, a program. */
import { createReadStream, fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import { FixedPassphrase } from '../../keys/fixed-passphrase.ts';
import type { PassphraseSource } from '../../keys/passphrase.ts';
import { PassphraseCommand } from '../../keys/passphrase-command.ts';
import { readSecretLine, SECRET_LIMIT, secretText } from '../../keys/secret-text.ts';
import { readInputFile } from '../read-input-file.ts';

/** One of the three. */
export interface GivenPassphrase {
  readonly file?: string;
  /** An open file descriptor. */
  readonly fd?: number;
  /** For the system's shell. */
  readonly command?: string;
}

export const FILE_VARIABLE = 'TABELLION_PASSPHRASE_FILE';
export const COMMAND_VARIABLE = 'TABELLION_PASSPHRASE_COMMAND';

export interface GivenPassphraseOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Told that others can read a file. */
  readonly warn: (line: string) => void;
}

/** As the flags of a command say. */
export function givenPassphraseSources(
  { file, fd, command }: GivenPassphrase,
  options: GivenPassphraseOptions,
): PassphraseSource[] {
  const sources: PassphraseSource[] = [];
  if (file !== undefined) sources.push(ofFile('--passphrase-file', file, options));
  if (fd !== undefined) sources.push(ofDescriptor(fd));
  if (command !== undefined) sources.push(ofCommand('--passphrase-command', command, options));
  return sources;
}

/** As the environment says, for all dialects. */
export function environmentPassphraseSources(options: GivenPassphraseOptions): PassphraseSource[] {
  const { [FILE_VARIABLE]: file, [COMMAND_VARIABLE]: command } = options.env;
  const sources: PassphraseSource[] = [];
  if (file) sources.push(ofFile(FILE_VARIABLE, file, options));
  if (command) sources.push(ofCommand(COMMAND_VARIABLE, command, options));
  return sources;
}

function ofFile(name: string, path: string, { warn }: GivenPassphraseOptions): PassphraseSource {
  return new FixedPassphrase(name, async () => {
    const { content, othersHaveAccess } = await readInputFile(path, SECRET_LIMIT);
    if (othersHaveAccess) {
      warn(
        `others than you can read the passphrase in ${printable(path)}; chmod 600 keeps it yours`,
      );
    }
    return secretText(content, printable(path));
  });
}

function ofDescriptor(fd: number): PassphraseSource {
  return new FixedPassphrase('--passphrase-fd', async () => {
    if (isatty(fd)) {
      throw new UsageError('PASSPHRASE_FD_INVALID', `File descriptor ${fd} is a terminal`, {
        hint: 'Leave --passphrase-fd out to be asked, so that nothing of what you type is shown.',
      });
    }
    try {
      return await readSecretLine(descriptorStream(fd), `file descriptor ${fd}`);
    } catch (cause) {
      const { code, syscall } = cause as NodeJS.ErrnoException;
      if (syscall === undefined) throw cause;
      throw new UsageError(
        'PASSPHRASE_FD_INVALID',
        `File descriptor ${fd} cannot be read (${code})`,
        { cause, hint: `Open it, as in: tabellion … --passphrase-fd ${fd} ${fd}< FILE` },
      );
    }
  });
}

/**
 * A read of a pipe that a thread waits for could not be taken back: whoever writes the passphrase and stays would hold
 * this process, also after Ctrl-C.
 */
function descriptorStream(fd: number): AsyncIterable<Uint8Array> {
  const stats = fstatSync(fd);
  return stats.isFIFO() || stats.isSocket()
    ? new Socket({ fd, readable: true, writable: false })
    : createReadStream('', { fd, autoClose: false });
}

function ofCommand(
  name: string,
  command: string,
  { env }: GivenPassphraseOptions,
): PassphraseSource {
  return new PassphraseCommand({ name, command, env });
}
