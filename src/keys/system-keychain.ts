/**
 * The keychain of the operating system: macOS Keychain, Windows Credential Manager, Secret Service on Linux.
 *
 * Each question is asked by a short process of its own (`bin/keychain-helper.js`), which is ended when it gives no
 * answer in time: libsecret can wait for ever for a D-Bus service, and crashes when it lists a locked collection.
 */
import { spawn } from 'node:child_process';
import { printable } from '../crypto/printable.ts';
import type { KeyError } from '../errors.ts';
import { type ChildEnd, ChildFailure, childEnd } from './child-end.ts';
import { KEYCHAIN_SERVICE, type Keychain, keychainError } from './keychain.ts';
import { withoutPassphrases } from './passphrase-variables.ts';

export interface SystemKeychainOptions {
  /** The helper program's file. */
  readonly helper: string;
  readonly env: NodeJS.ProcessEnv;
  /** Longest time for an answer, the start of the helper included; default two seconds. */
  readonly timeoutMs?: number;
  /** Stands in for `keytar`. */
  readonly module?: string;
}

type Operation = 'get' | 'set' | 'delete' | 'list';

const TIMEOUT_MS = 2000;
const ANSWER_LIMIT = 8 * 1024 * 1024;
const QUOTED_LIMIT = 200;
/** What libsecret says where there is no desktop, in words that people know. */
const KNOWN_MESSAGES = [
  [/autolaunch D-Bus/i, 'there is no D-Bus session here'],
  [/org\.freedesktop\.secrets was not provided/, 'no Secret Service runs here'],
] as const;

export class SystemKeychain implements Keychain {
  readonly #options: SystemKeychainOptions;

  constructor(options: SystemKeychainOptions) {
    this.#options = options;
  }

  async get(account: string): Promise<string | undefined> {
    const result = await this.#ask('get', { account });
    return typeof result === 'string' ? result : undefined;
  }

  async set(account: string, passphrase: string): Promise<void> {
    await this.#ask('set', { account, passphrase });
  }

  async delete(account: string): Promise<boolean> {
    return (await this.#ask('delete', { account })) === true;
  }

  async list(): Promise<string[]> {
    const result = await this.#ask('list', {});
    if (!Array.isArray(result)) throw noAnswer();
    return [...new Set(result.map(String))].sort();
  }

  async #ask(operation: Operation, question: Record<string, string>): Promise<unknown> {
    const request = JSON.stringify({ operation, service: KEYCHAIN_SERVICE, ...question });
    const { code, signal, stdout } = await this.#run(request);
    if (code !== 0) {
      // How libsecret 0.21 answers when a locked collection is listed.
      if (operation === 'list' && signal === 'SIGSEGV') throw locked();
      throw noAnswer(signal ?? `exit code ${code}`);
    }
    return readAnswer(stdout);
  }

  async #run(request: string): Promise<ChildEnd> {
    const { helper, env, module, timeoutMs = TIMEOUT_MS } = this.#options;
    const args = [helper, ...(module === undefined ? [] : [module])];
    const child = spawn(process.execPath, args, {
      env: helperEnvironment(env),
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
    });
    try {
      return await childEnd(child, { timeoutMs, outputLimit: ANSWER_LIMIT }, request);
    } catch (error) {
      if (!(error instanceof ChildFailure)) throw error;
      throw error.kind === 'slow' ? noTimelyAnswer(timeoutMs) : noAnswer(error.reason);
    }
  }
}

/** All that finds the way to the keychain, but no secret and nothing that would change how Node.js runs. */
function helperEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = withoutPassphrases(env);
  return rest;
}

function readAnswer(stdout: Buffer): unknown {
  let answer: { result?: unknown; failed?: unknown; message?: unknown };
  try {
    answer = JSON.parse(stdout.toString('utf8'));
  } catch {
    throw noAnswer();
  }
  if (answer.failed === undefined) return answer.result;
  const message = printable(String(answer.message).slice(0, QUOTED_LIMIT));
  if (answer.failed === 'load') throw notLoaded();
  if (/\blocked\b/i.test(message)) throw locked();
  const known = KNOWN_MESSAGES.find(([pattern]) => pattern.test(message));
  throw keychainError('unavailable', `cannot be used: ${known?.[1] ?? message}`);
}

function notLoaded(): KeyError {
  return keychainError(
    'unavailable',
    process.platform === 'linux'
      ? 'cannot be used: the library libsecret is not installed'
      : 'cannot be used: its library cannot be loaded',
  );
}

function locked(): KeyError {
  return keychainError('locked', 'is locked', 'Unlock it, or give the passphrase in another way.');
}

function noTimelyAnswer(timeoutMs: number): KeyError {
  const seconds = timeoutMs / 1000;
  return keychainError(
    'timeout',
    `gave no answer within ${seconds === 1 ? 'a second' : `${seconds} seconds`}`,
  );
}

function noAnswer(how?: string): KeyError {
  return keychainError('unavailable', `gave no answer${how === undefined ? '' : ` (${how})`}`);
}
