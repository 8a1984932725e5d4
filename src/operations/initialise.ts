/** Initialising a repository on this machine, to be published later (tuf.md 6.3). */

import { certificateProblem, parseCertificateDer } from '../crypto/certificate.ts';
import { decodePem } from '../crypto/pem.ts';
import { printable } from '../crypto/printable.ts';
import type { PrivateKey } from '../crypto/private-key.ts';
import { canonicalKeyId, type PublicKey } from '../crypto/public-key.ts';
import { KeyError, OperationError } from '../errors.ts';
import { ROOT, TIMESTAMP } from '../tuf/role-name.ts';
import { readKeyText } from './delegations/delegation-keys.ts';
import { type CreatedKey, makeRepository, tellingCreated } from './initialise-repository.ts';
import { readGivenKey } from './keys/given-key.ts';
import { servedRoot } from './served-root.ts';
import type { RepositoryAccess, Session } from './session.ts';

export interface InitialiseRequest {
  /** File with an encrypted root key; it is stored too. */
  readonly rootKeyFile?: string;
  /** File with a certificate for the root key. */
  readonly rootCertificateFile?: string;
  /** Who is to sign the snapshot. Default: a key of this machine's own, as `notary init` makes it. */
  readonly snapshot?: 'local' | 'server';
  /**
   * What becomes of a repository that is known already: `replace-unpublished` begins again what was only
   * initialised here; `replace` cuts this machine off from a live one.
   */
  readonly existing?: 'refuse' | 'replace-unpublished' | 'replace';
  /** Told of each new key as soon as it is stored. */
  readonly created?: CreatedKey[];
}

export interface InitialisedRepository {
  readonly rootKeyId: string;
  readonly rootKey: 'found' | 'created' | 'given';
  readonly createdKeys: readonly CreatedKey[];
}

/**
 * Initialises a repository. The server is asked first whether it has it, and keys are made last.
 * @throws OperationError `REPOSITORY_EXISTS` (details: `where` is `server` or `cache`)
 * @throws KeyError for root key or certificate; TrustError, ConnectionError
 */
export async function initialiseRepository(
  session: Session,
  gun: string,
  request: InitialiseRequest = {},
): Promise<InitialisedRepository> {
  const access = await session.repositoryByGun(gun);
  const { existing = 'refuse', created = [], snapshot = 'local' } = request;
  return await access.dir.withLock(async () => {
    const given = await givenRoot(session, gun, request);
    if (existing !== 'replace') await refuseExisting(access, existing);
    const made = await tellingCreated(created, () =>
      makeRepository(session, access, { snapshot, ...given }, created),
    );
    return { rootKeyId: made.rootKeyId, rootKey: made.rootKey, createdKeys: created };
  });
}

async function refuseExisting(
  access: RepositoryAccess,
  existing: 'refuse' | 'replace-unpublished',
): Promise<void> {
  const { gun, dir, server } = access;
  if ((await servedRoot(access)) !== undefined) {
    throw new OperationError('REPOSITORY_EXISTS', `${printable(gun)} exists already on ${server}`, {
      hint: 'Initialising it again would cut this machine off from it. Its data can be read and signed as it is.',
      details: { where: 'server', gun },
    });
  }
  const roles = await dir.roles();
  if (!roles.includes(ROOT)) return;
  if (existing === 'replace-unpublished' && !roles.includes(TIMESTAMP)) return;
  throw new OperationError(
    'REPOSITORY_EXISTS',
    `This machine has trust data of ${printable(gun)} already, in ${printable(dir.folder)}`,
    {
      hint: 'Publish it, or delete its trust data on this machine first (private keys stay).',
      details: { where: 'cache', gun },
    },
  );
}

async function givenRoot(
  session: Session,
  gun: string,
  { rootKeyFile, rootCertificateFile }: InitialiseRequest,
): Promise<{ rootKey?: PrivateKey; rootCertificate?: PublicKey }> {
  const rootKey =
    rootKeyFile === undefined
      ? undefined
      : await readGivenKey(session, rootKeyFile, { encryptedOnly: true });
  if (rootCertificateFile === undefined) return rootKey === undefined ? {} : { rootKey };
  const rootCertificate = await readCertificate(rootCertificateFile, gun, session.now);
  const id = canonicalKeyId(rootCertificate);
  if (rootKey?.id === id) return { rootKey, rootCertificate };
  const keys = await session.keys();
  const stored = rootKey === undefined ? await keys.find(id) : undefined;
  if (stored?.role === ROOT) return { rootKey: await keys.open(id), rootCertificate };
  throw new KeyError(
    'KEY_NOT_FOUND',
    `The certificate in ${printable(rootCertificateFile)} is for the key ${id}, which is not ${rootKey === undefined ? 'among the root keys here' : `the one given (${rootKey.id})`}`,
    { details: { keyId: id, file: rootCertificateFile } },
  );
}

/** The first PEM block, whatever its label, as Notary takes it (keys.md 3.3). */
async function readCertificate(file: string, gun: string, now: Date): Promise<PublicKey> {
  const block = decodePem(await readKeyText(file));
  if (block === undefined) throw unusable(file, 'it holds no PEM block', 'CERTIFICATE_MALFORMED');
  let certificate: ReturnType<typeof parseCertificateDer>;
  try {
    certificate = parseCertificateDer(block.bytes);
  } catch (cause) {
    throw unusable(file, 'it cannot be read', 'CERTIFICATE_MALFORMED', cause);
  }
  const { commonName } = certificate;
  const covers = commonName.endsWith('*')
    ? gun.startsWith(commonName.replace(/\*+$/, ''))
    : commonName === gun;
  const problem = certificateProblem(certificate, now, { checkDates: true });
  // Nobody would ever accept such a root, and the keys that are made for it would be orphans.
  if (!covers)
    throw unusable(file, `it is for “${printable(commonName)}”, not for ${printable(gun)}`);
  if (certificate.isCa) throw unusable(file, 'it is one of a certificate authority');
  if (problem !== undefined) throw unusable(file, `it is not acceptable (${problem})`);
  const publicBytes = Buffer.from(certificate.pem, 'utf8');
  return { keytype: `${certificate.publicKey.keytype}-x509`, publicBytes };
}

function unusable(
  file: string,
  why: string,
  code = 'CERTIFICATE_UNACCEPTABLE',
  cause?: unknown,
): KeyError {
  return new KeyError(code, `The root certificate ${printable(file)} cannot be used: ${why}`, {
    cause,
    details: { file },
  });
}
