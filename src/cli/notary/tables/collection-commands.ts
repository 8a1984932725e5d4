/** The commands that work on one trusted collection, in the order in which they are suggested. */
import type { NotaryCommand } from '../context.ts';
import { PUBLISH_FLAG } from './flags.ts';

export const COLLECTION_COMMANDS: readonly NotaryCommand[] = [
  {
    use: 'init [ GUN ]',
    short: 'Initializes a local trusted collection.',
    long: 'Initializes a local trusted collection identified by the Globally Unique Name. This is an online operation.',
    flags: [
      PUBLISH_FLAG,
      {
        name: 'rootcert',
        kind: 'string',
        usage:
          'Root certificate must match root key if a root key is supplied, otherwise it must match a key present in keystore',
      },
      { name: 'rootkey', kind: 'string', usage: 'Root key to initialize the repository with' },
    ],
    load: async () => (await import('../actions/init.ts')).init,
  },
  {
    use: 'status [ GUN ]',
    short: 'Displays status of unpublished changes to the local trusted collection.',
    long: 'Displays status of unpublished changes to the local trusted collection identified by the Globally Unique Name.',
    load: async () => (await import('../actions/changelist.ts')).status,
  },
  {
    use: 'reset [ GUN ]',
    short: 'Resets unpublished changes for the local trusted collection.',
    long: 'Resets unpublished changes for the local trusted collection identified by the Globally Unique Name.',
    flags: [
      { name: 'all', kind: 'bool', usage: 'Reset all changes shown in the status list' },
      {
        name: 'number',
        short: 'n',
        kind: 'ints',
        usage: 'Numbers of specific changes to exclusively reset, as shown in status list',
      },
    ],
    load: async () => (await import('../actions/changelist.ts')).reset,
  },
  {
    use: 'publish [ GUN ]',
    short: 'Publishes the local trusted collection.',
    long: 'Publishes the local trusted collection identified by the Globally Unique Name, sending the local changes to a remote trusted server.',
    load: async () => (await import('../actions/publish.ts')).publish,
  },
  {
    use: 'lookup [ GUN ] <target>',
    short: 'Looks up a specific target in a remote trusted collection.',
    long: 'Looks up a specific target in a remote trusted collection identified by the Globally Unique Name.',
    load: async () => (await import('../actions/read.ts')).lookup,
  },
  {
    use: 'list [ GUN ]',
    short: 'Lists targets for a remote trusted collection.',
    long: 'Lists all targets for a remote trusted collection identified by the Globally Unique Name. This is an online operation.',
    flags: [
      {
        name: 'roles',
        short: 'r',
        kind: 'strings',
        usage: 'Delegation roles to list targets for (will shadow targets role)',
      },
    ],
    load: async () => (await import('../actions/read.ts')).list,
  },
  {
    use: 'add [ GUN ] <target> <file>',
    short: 'Adds the file as a target to the trusted collection.',
    long: 'Adds the file as a target to the local trusted collection identified by the Globally Unique Name. This is an offline operation.  Please then use `publish` to push the changes to the remote trusted collection.',
    flags: [
      {
        name: 'custom',
        kind: 'string',
        usage: 'Path to the file containing custom data for this target',
      },
      PUBLISH_FLAG,
      {
        name: 'roles',
        short: 'r',
        kind: 'strings',
        usage: 'Delegation roles to add this target to',
      },
    ],
    load: async () => (await import('../actions/targets.ts')).add,
  },
  {
    use: 'remove [ GUN ] <target>',
    short: 'Removes a target from a trusted collection.',
    long: 'Removes a target from the local trusted collection identified by the Globally Unique Name. This is an offline operation.  Please then use `publish` to push the changes to the remote trusted collection.',
    flags: [
      PUBLISH_FLAG,
      {
        name: 'roles',
        short: 'r',
        kind: 'strings',
        usage: 'Delegation roles to remove this target from',
      },
    ],
    load: async () => (await import('../actions/targets.ts')).remove,
  },
  {
    use: 'addhash [ GUN ] <target> <byte size> <hashes>',
    short: 'Adds the byte size and hash(es) as a target to the trusted collection.',
    long: 'Adds the specified byte size and hash(es) as a target to the local trusted collection identified by the Globally Unique Name. This is an offline operation.  Please then use `publish` to push the changes to the remote trusted collection.',
    flags: [
      {
        name: 'custom',
        kind: 'string',
        usage: 'Path to the file containing custom data for this target',
      },
      PUBLISH_FLAG,
      {
        name: 'roles',
        short: 'r',
        kind: 'strings',
        usage: 'Delegation roles to add this target to',
      },
      { name: 'sha256', kind: 'string', usage: 'hex encoded sha256 of the target to add' },
      { name: 'sha512', kind: 'string', usage: 'hex encoded sha512 of the target to add' },
    ],
    load: async () => (await import('../actions/targets.ts')).addhash,
  },
  {
    use: 'verify [ GUN ] <target>',
    short: 'Verifies if the content is included in the remote trusted collection',
    long: 'Verifies if the data passed in STDIN is included in the remote trusted collection identified by the Globally Unique Name.',
    flags: [
      { name: 'input', short: 'i', kind: 'string', usage: 'Read from a file, instead of STDIN' },
      { name: 'output', short: 'o', kind: 'string', usage: 'Write to a file, instead of STDOUT' },
      { name: 'quiet', short: 'q', kind: 'bool', usage: 'No output except for errors' },
    ],
    load: async () => (await import('../actions/verify.ts')).verify,
  },
  {
    use: 'witness [ GUN ] <role> ...',
    short: "Marks roles to be re-signed the next time they're published",
    long: "Marks roles to be re-signed the next time they're published. Currently will always bump version and expiry for role. N.B. behaviour may change when thresholding is introduced.",
    flags: [PUBLISH_FLAG],
    load: async () => (await import('../actions/witness.ts')).witness,
  },
  {
    use: 'delete [ GUN ]',
    short: 'Deletes all content for a trusted collection',
    long: 'Deletes all local content for a trusted collection identified by the Globally Unique Name. Remote data can also be deleted with an additional flag.',
    flags: [
      {
        name: 'remote',
        kind: 'bool',
        usage: 'Delete remote data for GUN in addition to local cache',
      },
    ],
    load: async () => (await import('../actions/delete.ts')).deleteCollection,
  },
];
