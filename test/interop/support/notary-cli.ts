import path from 'node:path';
import { notaryPassphraseVariables, PASSPHRASES, type Passphrases } from './passphrases.ts';
import { type RunOptions, type RunResult, runProgram, runToSuccess } from './run-program.ts';

export interface NotaryCliOptions {
  /** `https://host:port`. */
  server: string;
  /** PEM file of the CA to trust instead of the system's. */
  caFile: string;
  /** Its trust folder. `$DOCKER_CONFIG/trust` shares it with `docker trust`. */
  trustDir: string;
  /** Default {@link PASSPHRASES}; null gives none. */
  passphrases?: Partial<Passphrases> | null;
  /** Sent as `NOTARY_AUTH`. */
  credentials?: { username: string; password: string };
  /** Configuration file, for pinning. */
  configFile?: string;
  env?: Record<string, string>;
}

export type CliRunOptions = Omit<RunOptions, 'env'> & { env?: Record<string, string> };

/** The real `notary` command. */
export class NotaryCli {
  readonly options: NotaryCliOptions;

  constructor(options: NotaryCliOptions) {
    this.options = options;
  }

  /** Runs `notary <global flags> <args>`; the exit code is a result. Note that it prints errors on standard output. */
  async run(args: readonly string[], options: CliRunOptions = {}): Promise<RunResult> {
    return await runProgram('notary', this.arguments(args), this.#runOptions(options));
  }

  /** Like `run`, but a failure throws an Error with everything the program said. Returns standard output. */
  async succeed(args: readonly string[], options: CliRunOptions = {}): Promise<string> {
    const result = await runToSuccess('notary', this.arguments(args), this.#runOptions(options));
    return result.stdout;
  }

  /** The same command line with other settings, e.g. another trust folder. */
  with(changes: Partial<NotaryCliOptions>): NotaryCli {
    return new NotaryCli({ ...this.options, ...changes });
  }

  /** The command line after the program's name. */
  arguments(args: readonly string[]): string[] {
    const { server, caFile, trustDir, configFile } = this.options;
    const flags = ['-s', server, '--tlscacert', caFile, '-d', trustDir];
    if (configFile !== undefined) flags.push('-c', configFile);
    return [...flags, ...args];
  }

  /** The whole environment of the command. */
  environment(): Record<string, string> {
    const { passphrases, credentials, trustDir, env } = this.options;
    return {
      PATH: process.env.PATH ?? '',
      // A home beside the trust folder: an own configuration of whoever runs the tests must not matter.
      HOME: path.join(trustDir, '..'),
      ...(passphrases !== null && notaryPassphraseVariables({ ...PASSPHRASES, ...passphrases })),
      ...(credentials && {
        NOTARY_AUTH: Buffer.from(`${credentials.username}:${credentials.password}`).toString(
          'base64',
        ),
      }),
      ...env,
    };
  }

  #runOptions(options: CliRunOptions): RunOptions {
    return { ...options, env: { ...this.environment(), ...options.env } };
  }
}
