/**
 * Proves, now and not on the day when they are needed, that the private keys are there, whole, of the role that they
 * say, open, and make signatures which the published public keys verify.
 */
import type { PublicKey } from '../../crypto/public-key.ts';
import { verifySignature } from '../../crypto/signature.ts';
import { KeyError } from '../../errors.ts';
import type { KeyFile, KeyStore } from '../../keys/key-store.ts';
import { type KeyStrength, keyStrength } from '../../keys/key-strength.ts';
import { ROOT, TARGETS } from '../../tuf/role-name.ts';
import { refreshTrustData } from '../refresh-trust-data.ts';
import type { Session } from '../session.ts';
import { type CachedTrust, cachedTrust, type UnreadableRepositories } from '../trusting-roles.ts';
import { fileFindings, type KeyFinding, roleFindings } from './key-findings.ts';

export type { KeyFinding } from './key-findings.ts';

export interface CheckKeysRequest {
  /** Full key IDs, or the names of files that have none; all keys unless given. */
  readonly ids?: readonly string[];
  /** Ask no server: what is published is taken from the cached trust data. */
  readonly offline?: boolean;
  /** False leaves the keys locked: only the files are looked at. */
  readonly unlock?: boolean;
}

export interface CheckedKey {
  readonly id: string;
  readonly role: string;
  readonly gun?: string;
  /** The file that is used. */
  readonly file: string;
  readonly strength: KeyStrength;
  /** Whether it opened and is the key of its ID; null where that was not tried. */
  readonly opens: boolean | null;
  /** Whether every public key that repositories publish for it verifies what it signs; null where that was not tried. */
  readonly signs: boolean | null;
  readonly trustedBy: readonly { readonly repository: string; readonly role: string }[];
  /** A failure counts: it is a root key, a repository trusts it, it was asked for, or its file holds no whole key. */
  readonly needed: boolean;
  /** Whether it cannot do what it is for: some finding is grave. */
  readonly failed: boolean;
  readonly findings: readonly KeyFinding[];
}

export interface CheckKeysReport {
  readonly privateDir: string;
  readonly offline: boolean;
  readonly keys: readonly CheckedKey[];
  /** What is wrong with the folder of the keys. */
  readonly folderProblem?: string;
  /** Roles of repositories in the trust directory for which no private key is here; somebody else may have it. */
  readonly notHere: readonly { readonly repository: string; readonly role: string }[];
  /** Repositories of which is not known what they publish now, and why. */
  readonly unchecked: UnreadableRepositories;
  /** 0, or 4 when a needed key fails. */
  readonly exitCode: number;
}

/** What is signed for the proof: no metadata begins like this. */
const MESSAGE = Buffer.from('Tabellion checks that this key signs.', 'utf8');

/**
 * Checks keys one after the other; what is wrong with one is told, and the next one checked.
 * @throws KeyError `KEY_STORE_UNREADABLE`; what a prompt throws
 */
export async function checkKeys(
  session: Session,
  { ids, offline = false, unlock = true }: CheckKeysRequest,
): Promise<CheckKeysReport> {
  const store = await session.keys();
  const files = await store.files();
  const unchecked = offline ? [] : await refreshTrustData(session);
  const trust = await cachedTrust(session);
  const wanted = ids ?? [...new Set((await store.list()).map(({ id }) => id))];
  const keys: CheckedKey[] = [];
  for (const id of wanted) {
    session.progress({ message: 'checking keys', done: keys.length, total: wanted.length });
    const used = await store.file(id);
    if (used === undefined) continue;
    const others = files.filter(({ entry }) => entry.id === id && entry.path !== used.entry.path);
    keys.push(await checkKey(store, used, others, trust, { unlock, isWanted: ids !== undefined }));
  }
  const folderProblem = await store.folderProblem();
  const here = new Set(files.map(({ entry }) => entry.id));
  return {
    privateDir: store.privateDir,
    offline,
    keys,
    ...(folderProblem === undefined ? {} : { folderProblem }),
    notHere: ids === undefined ? rolesWithoutKey(trust, here) : [],
    unchecked: [...unchecked, ...trust.unreadable],
    exitCode: keys.some(key => key.needed && key.failed) ? 4 : 0,
  };
}

async function checkKey(
  store: KeyStore,
  used: KeyFile,
  others: readonly KeyFile[],
  trust: CachedTrust,
  { unlock, isWanted }: { readonly unlock: boolean; readonly isWanted: boolean },
): Promise<CheckedKey> {
  const { entry } = used;
  const { id, role, gun, path } = entry;
  const trusting = trust.roles.filter(({ keys }) => keys.has(id));
  const published = trusting.flatMap(({ keys }) => keys.get(id) ?? []);
  const proof =
    unlock && entry.usable
      ? await proveKey(store, id, published)
      : { opens: null, signs: null, findings: [] };
  const findings = [
    ...(await fileFindings(used, others)),
    ...roleFindings(entry, trusting),
    ...proof.findings,
  ];
  // Nothing excuses a file that is no whole key, or another one: who trusts it may not be known here.
  const isBroken = !entry.usable || findings.some(({ code }) => code === 'KEY_ID_MISMATCH');
  return {
    id,
    role,
    ...(gun === undefined ? {} : { gun }),
    file: path,
    strength: keyStrength(entry),
    opens: proof.opens,
    signs: proof.signs,
    trustedBy: trusting.map(one => ({ repository: one.repository, role: one.role })),
    needed: isWanted || role === ROOT || trusting.length > 0 || isBroken,
    failed: findings.some(({ grave }) => grave),
    findings,
  };
}

interface Proof {
  readonly opens: boolean | null;
  readonly signs: boolean | null;
  readonly findings: readonly KeyFinding[];
}

async function proveKey(
  store: KeyStore,
  id: string,
  published: readonly PublicKey[],
): Promise<Proof> {
  let opens = false;
  try {
    const key = await store.open(id);
    opens = true;
    const { method, signature } = key.sign(MESSAGE);
    const verifiers = published.length === 0 ? [key.publicKey] : published;
    const signs = verifiers.every(one => verifySignature(one, method, MESSAGE, signature));
    return { opens, signs, findings: signs ? [] : [notVerified()] };
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    const { code, message, hint } = error;
    const finding = { code, message, ...(hint === undefined ? {} : { hint }), grave: true };
    return { opens, signs: opens ? false : null, findings: [finding] };
  }
}

function notVerified(): KeyFinding {
  return {
    code: 'SIGNATURE_NOT_VERIFIED',
    message: 'The published public key does not verify what the key signs',
    hint: 'Compare with a backup; if none is good, have the key replaced.',
    grave: true,
  };
}

function rolesWithoutKey(
  { roles }: CachedTrust,
  here: ReadonlySet<string>,
): { repository: string; role: string }[] {
  return roles
    .filter(({ role }) => role === ROOT || role === TARGETS)
    .filter(({ keys }) => ![...keys.keys()].some(id => here.has(id)))
    .map(({ repository, role }) => ({ repository, role }));
}
