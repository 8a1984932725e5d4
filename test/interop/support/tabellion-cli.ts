import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { QUICK_KEYS } from '../../support/quick-keys.ts';
import { installDockerCa } from './docker-trust.ts';
import type { CliRunOptions } from './notary-cli.ts';
import {
  dockerPassphraseVariables,
  notaryPassphraseVariables,
  PASSPHRASES,
  type Passphrases,
} from './passphrases.ts';
import { type RunOptions, type RunResult, runProgram, runToSuccess } from './run-program.ts';

/** The launcher of the built command. */
export const TABELLION = fileURLToPath(new URL('../../../bin/tabellion.js', import.meta.url));

export interface TabellionOptions {
  /** `https://host:port`. */
  server: string;
  caFile: string;
  /** `$DOCKER_CONFIG`; its trust folder is `trust` in it, as with `docker trust`. */
  dockerConfigDir: string;
  /** Another trust folder than that of the Docker configuration. */
  trustDir?: string;
  /** Default {@link PASSPHRASES}; null gives none. */
  passphrases?: Partial<Passphrases> | null;
  env?: Record<string, string>;
}

/** The command under test, as a child process of its own, with the environment that its peers get. */
export class Tabellion {
  readonly options: TabellionOptions;

  constructor(options: TabellionOptions) {
    this.options = options;
  }

  get trustDir(): string {
    return this.options.trustDir ?? path.join(this.options.dockerConfigDir, 'trust');
  }

  /** The native dialect: `tabellion <args> --server … --tls-ca … --trust-dir …`. */
  async run(args: readonly string[], options: CliRunOptions = {}): Promise<RunResult> {
    return await this.#run(this.nativeArguments(args), options);
  }

  /** Like `run`, but a failure throws an Error with everything the program said. Returns standard output. */
  async succeed(args: readonly string[], options: CliRunOptions = {}): Promise<string> {
    const command = [TABELLION, ...this.nativeArguments(args)];
    await installDockerCa(this.options);
    return (await runToSuccess(process.execPath, command, this.#runOptions(options))).stdout;
  }

  /** Runs the native dialect with `--json` and parses standard output. @throws Error when the command fails. */
  async json(args: readonly string[], options: CliRunOptions = {}): Promise<unknown> {
    return JSON.parse(await this.succeed([...args, '--json'], options));
  }

  /** Notary's dialect: `tabellion notary -s … --tlscacert … -d … <args>`. */
  async notary(args: readonly string[], options: CliRunOptions = {}): Promise<RunResult> {
    const { server, caFile } = this.options;
    const flags = ['-s', server, '--tlscacert', caFile, '-d', this.trustDir];
    return await this.#run(['notary', ...flags, ...args], options);
  }

  /** Docker's dialect: `tabellion docker-trust <args>`, which takes everything else from the environment. */
  async dockerTrust(args: readonly string[], options: CliRunOptions = {}): Promise<RunResult> {
    return await this.#run(['docker-trust', ...args], options);
  }

  /** Exactly these arguments. */
  async raw(args: readonly string[], options: CliRunOptions = {}): Promise<RunResult> {
    return await this.#run([...args], options);
  }

  /** The same command with other settings. */
  with(changes: Partial<TabellionOptions>): Tabellion {
    return new Tabellion({ ...this.options, ...changes });
  }

  /** The arguments of the native dialect with the flags that name server, CA and trust folder. */
  nativeArguments(args: readonly string[]): string[] {
    const { server, caFile } = this.options;
    const flags = ['--server', server, '--tls-ca', caFile, '--trust-dir', this.trustDir];
    const end = args.includes('--') ? args.indexOf('--') : args.length;
    return [...args.slice(0, end), ...flags, ...args.slice(end)];
  }

  /** The whole environment of the command. */
  environment(): Record<string, string> {
    const { dockerConfigDir, server, passphrases, env } = this.options;
    const known = { ...PASSPHRASES, ...passphrases };
    return {
      PATH: process.env.PATH ?? '',
      HOME: path.join(dockerConfigDir, '..'),
      DOCKER_CONFIG: dockerConfigDir,
      DOCKER_CONTENT_TRUST_SERVER: server,
      ...QUICK_KEYS,
      // That of the person who runs the tests is none of theirs.
      TABELLION_KEYCHAIN: 'off',
      ...(passphrases !== null && {
        ...notaryPassphraseVariables(known),
        ...dockerPassphraseVariables(known),
      }),
      ...env,
    };
  }

  async #run(args: readonly string[], options: CliRunOptions): Promise<RunResult> {
    await installDockerCa(this.options);
    return await runProgram(process.execPath, [TABELLION, ...args], this.#runOptions(options));
  }

  #runOptions(options: CliRunOptions): RunOptions {
    return { ...options, env: { ...this.environment(), ...options.env } };
  }
}
