/** The login for a trust server that wants one: the variable `NOTARY_AUTH`, else two questions. */
import { UsageError } from '../../errors.ts';
import type { Credentials } from '../../http/authorization.ts';
import { parseNotaryAuth } from '../../trust-server/notary-auth.ts';
import type { NotaryContext } from './context.ts';

const PATIENCE_MS = 30_000;

/** undefined: go on without a login. */
export async function askCredentials({
  host,
  input,
  log,
  print,
}: Pick<NotaryContext, 'host' | 'input' | 'log' | 'print'>): Promise<Credentials | undefined> {
  const variable = host.env.NOTARY_AUTH;
  if (variable) {
    try {
      return parseNotaryAuth(variable);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      log.error(variableProblem(error.message));
      return undefined;
    }
  }
  print('Enter username: ');
  const line = await inTime(input.line());
  if (line === undefined) log.error('error processing username input: EOF');
  const username = line?.trim() ?? '';
  if (username === '') return undefined;
  print('Enter password: ');
  const password = await input.secret();
  print('\n');
  if (password === undefined) log.error('error processing password input: EOF');
  return password === undefined ? undefined : { username, password: password.trim() };
}

function variableProblem(message: string): string {
  if (message.includes('no colon')) {
    return 'Malformatted authentication string; format must be <username>:<password>';
  }
  if (message.includes('empty user')) return 'Authentication string with zero-length username';
  return 'Could not base64-decode authentication string';
}

async function inTime(line: Promise<string | undefined>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  try {
    return await Promise.race([line, late]);
  } finally {
    clearTimeout(timer);
  }
}
