/** Which roles of a repository have expired or soon will, and which of them can be signed again here. */
import { canonicalKeyId } from '../../crypto/public-key.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import type { Repository } from '../../tuf/repository.ts';
import { canonicalIds, canSign, hasAnyKey } from '../../tuf/role-keys.ts';
import { isDelegationName, parentRole, ROOT, SNAPSHOT, TARGETS } from '../../tuf/role-name.ts';
import { type RootCertificate, rootCertificates } from '../../tuf/root-certificates.ts';
import { parseTime } from '../../tuf/time.ts';

/**
 * `can-renew`: its keys are here. `key-missing`: they are not. `blocked`: they are, but the server takes no file whose
 * parent has expired, and that one cannot be renewed here. `server`: the server renews it by itself.
 */
export type RenewalState = 'can-renew' | 'key-missing' | 'blocked' | 'server';

/** A file, or the root's certificates, that must be renewed. */
export interface DuePart {
  readonly role: string;
  readonly kind: 'metadata' | 'certificate';
  readonly state: RenewalState;
  readonly expires: string;
  readonly expired: boolean;
  readonly version: number;
  /** Canonical IDs of the keys that sign it. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
  /** The tags that are vouched for with it. */
  readonly targets: readonly string[];
}

export interface RenewalWindow {
  readonly now: Date;
  /** Everything that expires before this moment is due. */
  readonly until: number;
  /** Only these; by default all. */
  readonly roles?: readonly string[];
}

/**
 * What is due in a repository, parents before what they delegate to.
 * @param repository loaded with what has expired in it
 */
export async function dueParts(
  repository: Repository,
  ring: KeyRing,
  window: RenewalWindow,
): Promise<DuePart[]> {
  const due: DuePart[] = [...(await rootParts(repository, ring, window))];
  const roles = [...repository.roles.keys()].sort();
  const stuck = new Set<string>();
  for (const role of roles) {
    const parent = parentRole(role);
    const part = await rolePart(repository, ring, window, role, stuck.has(parent));
    const over = isOver(repository.view(role)?.expires ?? '', role, window.now);
    // What lies below is out of reach too, whether it has expired or not.
    if (stuck.has(parent) || (over && part?.state !== 'can-renew')) stuck.add(role);
    if (part !== undefined) due.push(part);
  }
  const snapshot = await snapshotPart(repository, ring, window);
  return snapshot === undefined ? due : [...due, snapshot];
}

/** The root's certificates that end within the window. */
export function dueCertificates(repository: Repository, window: RenewalWindow): RootCertificate[] {
  const { root, gun } = repository;
  return rootCertificates(root, gun, window.now, 'any').filter(
    ({ leaf }) => leaf.notAfter.getTime() < window.until,
  );
}

async function rootParts(
  repository: Repository,
  ring: KeyRing,
  window: RenewalWindow,
): Promise<DuePart[]> {
  if (!isWanted(ROOT, window)) return [];
  const { root } = repository;
  const role = repository.keysFor(ROOT);
  const common = {
    role: ROOT,
    version: root.version,
    keyIds: [...new Set(canonicalIds(role))],
    threshold: role.roleKeys.threshold,
    targets: [],
  } as const;
  const signable = await canSign(role, ring);
  const parts: DuePart[] = [];
  if (isDue(root.expires, ROOT, window)) {
    const expired = isOver(root.expires, ROOT, window.now);
    const state = signable ? 'can-renew' : 'key-missing';
    parts.push({ ...common, kind: 'metadata', state, expires: root.expires, expired });
  }
  const certificates = dueCertificates(repository, window);
  const [first] = [...certificates].sort(
    (a, b) => a.leaf.notAfter.getTime() - b.leaf.notAfter.getTime(),
  );
  if (first === undefined) return parts;
  const keyIds = [...new Set(certificates.map(({ key }) => canonicalKeyId(key)))];
  const here = await Promise.all(keyIds.map(id => ring.has(id)));
  const renewable = signable && here.every(Boolean);
  return [
    ...parts,
    {
      ...common,
      keyIds,
      kind: 'certificate',
      state: renewable ? 'can-renew' : 'key-missing',
      expires: first.leaf.notAfter.toISOString(),
      expired: first.leaf.notAfter < window.now,
    },
  ];
}

async function rolePart(
  repository: Repository,
  ring: KeyRing,
  window: RenewalWindow,
  role: string,
  isStuck: boolean,
): Promise<DuePart | undefined> {
  const metadata = repository.view(role);
  if (metadata === undefined || !isWanted(role, window)) return undefined;
  if (!isDue(metadata.expires, role, window)) return undefined;
  const keys = repository.keysFor(role);
  const signable = await canSign(keys, ring);
  return {
    role,
    kind: 'metadata',
    state: signable ? (isStuck ? 'blocked' : 'can-renew') : 'key-missing',
    expires: metadata.expires,
    expired: isOver(metadata.expires, role, window.now),
    version: metadata.version,
    keyIds: [...new Set(canonicalIds(keys))],
    threshold: keys.roleKeys.threshold,
    targets: [...metadata.targets.keys()].sort(),
  };
}

/** A server renews the snapshot that it signs, as it does the timestamp, when it has expired (tuf.md 9.2). */
async function snapshotPart(
  repository: Repository,
  ring: KeyRing,
  window: RenewalWindow,
): Promise<DuePart | undefined> {
  const { snapshot } = repository;
  if (snapshot === undefined || !isWanted(SNAPSHOT, window)) return undefined;
  if (!isDue(snapshot.expires, SNAPSHOT, window)) return undefined;
  const keys = repository.keysFor(SNAPSHOT);
  const expired = isOver(snapshot.expires, SNAPSHOT, window.now);
  const isOurs = await hasAnyKey(keys, ring);
  if (!isOurs && !expired) return undefined;
  return {
    role: SNAPSHOT,
    kind: 'metadata',
    state: isOurs ? 'can-renew' : 'server',
    expires: snapshot.expires,
    expired,
    version: snapshot.version,
    keyIds: [...new Set(canonicalIds(keys))],
    threshold: keys.roleKeys.threshold,
    targets: [],
  };
}

/** `releases` stands for `targets/releases`. */
function isWanted(role: string, { roles }: RenewalWindow): boolean {
  if (roles === undefined) return true;
  return roles.includes(role) || (isDelegationName(role) && roles.includes(shortName(role)));
}

function shortName(role: string): string {
  return role.slice(TARGETS.length + 1);
}

function isDue(expires: string, role: string, { until }: RenewalWindow): boolean {
  return parseTime(expires, role) < until;
}

function isOver(expires: string, role: string, now: Date): boolean {
  return expires !== '' && parseTime(expires, role) < now.getTime();
}
