import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { CliRunOptions } from './notary-cli.ts';
import { dockerPassphraseVariables, PASSPHRASES, type Passphrases } from './passphrases.ts';
import { type RunOptions, type RunResult, runProgram, runToSuccess } from './run-program.ts';

export interface DockerTrustOptions {
  /** `$DOCKER_CONFIG`; its trust folder is `trust` in it. */
  dockerConfigDir: string;
  /** `https://host:port`, for `DOCKER_CONTENT_TRUST_SERVER`. */
  server: string;
  /** PEM file of the CA; copied to `tls/<host:port>/ca.crt` of the configuration. */
  caFile: string;
  /** Default {@link PASSPHRASES}; null gives none. */
  passphrases?: Partial<Passphrases> | null;
  env?: Record<string, string>;
}

/** The real `docker trust` command. No daemon is behind it. */
export class DockerTrust {
  readonly options: DockerTrustOptions;

  constructor(options: DockerTrustOptions) {
    this.options = options;
  }

  /** The folder that `notary -d` has to be given to share keys and metadata. */
  get trustDir(): string {
    return path.join(this.options.dockerConfigDir, 'trust');
  }

  /** Runs `docker <args>`; the exit code is a result. */
  async run(args: readonly string[], options: CliRunOptions = {}): Promise<RunResult> {
    await this.#installCa();
    return await runProgram('docker', args, this.#runOptions(options));
  }

  /** Like `run`, but a failure throws an Error with everything the program said. Returns standard output. */
  async succeed(args: readonly string[], options: CliRunOptions = {}): Promise<string> {
    await this.#installCa();
    return (await runToSuccess('docker', args, this.#runOptions(options))).stdout;
  }

  /** The parsed output of `docker trust inspect <image>…`. @throws Error when the command fails. */
  async inspect(...images: string[]): Promise<DockerTrustInspection[]> {
    return JSON.parse(await this.succeed(['trust', 'inspect', ...images]));
  }

  /** The same command with other settings. */
  with(changes: Partial<DockerTrustOptions>): DockerTrust {
    return new DockerTrust({ ...this.options, ...changes });
  }

  /** The whole environment of the command. */
  environment(): Record<string, string> {
    const { dockerConfigDir, server, passphrases, env } = this.options;
    return {
      PATH: process.env.PATH ?? '',
      HOME: path.join(dockerConfigDir, '..'),
      DOCKER_CONFIG: dockerConfigDir,
      DOCKER_CONTENT_TRUST_SERVER: server,
      ...(passphrases !== null && dockerPassphraseVariables({ ...PASSPHRASES, ...passphrases })),
      ...env,
    };
  }

  #runOptions(options: CliRunOptions): RunOptions {
    return { ...options, env: { ...this.environment(), ...options.env } };
  }

  async #installCa(): Promise<void> {
    await installDockerCa(this.options);
  }
}

/** Puts the CA where Docker's configuration folder has it for this trust server. */
export async function installDockerCa(
  options: Pick<DockerTrustOptions, 'dockerConfigDir' | 'server' | 'caFile'>,
): Promise<void> {
  const folder = path.join(options.dockerConfigDir, 'tls', new URL(options.server).host);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await copyFile(options.caFile, path.join(folder, 'ca.crt'));
}

/** One element of what `docker trust inspect` prints. */
export interface DockerTrustInspection {
  Name: string;
  SignedTags: { SignedTag: string; Digest: string; Signers: string[] }[];
  Signers: { Name: string; Keys: { ID: string }[] }[];
  AdministrativeKeys: { Name: string; Keys: { ID: string }[] }[];
}
