/** Asking for signatures of root keys that are kept elsewhere: the request, and the keys that it needs here. */
import { randomBytes as systemRandomBytes } from 'node:crypto';
import {
  type CeremonyFile,
  type CeremonyKind,
  type CeremonyRepository,
  type CeremonyRequest,
  ceremonyId,
  encodeRequest,
  requestFingerprint,
} from '../../ceremony/ceremony-file.ts';
import { reviewCeremony } from '../../ceremony/review.ts';
import { printable } from '../../crypto/printable.ts';
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { OperationError, TrustError, UsageError } from '../../errors.ts';
import { Repository } from '../../tuf/repository.ts';
import { hasAnyKey } from '../../tuf/role-keys.ts';
import { type BaseRole, ROOT, SNAPSHOT, TIMESTAMP } from '../../tuf/role-name.ts';
import { DAY, formatTime } from '../../tuf/time.ts';
import { type CreatedKey, tellingCreated } from '../initialise-repository.ts';
import { checkServerSignsSnapshot, keyRing } from '../publish.ts';
import {
  type GivenCertificate,
  readRootCertificates,
  rootKeysFor,
} from '../rotation/root-certificate-files.ts';
import { checkRotation } from '../rotation/rotate.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { checkNewFile, writeCeremony } from './input.ts';
import {
  checkAttainable,
  type PreparedRepository,
  proposal,
  proposedRootRole,
} from './proposal.ts';
import { writeCeremonyRecord } from './records.ts';
import { ceremonyState } from './state.ts';
import { type CeremonyView, ceremonyView } from './view.ts';

/** How long a request is good for, unless told, in days. */
export const REQUEST_DAYS = 90;

export interface RequestCeremony {
  readonly kind: CeremonyKind;
  /** Of a rotation: whose key; else the root's. */
  readonly role?: string;
  readonly repositories: readonly string[];
  /** Where the request goes; it must not exist. */
  readonly output: string;
  /** Files with certificates of root keys, for the kinds that bring new ones. */
  readonly certificateFiles?: readonly string[];
  /** How many root keys must sign from then on. */
  readonly threshold?: number;
  /** Let the server make and keep the new snapshot key. */
  readonly serverManaged?: boolean;
  /** Check what can be checked; make no key and write nothing. */
  readonly dryRun?: boolean;
  /** Told of each key as soon as it is stored. */
  readonly created?: CreatedKey[];
  /** For the nonce. */
  readonly randomBytes?: (size: number) => Uint8Array;
}

export interface WrittenRequest extends CeremonyView {
  readonly dryRun: false;
  readonly file: string;
  readonly createdKeys: readonly CreatedKey[];
}

/** What a dry run finds: that a request could be made. */
export interface CheckedRequest {
  readonly dryRun: true;
  readonly kind: CeremonyKind;
  readonly role: string;
  readonly checked: readonly { readonly repository: string; readonly server: string }[];
}

export type RequestedCeremony = WrittenRequest | CheckedRequest;

/**
 * Writes a request for signatures. What can fail without new keys is tried for all repositories before any is made;
 * new private keys are on disk, and the request is on record, before the file is written.
 * @throws UsageError `ROTATION_NOT_ALLOWED`, `OPTIONS_CONFLICT`; OperationError `FILE_EXISTS`, `REPOSITORY_EXISTS`;
 *   TrustError `THRESHOLD_UNATTAINABLE` and those of an update; KeyError, ConnectionError
 */
export async function requestCeremony(
  session: Session,
  request: RequestCeremony,
): Promise<RequestedCeremony> {
  const { created = [] } = request;
  const role = checkRequest(request);
  await checkNewFile(request.output);
  const given = await readRootCertificates(request.certificateFiles ?? []);
  const guns = [...new Set(request.repositories)];
  const prepared: PreparedRepository[] = [];
  for (const [done, gun] of guns.entries()) {
    session.progress({ message: `looking at ${gun}`, done, total: guns.length });
    prepared.push(await prepare(session, gun, request, role, given));
  }
  if (request.dryRun === true) {
    const checked = prepared.map(({ access }) => ({
      repository: access.gun,
      server: access.server,
    }));
    return { dryRun: true, kind: request.kind, role, checked };
  }
  return await tellingCreated(created, async () => {
    const repositories: CeremonyRepository[] = [];
    for (const one of prepared) {
      repositories.push(await proposal(session, one, request, role, created));
    }
    const written = await write(session, request, repositories, created);
    return { dryRun: false as const, ...written, createdKeys: created };
  });
}

