import { describe, expect, it } from 'vitest';
import { OperationError, UsageError } from '../../src/errors.ts';
import { checkGun } from '../../src/tuf/gun.ts';
import {
  checkDelegationName,
  isDelegationName,
  isDirectChild,
  isTargetsRole,
  isWithin,
  parentRole,
  roleDepth,
  signerName,
} from '../../src/tuf/role-name.ts';
import { expectFailure } from '../support/expect-failure.ts';

describe('a GUN', () => {
  it.each([
    'localhost:5000/app',
    'docker.io/library/alpine',
    'a',
    'Registry/With/Capitals',
    'reg/…/é',
    'a..b/c',
    '-x/~y',
  ])('“%s” is legal', gun => {
    expect(() => checkGun(gun)).not.toThrow();
  });

  it.each([
    '',
    '.',
    '..',
    '../evil',
    '../../../../tmp/x',
    'a/../b',
    'a/./b',
    'a//b',
    '/a',
    'a/',
    'a\\b',
    'a\u0000b',
    'a\nb',
    'a\u007f',
    'a\ud800',
    'a'.repeat(1025),
  ])('%j is refused before it becomes a path', async gun => {
    await expectFailure(() => checkGun(gun), UsageError, 'GUN_INVALID');
  });

  it('that is refused is shown without its control characters', async () => {
    const error = await expectFailure(() => checkGun('\u001b[31m'), UsageError, 'GUN_INVALID');
    expect(error.message).not.toContain('\u001b');
  });
});

describe('the name of a delegation', () => {
  it.each(['targets/a', 'targets/-_', 'targets/0/1', `targets/${'a'.repeat(247)}`])(
    '“%s” is legal',
    name => {
      expect(isDelegationName(name)).toBe(true);
      expect(checkDelegationName(name)).toBe(name);
    },
  );

  it.each([
    'targets',
    'root',
    'targets/',
    'targets//a',
    'targets/A',
    'targets/.',
    'targets/*',
    `targets/${'a'.repeat(248)}`,
    'targets/a\n',
    '',
  ])('%j is refused', async name => {
    expect(isDelegationName(name)).toBe(false);
    await expectFailure(() => checkDelegationName(name), OperationError, 'ROLE_INVALID');
  });
});

it('roles know their parents, their depth and what lies below them', () => {
  expect(parentRole('targets/a/b')).toBe('targets/a');
  expect([roleDepth('targets'), roleDepth('targets/a/b')]).toEqual([0, 2]);
  expect(isDirectChild('targets/a', 'targets')).toBe(true);
  expect(isDirectChild('targets/a/b', 'targets')).toBe(false);
  expect(isWithin('targets/ab', 'targets/a')).toBe(false);
  expect(isWithin('targets/a/b', 'targets/a')).toBe(true);
  expect([isTargetsRole('targets'), isTargetsRole('snapshot')]).toEqual([true, false]);
  expect([signerName('targets'), signerName('targets/alice/ci')]).toEqual([
    'Repo Admin',
    'alice/ci',
  ]);
});
