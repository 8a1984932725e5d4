/** The command line of `docker trust`: names, flags, numbers of arguments, and the texts of its help. */
import type { FlagSpec, FlagValues } from '../notary/command-line/flags.ts';
import type { DockerTrustContext } from './context.ts';

/** What a command does; it reports failures by throwing. */
export type DockerTrustAction = (
  context: DockerTrustContext,
  args: readonly string[],
  flags: FlagValues,
) => Promise<void>;

export interface LeafCommand {
  readonly name: string;
  /** What follows the name in the usage line. */
  readonly use: string;
  readonly short: string;
  readonly flags: readonly FlagSpec[];
  /** The lines below `Options:`. */
  readonly options: readonly string[];
  readonly args: { readonly count: number; readonly orMore: boolean };
  readonly load: () => Promise<DockerTrustAction>;
}

export interface GroupCommand {
  readonly name: string;
  readonly short: string;
  readonly commands: readonly DockerCommand[];
}

export type DockerCommand = LeafCommand | GroupCommand;

export function isGroup(command: DockerCommand): command is GroupCommand {
  return 'commands' in command;
}

const ONE = { count: 1, orMore: false };
const ONE_OR_MORE = { count: 1, orMore: true };
const TWO_OR_MORE = { count: 2, orMore: true };

const KEY: GroupCommand = {
  name: 'key',
  short: 'Manage keys for signing Docker images',
  commands: [
    {
      name: 'generate',
      use: 'NAME',
      short: 'Generate and load a signing key-pair',
      flags: [{ name: 'dir', kind: 'string', usage: '' }],
      options: [
        '      --dir string   Directory to generate key in, defaults to current',
        '                     directory',
      ],
      args: ONE,
      load: async () => (await import('./actions/keys.ts')).keyGenerate,
    },
    {
      name: 'load',
      use: '[OPTIONS] KEYFILE',
      short: 'Load a private key file for signing',
      flags: [{ name: 'name', kind: 'string', usage: '' }],
      options: ['      --name string   Name for the loaded key (default "signer")'],
      args: ONE,
      load: async () => (await import('./actions/keys.ts')).keyLoad,
    },
  ],
};

const SIGNER: GroupCommand = {
  name: 'signer',
  short: 'Manage entities who can sign Docker images',
  commands: [
    {
      name: 'add',
      // The blank at the end is the original's.
      use: 'OPTIONS NAME REPOSITORY [REPOSITORY...] ',
      short: 'Add a signer',
      flags: [{ name: 'key', kind: 'list', usage: '' }],
      options: ["      --key list   Path to the signer's public key file"],
      args: TWO_OR_MORE,
      load: async () => (await import('./actions/signers.ts')).signerAdd,
    },
    {
      name: 'remove',
      use: '[OPTIONS] NAME REPOSITORY [REPOSITORY...]',
      short: 'Remove a signer',
      flags: [{ name: 'force', short: 'f', kind: 'bool', usage: '' }],
      options: [
        '  -f, --force   Do not prompt for confirmation before removing the most',
        '                recent signer',
      ],
      args: TWO_OR_MORE,
      load: async () => (await import('./actions/signers.ts')).signerRemove,
    },
  ],
};

export const TRUST: GroupCommand = {
  name: 'trust',
  short: 'Manage trust on Docker images',
  commands: [
    KEY,
    SIGNER,
    {
      name: 'inspect',
      use: 'IMAGE[:TAG] [IMAGE[:TAG]...]',
      short: 'Return low-level information about keys and signatures',
      flags: [{ name: 'pretty', kind: 'bool', usage: '' }],
      options: ['      --pretty   Print the information in a human friendly format'],
      args: ONE_OR_MORE,
      load: async () => (await import('./actions/inspect.ts')).inspectImages,
    },
    {
      name: 'revoke',
      use: '[OPTIONS] IMAGE[:TAG]',
      short: 'Remove trust for an image',
      flags: [{ name: 'yes', short: 'y', kind: 'bool', usage: '' }],
      options: ['  -y, --yes   Do not prompt for confirmation'],
      args: ONE,
      load: async () => (await import('./actions/revoke.ts')).revokeImage,
    },
    {
      name: 'sign',
      use: 'IMAGE:TAG',
      short: 'Sign an image',
      flags: [{ name: 'local', kind: 'bool', usage: '' }],
      options: ['      --local   Sign a locally tagged image'],
      args: ONE,
      load: async () => (await import('./actions/sign.ts')).signImage,
    },
  ],
};
