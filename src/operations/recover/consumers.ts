/** What everybody who pulls from the repositories has to do after a new root, and what to publish to them. */
import { placesOf } from './places.ts';
import { providerPath, shellWord } from './provider-path.ts';
import { isMadeAnew, type RecoveredRepository, type RecoveryRecord } from './record.ts';

/** New thumbprints, to be published where people look for them. */
export interface NewThumbprint {
  readonly repository: string;
  /** Canonical ID of the root key. */
  readonly rootKeyId: string;
  /** ID of the root certificate: what pins and `docker trust inspect` use. */
  readonly certificateId: string;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  readonly oldCertificateIds: readonly string[];
}

export function newThumbprints(record: RecoveryRecord): NewThumbprint[] {
  return record.repositories.flatMap(repository =>
    (repository.newRootCertificates ?? []).map((certificateId, index) => ({
      repository: repository.gun,
      rootKeyId:
        repository.under === 'affected'
          ? (record.newRootKeyId ?? '')
          : (repository.oldRootKeys[0] ?? ''),
      certificateId,
      fingerprint: repository.newRootFingerprints?.[index] ?? '',
      oldCertificateIds: repository.oldRootCertificates,
    })),
  );
}

/** Commands for a consumer's machine, with comments: old copies go, and the new root is compared before it is trusted. */
export function consumerCommands(record: RecoveryRecord, now: Date): string[] {
  if (record.case.kind !== 'root') return [];
  if (!isMadeAnew(record)) {
    return [
      '# Nothing has to be deleted: a client follows when it next reaches the server. Look whether it sees your new root.',
      ...record.repositories.filter(({ stage }) => stage === 'done').map(thumbprintCommand),
      '# A difference means that it was shown a root of the thief: move its copy aside (~/.docker/trust/tuf/…), and ask again.',
    ];
  }
  const anew = record.repositories.filter(({ stage }) => stage === 'verified');
  return [
    '# On every machine that pulls or signs: move the old copy aside. Private keys stay.',
    ...anew.map(
      ({ gun }) =>
        `mv ~/.docker/trust/tuf/${shellWord(gun)}/metadata ~/.docker/trust/old-${folderName(gun)}`,
    ),
    '# Then look at the new root, and compare it with the thumbprint that you were told.',
    ...anew.map(thumbprintCommand),
    ...placesOf(record).flatMap(place => {
      const { consumerCommands: own } = providerPath(place, { now });
      return own;
    }),
  ];
}

function thumbprintCommand({ gun, newRootCertificates = [] }: RecoveredRepository): string {
  const [id] = newRootCertificates;
  const expected = id === undefined ? '' : ` --expect root=${id}`;
  return `tabellion thumbprint ${shellWord(gun)}${expected}`;
}

/** One name for a folder that holds no other. */
function folderName(gun: string): string {
  return gun.replaceAll(/[^\w.-]+/g, '-');
}
