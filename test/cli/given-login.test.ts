import { describe, expect, it } from 'vitest';
import { givenLogin } from '../../src/cli/given-login.ts';
import type { Prompts } from '../../src/cli/prompts.ts';
import { UsageError } from '../../src/errors.ts';
import { createTestHost, runCli } from './test-host.ts';

function hostWith(text: string | Buffer) {
  const host = createTestHost();
  host.stdin.end(text);
  return host;
}

describe('--username', () => {
  it('takes the password from standard input, without the end of its line', async () => {
    for (const [text, password] of [
      ['hunter2', 'hunter2'],
      ['hunter2\n', 'hunter2'],
      ['hünter2 \r\n', 'hünter2 '],
      ['two\nlines\n\n', 'two\nlines\n'],
    ] as const) {
      const login = givenLogin(
        { username: 'alice', passwordStdin: true },
        hostWith(text),
        undefined,
      );
      expect(login).toMatchObject({ username: 'alice', source: '--username' });
      expect(await login?.password()).toBe(password);
    }
  });

  it('asks at a terminal, where a typed password would else be shown', async () => {
    const asked: string[] = [];
    const prompts: Pick<Prompts, 'password'> = {
      password: async question => {
        asked.push(question);
        return 'typed';
      },
    };
    for (const passwordStdin of [true, false]) {
      const login = givenLogin({ username: 'alice', passwordStdin }, createTestHost(), prompts);
      expect(await login?.password()).toBe('typed');
    }
    expect(asked).toEqual(['Password of alice:', 'Password of alice:']);
  });

  it.each(['', '\n', 'x'.repeat(70_000)])('refuses what is no password', async text => {
    const login = givenLogin({ username: 'alice', passwordStdin: true }, hostWith(text), undefined);
    await expect(login?.password()).rejects.toMatchObject({ code: 'PASSWORD_MISSING' });
  });

  it('is needed with --password-stdin, and the other way round', async () => {
    const host = createTestHost();
    expect(givenLogin({}, host, undefined)).toBeUndefined();
    expect(() => givenLogin({ passwordStdin: true }, host, undefined)).toThrow(UsageError);
    for (const argv of [
      ['--username', 'alice'],
      ['--password-stdin'],
      ['--username', 'alice:hunter2', '--password-stdin'],
    ]) {
      const { exitCode, err } = await runCli(['key', 'list', ...argv]);
      expect(exitCode).toBe(2);
      expect(err).toContain('--password-stdin');
      expect(err).not.toContain('hunter2');
    }
  });
});
