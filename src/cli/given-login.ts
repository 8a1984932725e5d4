import { UsageError } from '../errors.ts';
import type { GivenLogin } from '../operations/session.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Host } from './host.ts';
import type { Prompts } from './prompts.ts';

/** More than any password or token has. */
const MAX_BYTES = 64 * 1024;

/**
 * The login of `--username`. Its password comes from standard input alone: arguments are seen by every user of the
 * machine, and stay in the shell's history.
 *
 * @param prompts absent where nobody can be asked
 * @throws UsageError `OPTIONS_CONFLICT`, `PASSWORD_MISSING`
 */
export function givenLogin(
  globals: GlobalOptions,
  host: Host,
  prompts: Pick<Prompts, 'password'> | undefined,
): GivenLogin | undefined {
  const { username, passwordStdin = false } = globals;
  if (username === undefined) {
    if (!passwordStdin) return undefined;
    throw new UsageError('OPTIONS_CONFLICT', '--password-stdin needs --username', {
      hint: 'Say whose password it is with --username NAME.',
    });
  }
  if (/[:\u0000-\u001f\u007f]/.test(username)) {
    throw new UsageError(
      'OPTION_VALUE_INVALID',
      'Option --username must be a name without colon and control characters',
      { hint: 'The password comes from standard input: add --password-stdin.' },
    );
  }
  const source = '--username';
  // At a terminal the password would be shown as it is typed.
  if (prompts !== undefined) {
    return { username, source, password: () => prompts.password(`Password of ${username}:`) };
  }
  if (passwordStdin) return { username, source, password: () => readPassword(host) };
  throw new UsageError('PASSWORD_MISSING', '--username needs a password, and nobody can be asked', {
    hint: 'Give it on standard input, with --password-stdin.',
  });
}

async function readPassword({ stdin }: Host): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BYTES) {
      throw new UsageError('PASSWORD_MISSING', 'Standard input is too long for a password');
    }
    chunks.push(bytes);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') {
    throw new UsageError('PASSWORD_MISSING', 'Standard input holds no password', {
      hint: 'Write the password to it, as in: --password-stdin < FILE.',
    });
  }
  return password;
}
