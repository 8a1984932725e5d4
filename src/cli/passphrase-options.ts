import { type Command, Option } from 'commander';
import { optionValue, wholeNumber } from './option-values.ts';

/** The global options that are about passphrases. */
export interface PassphraseOptions {
  readonly passphraseFile?: string;
  readonly passphraseFd?: number;
  readonly passphraseCommand?: string;
  readonly explainPassphrase?: boolean;
  /** New keys get generated passphrases; an option of the commands that make keys. */
  readonly generatePassphrase?: boolean;
  /** Whether a typed passphrase is kept in the keychain; undefined: as the environment says, else ask. */
  readonly remember?: boolean;
  /** False for `--no-keychain`. */
  readonly keychain?: boolean;
}

const HIGHEST_DESCRIPTOR = 65_535;

/** Adds them to the program. */
export function addPassphraseOptions(program: Command): void {
  const option = (flags: string, description: string, parse: (value: string) => unknown): void => {
    program.addOption(new Option(flags, description).argParser(parse));
  };
  program.optionsGroup('Passphrases of keys (before or after the command):');
  option(
    '--passphrase-file <file>',
    'it is the first line of a file',
    optionValue('--passphrase-file'),
  );
  option(
    '--passphrase-fd <n>',
    'the first line that comes on a file descriptor',
    wholeNumber('--passphrase-fd', 0, HIGHEST_DESCRIPTOR),
  );
  option(
    '--passphrase-command <cmd>',
    'the first line that a command of the shell prints',
    optionValue('--passphrase-command'),
  );
  program
    .option('--explain-passphrase', 'tell on stderr where it was looked for')
    .option('--remember', 'keep what is typed in the keychain, unasked')
    .option('--no-remember', 'neither keep it nor ask')
    .option('--no-keychain', "leave the system's keychain alone");
}

/** For a command that makes keys or changes passphrases. */
export const GENERATE_PASSPHRASE = [
  '--generate-passphrase',
  'generate new passphrases, shown once',
] as const;
