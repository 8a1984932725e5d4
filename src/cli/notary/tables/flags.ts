/** Flags that more than one command has. */
import type { FlagSpec } from '../command-line/flags.ts';

/** Taken by every command. */
export const PERSISTENT_FLAGS: readonly FlagSpec[] = [
  {
    name: 'trustDir',
    short: 'd',
    kind: 'string',
    usage: 'Directory where the trust data is persisted to',
  },
  {
    name: 'configFile',
    short: 'c',
    kind: 'string',
    usage: 'Path to the configuration file to use',
  },
  { name: 'verbose', short: 'v', kind: 'bool', usage: 'Verbose output' },
  { name: 'debug', short: 'D', kind: 'bool', usage: 'Debug output' },
  { name: 'server', short: 's', kind: 'string', usage: 'Remote trust server location' },
  { name: 'tlscacert', kind: 'string', usage: 'Trust certs signed only by this CA' },
  { name: 'tlscert', kind: 'string', usage: 'Path to TLS certificate file' },
  { name: 'tlskey', kind: 'string', usage: 'Path to TLS key file' },
];

export const VERSION_FLAG: FlagSpec = {
  name: 'version',
  kind: 'bool',
  usage: 'Print the version number of notary',
};

export const PUBLISH_FLAG: FlagSpec = {
  name: 'publish',
  short: 'p',
  kind: 'bool',
  usage:
    'Automatically attempt to publish after staging the change. Will also publish existing staged changes.',
};
