/** A ceremony on the machine that has root keys: to look at a request, and to sign it. No network, no trust data. */
import {
  type CeremonyFile,
  type CeremonySignature,
  requestFingerprint,
} from '../../ceremony/ceremony-file.ts';
import {
  type ReviewContext,
  type ReviewedRepository,
  reviewCeremony,
} from '../../ceremony/review.ts';
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { KeyError, OperationError, TabellionError } from '../../errors.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import { signAtHand } from '../../tuf/role-keys.ts';
import { ROOT } from '../../tuf/role-name.ts';
import { signingKeys } from '../../tuf/root-proposal.ts';
import { verifySignatures } from '../../tuf/verify-signatures.ts';
import { type Failure, failureOf } from '../failure.ts';
import { keyRing } from '../publish.ts';
import type { Session } from '../session.ts';
import { readOwnPins } from '../thumbprints/own-pins.ts';
import { checkAge, checkNewFile, readCeremonies, writeCeremony } from './input.ts';
import { CeremonyMemory } from './memory.ts';
import { type CeremonyView, ceremonyView } from './view.ts';

interface FirstMeeting {
  /**
   * Repositories of which this machine has signed no root yet, and whose present root names keys that are here, none of
   * which has signed it: another holder may have, or somebody who put it together around these keys.
   */
  readonly notSignedHere: readonly string[];
}

export interface ShownCeremony extends CeremonyView, FirstMeeting {
  /** Repositories of which this machine has signed no root yet: only a person can tell whether it is theirs. */
  readonly unknownRepositories: readonly string[];
  /** Why this machine would not sign it. */
  readonly refusal?: Failure;
}

export interface SignedCeremony extends CeremonyView, FirstMeeting {
  /** IDs of the keys that have signed now. */
  readonly signedBy: readonly string[];
  /** IDs of the keys here that had signed before. */
  readonly signedBefore: readonly string[];
  readonly file: string;
}

export interface SignCeremonyRequest {
  readonly files: readonly string[];
  /** Where the answer goes. */
  readonly output: string;
  /** Sign although this machine remembers another root. */
  readonly newHistory?: boolean;
  /** Of the request that a person has seen and agreed to: no other one is signed. */
  readonly fingerprint?: string;
}

/**
 * Reads one or several files of one request, verifies all that is in them, and tells what it would do.
 * @throws OperationError, TrustError: see `readCeremonies` and `reviewCeremony`
 */
export async function showCeremony(
  session: Session,
  files: readonly string[],
): Promise<ShownCeremony> {
  const { file, reviewed } = await open(session, files);
  const memory = await CeremonyMemory.open(session);
  const refused = refusal(() => {
    checkAge(file, session.now);
    for (const repository of reviewed) memory.check(repository);
  });
  return {
    ...ceremonyView(file, reviewed),
    unknownRepositories: unknownTo(memory, reviewed),
    notSignedHere: await notSignedHere(memory, reviewed, await keyRing(session)),
    ...(refused === undefined ? {} : { refusal: refused }),
  };
}

/** The same, as far as it goes before signing. @throws all that signing throws before it asks for a key */
export async function reviewBeforeSigning(
  session: Session,
  request: SignCeremonyRequest,
): Promise<ShownCeremony> {
  const { file, reviewed, memory } = await prepare(session, request);
  const ring = await keyRing(session);
  await keysHere(reviewed, ring);
  return {
    ...ceremonyView(file, reviewed),
    unknownRepositories: unknownTo(memory, reviewed),
    notSignedHere: await notSignedHere(memory, reviewed, ring),
  };
}

/**
 * Signs every proposed root with the root keys that are here, and writes the answer.
 * @throws KeyError `KEY_MISSING` when none is; TrustError `CEREMONY_STALE`, `CEREMONY_FORKED`; OperationError
 *   `CEREMONY_EXPIRED`, `CEREMONY_CHANGED`, `FILE_EXISTS`, and what {@link showCeremony} throws
 */
export async function signCeremony(
  session: Session,
  request: SignCeremonyRequest,
): Promise<SignedCeremony> {
  const { file, reviewed, memory } = await prepare(session, request);
  const ring = await keyRing(session);
  const here = await keysHere(reviewed, ring);
  const added: CeremonySignature[] = [];
  for (const [repository, { asked, signers, signatures }] of reviewed.entries()) {
    const wanted = [...signingKeys(signers)].filter(
      ([id]) => !signatures.some(signature => signature.keyId === id),
    );
    session.progress({ message: 'signing', done: repository, total: reviewed.length });
    const keys = wanted.map(([, key]) => key);
    for (const made of await signAtHand(ROOT, keys, ring, asked.proposed))
      added.push({ repository, ...made });
  }
  // Before the signatures leave this process.
  await CeremonyMemory.add(
    session,
    reviewed.filter((_, index) => added.some(made => made.repository === index)),
    request.newHistory === true,
  );
  const signed: CeremonyFile = { ...file, signatures: [...file.signatures, ...added] };
  await writeCeremony(request.output, signed);
  const canonical = canonicalOf(reviewed);
  const now = new Set(added.map(({ keyId }) => canonical.get(keyId) ?? keyId));
  return {
    ...ceremonyView(signed, reviewCeremony(signed, await contextOf(session))),
    signedBy: [...now],
    signedBefore: here.filter(id => !now.has(id)),
    notSignedHere: await notSignedHere(memory, reviewed, ring),
    file: request.output,
  };
}

