import type { KnownDifference } from './known-differences.ts';

const SAME_KEY = {
  step: 'docker-keys/load under another name',
  reason: 'a key that signs for one name must not silently change sides',
  documented: 'Keys',
} as const;

/** All of them: nothing else may differ, and each of them must. `notary` stands for the real program. */
export const DOCKER_TRUST_DIFFERENCES: readonly KnownDifference[] = [
  { ...SAME_KEY, where: 'exit', notary: ['exit 0'], tabellion: ['exit 1'] },
  {
    ...SAME_KEY,
    where: 'stdout',
    notary: ['Successfully imported key from key.pem'],
    tabellion: [],
  },
  {
    ...SAME_KEY,
    where: 'stderr',
    notary: [],
    tabellion: [
      'error importing key from key.pem: The dave key <dave-sec1> is stored already, so it cannot be imported as a erin key too',
      'Import it under the role that it has, or remove the stored key first.',
    ],
  },
  {
    ...SAME_KEY,
    where: 'disk',
    notary: [
      '~ trust/private/<dave-sec1>.key 0600 in 0700',
      '    trust/private/<dave-sec1>.key: -----BEGIN ENCRYPTED PRIVATE KEY-----',
      '    trust/private/<dave-sec1>.key: role: erin',
      '    trust/private/<dave-sec1>.key: ',
      '    trust/private/<dave-sec1>.key: <as stored: <dave-sec1>>',
      '    trust/private/<dave-sec1>.key: -----END ENCRYPTED PRIVATE KEY-----',
      '    trust/private/<dave-sec1>.key: ',
    ],
    tabellion: [],
  },
  {
    step: 'docker-revoke/inspect at an unreachable server',
    where: 'stderr',
    notary: ['no signatures or cannot access example.test/docker-revoke-absent'],
    tabellion: [
      'no signatures or cannot access example.test/docker-revoke-absent: Cannot reach <closed host>: the connection was refused',
      'Check the address and port, and that the server runs; behind a proxy set HTTPS_PROXY.',
    ],
    reason: 'the cause is told',
    documented: 'Reading',
  },
];
