/** The commands below `notary delegation`. */
import type { NotaryCommand } from '../context.ts';
import { PUBLISH_FLAG } from './flags.ts';

export const DELEGATION_COMMANDS: readonly NotaryCommand[] = [
  {
    use: 'list [ GUN ]',
    short: 'Lists delegations for the Global Unique Name.',
    long: 'Lists all delegations known to notary for a specific Global Unique Name.',
    load: async () => (await import('../actions/delegation-list.ts')).delegationList,
  },
  {
    use: 'purge [ GUN ]',
    short: 'Remove KeyID(s) from all delegation roles in the given GUN.',
    long: 'Remove KeyID(s) from all delegation roles in the given GUN, for which the signing keys are available. Warnings will be printed for delegations that cannot be updated.',
    flags: [
      { name: 'key', kind: 'strings', usage: 'Delegation key IDs to be removed from the GUN' },
      PUBLISH_FLAG,
    ],
    load: async () => (await import('../actions/delegations.ts')).delegationPurge,
  },
  {
    use: 'remove [ GUN ] [ Role ] <KeyID 1> ...',
    short: 'Remove KeyID(s) from the specified Role delegation.',
    long: 'Remove KeyID(s) from the specified Role delegation in a specific Global Unique Name.',
    flags: [
      { name: 'all-paths', kind: 'bool', usage: 'Remove all paths from this delegation' },
      { name: 'paths', kind: 'strings', usage: 'List of paths to remove' },
      PUBLISH_FLAG,
      {
        name: 'yes',
        short: 'y',
        kind: 'bool',
        usage: 'Answer yes to the removal question (no confirmation)',
      },
    ],
    load: async () => (await import('../actions/delegations.ts')).delegationRemove,
  },
  {
    use: 'add [ GUN ] [ Role ] <X509 file path 1> ...',
    short: 'Add a keys to delegation using the provided public key X509 certificates.',
    long: 'Add a keys to delegation using the provided public key PEM encoded X509 certificates in a specific Global Unique Name.',
    flags: [
      { name: 'all-paths', kind: 'bool', usage: 'Add all paths to this delegation' },
      { name: 'paths', kind: 'strings', usage: 'List of paths to add' },
      PUBLISH_FLAG,
    ],
    load: async () => (await import('../actions/delegations.ts')).delegationAdd,
  },
];
