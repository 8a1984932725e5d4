/** The whole command line of `notary`: names, flags and the texts of its help. */
import type { NotaryCommand } from '../context.ts';
import { COLLECTION_COMMANDS } from './collection-commands.ts';
import { DELEGATION_COMMANDS } from './delegation-commands.ts';
import { VERSION_FLAG } from './flags.ts';
import { KEY_COMMANDS } from './key-commands.ts';

export const HELP_COMMAND: NotaryCommand = {
  use: 'help [command]',
  short: 'Help about any command',
  long: [
    'Help provides help for any command in the application.',
    'Simply type notary help [path to command] for full details.',
  ].join('\n'),
  load: async () => (await import('../actions/program.ts')).help,
};

const COMPLETION: NotaryCommand = {
  use: 'completion',
  short: 'Generate the autocompletion script for the specified shell',
  long: 'Completion scripts are made by the command `tabellion completion`.',
  load: async () => (await import('../actions/program.ts')).completion,
};

export const PROGRAM: NotaryCommand = {
  use: 'notary',
  short: 'Notary allows the creation of trusted collections.',
  long: 'Notary allows the creation and management of collections of signed targets, allowing the signing and validation of arbitrary content.',
  flags: [VERSION_FLAG],
  load: async () => (await import('../actions/program.ts')).program,
  commands: [
    {
      use: 'version',
      short: 'Print the version number of notary',
      long: 'Print the version number of notary',
      load: async () => (await import('../actions/program.ts')).version,
    },
    {
      use: 'key',
      short: 'Operates on keys.',
      long: 'Operations on private keys.',
      commands: KEY_COMMANDS,
    },
    {
      use: 'delegation',
      short: 'Operates on delegations.',
      long: 'Operations on TUF delegations.',
      commands: DELEGATION_COMMANDS,
    },
    ...COLLECTION_COMMANDS,
    HELP_COMMAND,
    COMPLETION,
  ],
};
