/**
 * A root that is proposed on one machine and signed on others: making it, reading it, saying in what it differs
 * from the root before it, and putting the signatures to it (tuf.md 7, 8.5). Pure: keys are elsewhere.
 */
import { canonicalKeyId, keyId, type PublicKey } from '../crypto/public-key.ts';
import type { Signature } from '../crypto/signature.ts';
import { TabellionError, TrustError } from '../errors.ts';
import { withRoleKeys } from './apply-change.ts';
import { lifetime } from './constants.ts';
import { decodeRoot } from './decode.ts';
import { encodeFile, encodeRoot, signedMessage } from './encode.ts';
import { type Envelope, openEnvelope } from './envelope.ts';
import type { RoleKeys, RootMetadata } from './metadata.ts';
import { type RoleWithKeys, sameRoleKeys } from './role-keys.ts';
import { BASE_ROLES, type BaseRole, ROOT } from './role-name.ts';
import { type RootCertificate, rootCertificates } from './root-certificates.ts';
import { formatTime, parseTime } from './time.ts';
import { verifySignatures } from './verify-signatures.ts';

/** What a role shall have: keys that replace all of its own, a threshold, or both. */
export interface RoleProposal {
  readonly role: BaseRole;
  readonly keys?: readonly PublicKey[];
  readonly threshold?: number;
}

/** In what a role differs between two roots; `before` is absent in a first root. */
export interface RoleDifference {
  readonly role: string;
  readonly added: readonly PublicKey[];
  readonly removed: readonly PublicKey[];
  readonly kept: readonly PublicKey[];
  readonly threshold: { readonly before?: number; readonly after: number };
}

/** Keys of which so many must sign: those of the root before, or those of the proposed root itself. */
export interface RequiredSigners extends RoleWithKeys {
  readonly by: 'current' | 'proposed';
}

/**
 * The root that follows another one, unsigned.
 * @throws TrustError `THRESHOLD_UNATTAINABLE`
 */
export function proposeRoot(
  current: RootMetadata,
  { role, keys, threshold }: RoleProposal,
  now: Date,
): RootMetadata {
  const present = current.roles.get(role);
  const own = keys ?? (present?.keyIds ?? []).flatMap(id => current.keys.get(id) ?? []);
  const changed = withRoleKeys(current, role, own, threshold ?? present?.threshold ?? 1);
  checkThresholds(changed);
  return {
    ...changed,
    consistentSnapshot: false,
    version: current.version + 1,
    expires: formatTime(now.getTime() + lifetime(ROOT)),
  };
}

/**
 * Checks that every base role has as many different keys as must sign for it. One key counts once, under however
 * many IDs.
 * @throws TrustError `THRESHOLD_UNATTAINABLE`
 */
export function checkThresholds(root: RootMetadata): void {
  for (const role of BASE_ROLES) {
    const { keyIds, threshold } = root.roles.get(role) ?? { keyIds: [], threshold: 1 };
    const keys = (keyIds ?? []).flatMap(id => root.keys.get(id) ?? []);
    const different = new Set(keys.map(canonicalKeyId)).size;
    if (different >= threshold) continue;
    throw new TrustError(
      'THRESHOLD_UNATTAINABLE',
      `The ${role} role would need ${threshold} signatures, but has ${different} key${different === 1 ? '' : 's'}`,
      {
        hint: 'Nobody could ever sign for it: give it more keys, or ask for fewer signatures.',
        details: { role, threshold, keys: different },
      },
    );
  }
}

/** The message that the keys of a proposed root sign. */
export function rootMessage(root: RootMetadata): Uint8Array {
  return Buffer.from(signedMessage(encodeRoot(root)), 'utf8');
}

/**
 * Reads a proposed root. Only the very form that Tabellion writes is taken: what is shown is what is signed.
 * @throws TrustError `METADATA_MALFORMED`, `THRESHOLD_UNATTAINABLE`
 */
export function readProposedRoot(message: Uint8Array): RootMetadata {
  const text = Buffer.from(message).toString('utf8');
  const envelope = openEnvelope(encodeFile(text, []), ROOT);
  const root = decodeRoot(envelope.signed);
  if (!Buffer.from(message).equals(rootMessage(root))) {
    throw new TrustError(
      'METADATA_MALFORMED',
      'The proposed root is not written as every client would write it',
      { details: { role: ROOT } },
    );
  }
  checkThresholds(root);
  return root;
}

/**
 * Checks what any client will check of a proposed root once it is signed: certificates for this repository that are
 * valid now, as many as must sign, and a date that lies ahead.
 * @returns its certificates
 * @throws TrustError `ROOT_CERTIFICATE_INVALID`, `THRESHOLD_UNATTAINABLE`, `METADATA_EXPIRED`
 */
export function checkProposedRoot(
  root: RootMetadata,
  gun: string,
  now: Date,
): readonly RootCertificate[] {
  const usable = rootCertificates(root, gun, now, 'valid');
  const { keyIds, threshold } = roleOf(root, ROOT);
  if (usable.length < new Set(keyIds).size) {
    throw new TrustError(
      'ROOT_CERTIFICATE_INVALID',
      `Not every root key of the proposed root has a certificate for ${gun} that is valid now`,
      {
        hint: `Make a new certificate for the key, and ask for a root with that; or set the clock of this machine, which says ${now.toISOString().slice(0, 16)}Z.`,
      },
    );
  }
  const different = new Set(usable.map(({ key }) => canonicalKeyId(key))).size;
  if (different < threshold) {
    throw new TrustError(
      'THRESHOLD_UNATTAINABLE',
      `The proposed root would need ${threshold} signatures of root keys, but only ${different} can sign`,
      { details: { role: ROOT, threshold, keys: different } },
    );
  }
  if (parseTime(root.expires, ROOT) <= now.getTime()) {
    throw new TrustError('METADATA_EXPIRED', `The proposed root expires on ${root.expires}`, {
      hint: 'Check the clock of this machine.',
      details: { role: ROOT, expires: root.expires },
    });
  }
  return usable;
}

