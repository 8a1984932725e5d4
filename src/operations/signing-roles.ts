/** Into which roles a tag is signed. */
import { KeyError, OperationError } from '../errors.ts';
import { covers } from '../tuf/delegation-walk.ts';
import type { KeyRing } from '../tuf/key-ring.ts';
import type { Repository } from '../tuf/repository.ts';
import { canonicalIds, canSign, hasAnyKey } from '../tuf/role-keys.ts';
import { checkDelegationName, RELEASES, TARGETS } from '../tuf/role-name.ts';

/** What the person asked for; by default the roles for which keys are at hand. */
export interface WantedRoles {
  /** As `targets/alice` or `alice`. */
  readonly roles?: readonly string[];
  readonly signer?: string;
}

/**
 * The roles to sign into when the repository is made: those asked for, as far as it will have them, else the
 * first signer and releases, else the repository key.
 */
export function newRepositoryRoles(
  gun: string,
  signer: string | undefined,
  request: WantedRoles,
): string[] {
  const delegations = signer === undefined ? [] : [`${TARGETS}/${signer}`, RELEASES];
  const asked = request.roles?.map(fullRoleName) ?? [];
  const unknown = asked.find(role => role !== TARGETS && !delegations.includes(role));
  if (unknown !== undefined) {
    throw new OperationError(
      'ROLE_UNKNOWN',
      `${gun} is not signed yet, and would be made without the role ${unknown}`,
      { hint: 'Sign it first, with --signer if need be.', details: { role: unknown } },
    );
  }
  if (asked.length > 0) return asked;
  return signer === undefined ? [TARGETS] : delegations;
}

/**
 * The roles to sign a tag into, as `docker trust sign` chooses them: `targets` while there are no delegations,
 * else every direct delegation that may sign the tag and has a key on this machine (cli.md 2.1). A tag that
 * `targets` holds with another digest is mended there too when its key is at hand.
 */
export async function signableRoles(
  repository: Repository,
  tag: string,
  ring: KeyRing,
  request: WantedRoles,
): Promise<string[]> {
  if (request.roles !== undefined && request.roles.length > 0)
    return request.roles.map(fullRoleName);
  const delegations = repository.view(TARGETS)?.delegations.roles ?? [];
  if (delegations.length === 0) {
    if (request.signer !== undefined) throw unknownSigner(repository, request.signer);
    return [TARGETS];
  }
  const wanted =
    request.signer === undefined ? undefined : [`${TARGETS}/${request.signer}`, RELEASES];
  if (wanted !== undefined && !delegations.some(({ name }) => name === wanted[0])) {
    throw unknownSigner(repository, request.signer ?? '');
  }
  const roles: string[] = [];
  for (const { name } of delegations) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    if (
      covers(repository.usablePaths(name), tag) &&
      (await hasAnyKey(repository.keysFor(name), ring))
    )
      roles.push(name);
  }
  if (roles.length === 0) throw noKeyForDelegations(repository, tag, wanted);
  const atTop = repository.view(TARGETS)?.targets.has(tag) === true;
  if (atTop && (await canSign(repository.keysFor(TARGETS), ring))) roles.unshift(TARGETS);
  return roles;
}

function fullRoleName(role: string): string {
  if (role === TARGETS) return role;
  return checkDelegationName(role.startsWith(`${TARGETS}/`) ? role : `${TARGETS}/${role}`);
}

function unknownSigner(repository: Repository, name: string): OperationError {
  const names = (repository.view(TARGETS)?.delegations.roles ?? []).map(({ name: role }) =>
    role.slice(TARGETS.length + 1),
  );
  return new OperationError('SIGNER_UNKNOWN', `${repository.gun} has no signer “${name}”`, {
    hint:
      names.length === 0
        ? 'It has no signers: the repository key signs alone.'
        : `Its delegations are ${names.join(', ')}.`,
  });
}

function noKeyForDelegations(
  repository: Repository,
  tag: string,
  wanted: readonly string[] | undefined,
): KeyError {
  const delegations = (repository.view(TARGETS)?.delegations.roles ?? []).filter(
    ({ name }) => wanted === undefined || wanted.includes(name),
  );
  const able = delegations.filter(({ name }) => covers(repository.usablePaths(name), tag));
  const keys = able.map(
    ({ name }) =>
      `${name} (${canonicalIds(repository.keysFor(name))
        .map(id => id.slice(0, 7))
        .join(', ')})`,
  );
  return new KeyError(
    'KEY_MISSING',
    `None of the keys on this machine may sign ${tag} in ${repository.gun}`,
    {
      hint:
        keys.length === 0
          ? 'No delegation’s paths allow this tag.'
          : `It can be signed by ${keys.join(', ')}.`,
      details: { roles: able.map(({ name }) => name) },
    },
  );
}