/**
 * Puts the signatures of several answers together.
 * @throws OperationError `CEREMONY_MIXED`, `FILE_EXISTS`, and what {@link showCeremony} throws
 */
export async function mergeCeremonies(
  session: Session,
  files: readonly string[],
  output: string,
): Promise<CeremonyView> {
  await checkNewFile(output);
  const { file, reviewed } = await open(session, files);
  await writeCeremony(output, file);
  return ceremonyView(file, reviewed);
}

interface Opened {
  readonly file: CeremonyFile;
  readonly reviewed: readonly ReviewedRepository[];
}

async function open(session: Session, files: readonly string[]): Promise<Opened> {
  const file = await readCeremonies(files);
  return { file, reviewed: reviewCeremony(file, await contextOf(session)) };
}

async function prepare(
  session: Session,
  { files, output, newHistory = false, fingerprint }: SignCeremonyRequest,
): Promise<Opened & { memory: CeremonyMemory }> {
  if (!files.includes(output)) await checkNewFile(output);
  const opened = await open(session, files);
  if (fingerprint !== undefined && requestFingerprint(opened.file) !== fingerprint) {
    throw new OperationError(
      'CEREMONY_CHANGED',
      'The file is not the one any more that was shown: nothing was signed',
      { hint: 'Copy it to a place where nobody else can write, and look at it again.' },
    );
  }
  checkAge(opened.file, session.now);
  const memory = await CeremonyMemory.open(session);
  if (!newHistory) for (const repository of opened.reviewed) memory.check(repository);
  return { ...opened, memory };
}

/** What a person has pinned by thumbprint holds here too, for the root that is followed. */
async function contextOf(session: Session): Promise<ReviewContext> {
  const confirmed = new Map<string, readonly string[]>();
  for (const { repository, certificates } of await readOwnPins(session.trustDir.own))
    confirmed.set(
      repository,
      certificates.map(({ keyId }) => keyId),
    );
  return { now: session.now, pinning: { ...(await session.pinning()), confirmed } };
}

/** IDs of the private keys here that may sign any of it. @throws KeyError `KEY_MISSING` */
async function keysHere(reviewed: readonly ReviewedRepository[], ring: KeyRing): Promise<string[]> {
  const wanted = [...new Set(canonicalOf(reviewed).values())];
  const here: string[] = [];
  for (const id of wanted) if (await ring.has(id)) here.push(id);
  if (here.length > 0) return here;
  throw new KeyError(
    'KEY_MISSING',
    `None of the root keys that could sign this is on this machine: ${wanted.join(', ')}`,
    {
      hint: 'Copy the key file into the private folder of the trust directory, or sign on the machine that has it.',
      details: { role: ROOT, keyIds: wanted },
    },
  );
}

function canonicalOf(reviewed: readonly ReviewedRepository[]): Map<string, string> {
  return new Map(
    reviewed.flatMap(({ signers }) =>
      [...signingKeys(signers)].map(([id, key]) => [id, canonicalKeyId(key)] as const),
    ),
  );
}

function unknownTo(memory: CeremonyMemory, reviewed: readonly ReviewedRepository[]): string[] {
  return reviewed.map(({ asked }) => asked.gun).filter(gun => !memory.knows(gun));
}

async function notSignedHere(
  memory: CeremonyMemory,
  reviewed: readonly ReviewedRepository[],
  ring: KeyRing,
): Promise<string[]> {
  const found: string[] = [];
  for (const { asked, current } of reviewed) {
    if (current === undefined || memory.knows(asked.gun)) continue;
    const { keys, roles } = current.metadata;
    const here: string[] = [];
    for (const id of roles.get(ROOT)?.keyIds ?? []) {
      const key = keys.get(id);
      if (key !== undefined && (await ring.has(canonicalKeyId(key)))) here.push(id);
    }
    if (here.length === 0) continue;
    const role = { keyIds: here, threshold: 0 };
    const signed = verifySignatures(openEnvelope(current.bytes, ROOT), ROOT, role, keys);
    if (signed.length === 0) found.push(asked.gun);
  }
  return found;
}

function refusal(check: () => void): ShownCeremony['refusal'] {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return failureOf(error);
  }
}
