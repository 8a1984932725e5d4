import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { parseNotaryAuth } from '../../src/trust-server/notary-auth.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('NOTARY_AUTH', () => {
  it.each([
    ['user:password', 'user', 'password'],
    ['iamapikey:a:b=', 'iamapikey', 'a:b='],
    ['user:', 'user', ''],
    [' user:password\n', 'user', 'password'],
    [base64('user:password'), 'user', 'password'],
    [base64('user:pass:word\n'), 'user', 'pass:word'],
    [base64('user: padded '), 'user', 'padded'],
    [base64('ü:é'), 'ü', 'é'],
    [
      `${base64('user:a-rather-long-password-in-here').replace(/.{20}/g, '$&\n')}\n`,
      'user',
      'a-rather-long-password-in-here',
    ],
    [base64('u:p').replace(/=+$/, ''), 'u', 'p'],
  ])('%j', (value, username, password) => {
    expect(parseNotaryAuth(value)).toEqual({ username, password });
  });

  it.each([undefined, '', '  \n'])('%j is none', value => {
    expect(parseNotaryAuth(value)).toBeUndefined();
  });

  it.each([
    ['hunter2!', 'neither'],
    ['hunter2hunter2', 'Base64'],
    [base64('hunter2'), 'colon'],
    [base64(':hunter2'), 'user name'],
    [':hunter2', 'user name'],
  ])('%j is refused without being shown', (value, words) => {
    let error: unknown;
    try {
      parseNotaryAuth(value);
    } catch (reason) {
      error = reason;
    }
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(words);
    expect(String(error)).not.toContain('hunter2');
  });
});
