import { type ChildProcess, spawn } from 'node:child_process';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { withoutPassphrases } from '../keys/passphrase-variables.ts';
import { findProgram } from './find-program.ts';
import { isJsonObject, parseJsonObject } from './manifest.ts';

export interface HelperRequest {
  /** `desktop` for `docker-credential-desktop`. */
  readonly helper: string;
  /** The server as Docker's configuration names it: see `serverFor`. */
  readonly server: string;
  readonly env: NodeJS.ProcessEnv;
  /** A helper may ask a person to unlock something. Default a minute. */
  readonly timeoutMs?: number;
}

/** What a helper keeps for a server. */
export interface HelperCredentials {
  readonly username: string;
  /** Password; or identity token, when the user is {@link TOKEN_USER}. */
  readonly secret: string;
}

/** The name under which helpers keep identity tokens. */
export const TOKEN_USER = '<token>';

const NOT_FOUND = 'credentials not found in native keychain';
const TIMEOUT_MS = 60_000;
const OUTPUT_LIMIT = 1024 * 1024;
const QUOTED_LIMIT = 200;
/**
 * Asks `docker-credential-<helper> get` for the credentials of a server.
 *
 * @returns undefined when the helper has none
 * @throws OperationError `CREDENTIAL_HELPER_MISSING`, `CREDENTIAL_HELPER_FAILED`, `CREDENTIAL_HELPER_SLOW`; never with
 *   what could be a secret
 * @see cli.md 4.3
 */
export async function askCredentialHelper(
  request: HelperRequest,
): Promise<HelperCredentials | undefined> {
  const { helper, env } = request;
  const program = await findProgram(`docker-credential-${helper}`, env);
  if (program === undefined) {
    throw problem(
      request,
      'CREDENTIAL_HELPER_MISSING',
      'is not in PATH, but it is where the login is said to be',
      'Install it, or take it out of credsStore and credHelpers in config.json and log in again.',
    );
  }
  return readAnswer(await run(program, request), request);
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
}

async function run(program: string, request: HelperRequest): Promise<Ended> {
  const { server, env, timeoutMs = TIMEOUT_MS } = request;
  return await new Promise((resolve, reject) => {
    // Passphrases of keys are no helper's business.
    const { NOTARY_AUTH: _, ...own } = withoutPassphrases(env);
    const child = spawn(program, ['get'], {
      env: own,
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => {
      abandon(child);
      reject(
        problem(
          request,
          'CREDENTIAL_HELPER_SLOW',
          `gave no answer for ${printable(server)} within ${timeoutMs / 1000} seconds`,
          'It may wait for somebody to unlock its store: unlock it, then run the command again.',
        ),
      );
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= OUTPUT_LIMIT) return;
      clearTimeout(timer);
      abandon(child);
      reject(failed(request, 'answers without end'));
    });
    child.on('error', error => {
      clearTimeout(timer);
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      reject(failed(request, `cannot be run (${code})`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout: Buffer.concat(chunks) });
    });
    // Some end without reading their input.
    child.stdin.on('error', () => {});
    child.stdin.end(server);
  });
}

/** Ends a helper; children of its own that hold the pipes must not hold this process. */
function abandon(child: ChildProcess): void {
  child.kill('SIGKILL');
  child.stdout?.destroy();
  child.stdin?.destroy();
  child.unref();
}

function readAnswer(ended: Ended, request: HelperRequest): HelperCredentials | undefined {
  const text = ended.stdout.toString('utf8').trim();
  if (ended.code !== 0) {
    if (text === NOT_FOUND) return undefined;
    const how = ended.signal === null ? `exit code ${ended.code}` : `signal ${ended.signal}`;
    throw failed(request, `failed with ${how}${quoted(text)}`);
  }
  const answer = parseJsonObject(ended.stdout);
  const { Username: username, Secret: secret } = isJsonObject(answer) ? answer : {};
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw failed(request, 'answered with something else than user name and secret');
  }
  // An empty pair is how some say that they have none.
  return username === '' && secret === '' ? undefined : { username, secret };
}

/** The first line of what a helper said as it failed, unless it may hold a secret. */
function quoted(text: string): string {
  const [line = ''] = text.split(/[\r\n]/, 1);
  if (line === '' || /[{}]|(?:secret|password|token)["']?\s*[:=]/i.test(line)) return '';
  return `: ${printable(line.slice(0, QUOTED_LIMIT))}`;
}

function failed(request: HelperRequest, what: string): OperationError {
  return problem(
    request,
    'CREDENTIAL_HELPER_FAILED',
    `${what} when asked for the login of ${printable(request.server)}`,
    `Try it by itself: echo ${printable(request.server)} | docker-credential-${request.helper} get (it prints the password). A locked or unavailable keychain is the usual cause.`,
  );
}

function problem(
  { helper, server }: HelperRequest,
  code: string,
  what: string,
  hint: string,
): OperationError {
  return new OperationError(code, `The credential helper docker-credential-${helper} ${what}`, {
    hint,
    details: { helper: `docker-credential-${helper}`, server: printable(server) },
  });
}
