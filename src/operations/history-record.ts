/** A known copy as it stands in a record: JSON, one line of text for each target. */
import type { KnownCopy, KnownRole, KnownTarget } from './history.ts';

const SCHEMA = 1;

interface RoleRecord {
  readonly role: string;
  readonly version: number;
  readonly keyIds: readonly string[];
  readonly threshold: number;
  readonly paths?: readonly string[];
  readonly signedBy: readonly string[];
  /** `<sha256> <size>[+<rest>] <name>` */
  readonly targets: readonly string[];
}

const TARGET = /^([0-9a-f]{64}|-) (\d{1,16})(?:\+([0-9a-f]{16}))? (.*)$/s;

/** @returns the record, and that part of it by which two copies are the same */
export function encodeKnownCopy(copy: KnownCopy): { state: string; record: object } {
  const { repository, verifiedAt, from, server } = copy;
  const roles: RoleRecord[] = [...copy.roles.values()].map(role => ({
    role: role.role,
    version: role.version,
    keyIds: role.keyIds,
    threshold: role.threshold,
    ...(role.paths === undefined ? {} : { paths: role.paths }),
    signedBy: role.signedBy,
    targets: [...role.targets].map(([name, target]) => `${targetText(target)} ${name}`),
  }));
  const record = {
    schemaVersion: SCHEMA,
    repository,
    verifiedAt: verifiedAt.toISOString(),
    from,
    server,
    roles,
  };
  return { state: JSON.stringify([server, roles]), record };
}

/**
 * Reads a record; undefined for what is none.
 * @param verifiedAt as its file name tells it
 */
export function decodeKnownCopy(value: unknown, verifiedAt: Date): KnownCopy | undefined {
  if (!isObject(value) || value.schemaVersion !== SCHEMA) return undefined;
  const { repository, from, server, roles } = value;
  if (typeof repository !== 'string' || typeof server !== 'string') return undefined;
  if ((from !== 'server' && from !== 'folder') || !Array.isArray(roles)) return undefined;
  const known = new Map<string, KnownRole>();
  for (const entry of roles) {
    const role = readRole(entry);
    if (role === undefined) return undefined;
    known.set(role.role, role);
  }
  return { repository, roles: known, verifiedAt, from, server };
}

function readRole(value: unknown): KnownRole | undefined {
  if (!isObject(value)) return undefined;
  const { role, version, keyIds, threshold, paths, signedBy, targets } = value;
  if (typeof role !== 'string' || typeof version !== 'number' || typeof threshold !== 'number')
    return undefined;
  if (!isTexts(keyIds) || !isTexts(signedBy) || !isTexts(targets)) return undefined;
  if (paths !== undefined && !isTexts(paths)) return undefined;
  const entries: [string, KnownTarget][] = [];
  for (const text of targets) {
    const [, sha256, size, rest, name] = TARGET.exec(text) ?? [];
    if (sha256 === undefined || name === undefined) return undefined;
    entries.push([
      name,
      {
        sha256: sha256 === '-' ? '' : sha256,
        size: Number(size),
        ...(rest === undefined ? {} : { rest }),
      },
    ]);
  }
  return {
    role,
    version,
    keyIds,
    threshold,
    ...(paths === undefined ? {} : { paths }),
    signedBy,
    targets: new Map(entries),
  };
}

function targetText({ sha256, size, rest }: KnownTarget): string {
  return `${sha256 === '' ? '-' : sha256} ${size}${rest === undefined ? '' : `+${rest}`}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}