/** In which roles two roots differ; in a first root, all of them. Roles that are the same are left out. */
export function rootDifferences(
  current: RootMetadata | undefined,
  proposed: RootMetadata,
): RoleDifference[] {
  const names = new Set([...(current?.roles.keys() ?? []), ...proposed.roles.keys()]);
  return [...names].flatMap(role => {
    const before = current?.roles.get(role);
    const after = proposed.roles.get(role);
    if (current !== undefined && sameRoleKeys(before, after)) return [];
    const [old, present] = [keysOfRole(current, before), keysOfRole(proposed, after)];
    return [
      {
        role,
        added: [...present].filter(([id]) => !old.has(id)).map(([, key]) => key),
        removed: [...old].filter(([id]) => !present.has(id)).map(([, key]) => key),
        kept: [...present].filter(([id]) => old.has(id)).map(([, key]) => key),
        threshold: {
          ...(before === undefined ? {} : { before: before.threshold }),
          after: after?.threshold ?? 0,
        },
      },
    ];
  });
}

/**
 * Checks that a proposed root is the next version of the current one, and that nothing was slipped in beside the
 * roles: keys that no role names, other than old root certificates, which stay in the file.
 * @throws TrustError `CEREMONY_UNDECLARED_CHANGE`
 */
export function checkSuccessor(current: RootMetadata | undefined, proposed: RootMetadata): void {
  const wanted = (current?.version ?? 0) + 1;
  if (proposed.version !== wanted)
    throw undeclared(`it is version ${proposed.version}, and ${wanted} is next`);
  if (proposed.consistentSnapshot) throw undeclared('it changes how files are named');
  const named = new Set([...proposed.roles.values()].flatMap(({ keyIds }) => keyIds ?? []));
  for (const [id, key] of proposed.keys) {
    if (keyId(key) !== id) throw undeclared('a key does not have the ID that it is listed under');
    if (!named.has(id) && current?.keys.get(id) === undefined)
      throw undeclared('it holds a key that no role names');
  }
}

/** For a proposed root that does more than is said of it. */
export function undeclared(why: string): TrustError {
  return new TrustError(
    'CEREMONY_UNDECLARED_CHANGE',
    `The proposed root is not what the request says: ${why}`,
    { hint: 'Do not sign it. Whoever made the request must explain it.' },
  );
}

/** Who must sign a proposed root: its own root role, and the one before when that differs (tuf.md 7.3). */
export function requiredSigners(
  current: RootMetadata | undefined,
  proposed: RootMetadata,
): RequiredSigners[] {
  const own: RequiredSigners = {
    by: 'proposed',
    roleKeys: roleOf(proposed, ROOT),
    keys: proposed.keys,
  };
  const before = current?.roles.get(ROOT);
  if (current === undefined || sameRoleKeys(before, own.roleKeys)) return [own];
  return [own, { by: 'current', roleKeys: roleOf(current, ROOT), keys: current.keys }];
}

/** The keys that may sign, by scoped ID: those of the proposed root first, as Notary orders signatures. */
export function signingKeys(signers: readonly RequiredSigners[]): Map<string, PublicKey> {
  return new Map(
    signers.flatMap(({ roleKeys, keys }) =>
      (roleKeys.keyIds ?? []).flatMap(id => {
        const key = keys.get(id);
        return key === undefined ? [] : [[id, key] as const];
      }),
    ),
  );
}

/** How many different keys of a set have signed. */
export function signaturesOf(
  { roleKeys, keys }: RequiredSigners,
  message: Uint8Array,
  signatures: readonly Signature[],
): number {
  if (signatures.length === 0) return 0;
  const envelope: Envelope = { signed: {}, message, signatures };
  return verifySignatures(envelope, ROOT, { ...roleKeys, threshold: 0 }, keys).length;
}

/**
 * The signatures that do not hold, of one key each.
 * @returns their key IDs
 */
export function badSignatures(
  signers: readonly RequiredSigners[],
  message: Uint8Array,
  signatures: readonly Signature[],
): string[] {
  const keys = signingKeys(signers);
  return signatures
    .filter(signature => {
      const role = { keyIds: [signature.keyId], threshold: 1 };
      try {
        verifySignatures({ signed: {}, message, signatures: [signature] }, ROOT, role, keys);
        return false;
      } catch (error) {
        if (!(error instanceof TabellionError)) throw error;
        return true;
      }
    })
    .map(signature => signature.keyId);
}

/** The finished file, its signatures in Notary's order: new keys, then old ones (tuf.md 7.2). */
export function assembleRoot(
  message: Uint8Array,
  signers: readonly RequiredSigners[],
  signatures: readonly Signature[],
): Uint8Array {
  const ordered = [...signingKeys(signers).keys()].flatMap(
    id => signatures.find(signature => signature.keyId === id) ?? [],
  );
  return encodeFile(Buffer.from(message).toString('utf8'), ordered);
}

function roleOf(root: RootMetadata, role: string): RoleKeys {
  return root.roles.get(role) ?? { keyIds: [], threshold: 1 };
}

function keysOfRole(
  root: RootMetadata | undefined,
  role: RoleKeys | undefined,
): Map<string, PublicKey> {
  return new Map(
    (role?.keyIds ?? []).flatMap(id => {
      const key = root?.keys.get(id);
      return key === undefined ? [] : [[id, key] as const];
    }),
  );
}