function checkRequest(request: RequestCeremony): BaseRole {
  const { kind, role = ROOT, serverManaged = false, certificateFiles = [], threshold } = request;
  const takesCertificates = kind === 'init' || kind === 'rotate-root' || kind === 'add-root-key';
  if (takesCertificates !== certificateFiles.length > 0) {
    throw new UsageError(
      'OPTIONS_CONFLICT',
      takesCertificates
        ? `“${kind}” needs the certificate of a root key`
        : `“${kind}” takes no certificate: a root key has one, and other keys are made here`,
      takesCertificates
        ? { hint: 'Make it where the root key is: tabellion ceremony new-root IMAGE -o FILE' }
        : {},
    );
  }
  if (kind !== 'rotate') {
    if (!serverManaged) return ROOT;
    throw new UsageError('OPTIONS_CONFLICT', 'The server may not manage a root key');
  }
  if (threshold !== undefined)
    throw new UsageError('OPTIONS_CONFLICT', '--threshold is about root keys, which stay the same');
  checkRotation(role, serverManaged || role === TIMESTAMP);
  if (role !== ROOT) return role as BaseRole;
  throw new UsageError('OPTIONS_CONFLICT', 'A root key is replaced by “rotate-root”');
}

async function prepare(
  session: Session,
  gun: string,
  request: RequestCeremony,
  role: BaseRole,
  given: readonly GivenCertificate[],
): Promise<PreparedRepository> {
  const { kind, threshold = 1 } = request;
  const access = await session.repositoryByGun(gun);
  const rootKeys = given.length > 0 ? rootKeysFor(given, gun, session.now) : undefined;
  if (kind === 'init') {
    await refuseKnown(access);
    const different = new Set(rootKeys?.map(canonicalKeyId)).size;
    checkAttainable(gun, ROOT, threshold, different);
    return { access, rootKeys: rootKeys ?? [] };
  }
  const repository = Repository.fromTrusted(await ceremonyState(session, access, role));
  await checkSnapshotKey(session, access, repository, role);
  const one = { access, repository, ...(rootKeys === undefined ? {} : { rootKeys }) };
  // Without new keys yet: the present ones show whether the number of signatures can be reached.
  if (role === ROOT) proposedRootRole(session, one, request);
  // One key is made; whoever has several for a role cannot give them here.
  else checkAttainable(gun, role, repository.keysFor(role).roleKeys.threshold, 1);
  return one;
}

/** The server, and this machine, must know nothing of a repository that is to be made. */
async function refuseKnown({ gun, dir, remote, server }: RepositoryAccess): Promise<void> {
  const onServer = await remote.root().then(
    () => true,
    error => {
      if (error instanceof TrustError && error.code === 'METADATA_NOT_FOUND') return false;
      throw error;
    },
  );
  if (!onServer && !(await dir.roles()).includes(ROOT)) return;
  const where = onServer ? server : printable(dir.folder);
  throw new OperationError('REPOSITORY_EXISTS', `${printable(gun)} exists already, in ${where}`, {
    hint: 'Its root key is replaced by: tabellion ceremony request rotate-root',
    details: { where: onServer ? 'server' : 'cache', gun },
  });
}

/** What is published later needs a snapshot: signed here, or by the server. */
async function checkSnapshotKey(
  session: Session,
  access: RepositoryAccess,
  repository: Repository,
  role: BaseRole,
): Promise<void> {
  if (role === SNAPSHOT) return;
  if (await hasAnyKey(repository.keysFor(SNAPSHOT), await keyRing(session))) return;
  await checkServerSignsSnapshot(access, repository);
}

async function write(
  session: Session,
  { output, randomBytes = systemRandomBytes }: RequestCeremony,
  repositories: readonly CeremonyRepository[],
  created: readonly CreatedKey[],
): Promise<CeremonyView & { file: string }> {
  const now = session.now.getTime();
  const request: CeremonyRequest = {
    nonce: Uint8Array.from(randomBytes(32)),
    created: formatTime(now),
    expires: formatTime(now + REQUEST_DAYS * DAY),
    repositories,
  };
  const requestBytes = await encodeRequest(request);
  const file: CeremonyFile = { request, requestBytes, signatures: [] };
  const reviewed = reviewCeremony(file, { now: session.now, pinning: await session.pinning() });
  await writeCeremonyRecord(session, {
    schemaVersion: 1,
    id: ceremonyId(request),
    fingerprint: requestFingerprint(file),
    created: request.created,
    expires: request.expires,
    repositories: reviewed.map(({ asked, proposed }) => ({
      gun: asked.gun,
      server: asked.server,
      kind: asked.kind,
      role: asked.role,
      version: proposed.version,
      state: 'waiting',
    })),
    createdKeys: created.map(({ id, role }) => ({ id, role })),
  });
  await writeCeremony(output, file);
  return { ...ceremonyView(file, reviewed), file: output };
}
