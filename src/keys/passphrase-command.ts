/** Passphrases that a program gives: a password manager, a vault's command line. */
import { spawn } from 'node:child_process';
import { KeyError } from '../errors.ts';
import { ChildFailure, childEnd } from './child-end.ts';
import { paddingNote } from './environment-passphrases.ts';
import {
  keyName,
  type PassphraseAbsence,
  type PassphraseAnswer,
  type PassphraseRequest,
  type PassphraseSource,
} from './passphrase.ts';
import { SECRET_LIMIT, secretText } from './secret-text.ts';

export interface PassphraseCommandOptions {
  /** For the system's shell. Never shown: people write secrets into commands. */
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  /** What people call the place that the command was told in: `--passphrase-command`. */
  readonly name: string;
  /** Default two minutes: it may ask somebody to unlock something. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 120_000;
const SHELL_NOT_FOUND = 127;

/**
 * Runs a command once for each key, by `sh -c` (on Windows by `cmd.exe`), without standard input. It finds in its
 * environment whose passphrase is wanted:
 *
 * `TABELLION_KEY_ID` (may be empty), `TABELLION_KEY_ROLE`, `TABELLION_KEY_REPOSITORY` (may be empty) and
 * `TABELLION_PASSPHRASE_PURPOSE` (`unlock` or `create`).
 *
 * The first line of its output is the passphrase; empty output means that it has none, and the next source is asked.
 * Nothing that it prints is ever shown.
 */
export class PassphraseCommand implements PassphraseSource {
  readonly name: string;
  readonly #options: PassphraseCommandOptions;

  constructor(options: PassphraseCommandOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** @throws KeyError `PASSPHRASE_COMMAND_FAILED` | `SECRET_INVALID` */
  async get(request: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    if (request.attempt > 0) return undefined;
    const output = await this.#run(request);
    if (output.length === 0) return undefined;
    const passphrase = secretText(output, `the output of the ${this.name}`);
    return {
      passphrase,
      source: this.name,
      ...paddingNote(passphrase, `The output of the ${this.name}`),
    };
  }

  absence(): PassphraseAbsence[] {
    return [{ detail: 'printed nothing' }];
  }

  async #run(request: PassphraseRequest): Promise<Buffer> {
    const { command, env, timeoutMs = TIMEOUT_MS } = this.#options;
    const child = spawn(command, {
      shell: true,
      env: {
        ...env,
        TABELLION_KEY_ID: request.keyId ?? '',
        TABELLION_KEY_ROLE: request.role,
        TABELLION_KEY_REPOSITORY: request.gun ?? '',
        TABELLION_PASSPHRASE_PURPOSE: request.purpose,
      },
      stdio: ['ignore', 'pipe', 'ignore'],
      windowsHide: true,
    });
    try {
      const end = await childEnd(child, { timeoutMs, outputLimit: SECRET_LIMIT });
      if (end.code === 0) return end.stdout;
      throw this.#failed(request, howItEnded(end), { exitCode: end.code, signal: end.signal });
    } catch (error) {
      if (!(error instanceof ChildFailure)) throw error;
      const { kind, reason = 'unknown' } = error;
      throw this.#failed(
        request,
        kind === 'slow'
          ? `gave no answer within ${timeoutMs / 1000} seconds`
          : kind === 'endless'
            ? 'printed far more than a passphrase'
            : `could not be run (${reason})`,
      );
    }
  }

  #failed(
    request: PassphraseRequest,
    how: string,
    details: Record<string, unknown> = {},
  ): KeyError {
    return new KeyError(
      'PASSPHRASE_COMMAND_FAILED',
      `The ${this.name} for ${keyName(request)} ${how}`,
      {
        hint: 'What it printed is not shown, for it may be a secret: run the command by itself, with TABELLION_KEY_ID and TABELLION_KEY_ROLE set.',
        details: { keyId: request.keyId, role: request.role, ...details },
      },
    );
  }
}

function howItEnded({
  code,
  signal,
}: {
  code: number | null;
  signal: NodeJS.Signals | null;
}): string {
  if (signal !== null) return `was ended by ${signal}`;
  return code === SHELL_NOT_FOUND
    ? 'was not found by the shell (exit code 127)'
    : `failed with exit code ${code}`;
}
