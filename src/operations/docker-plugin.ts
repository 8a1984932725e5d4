/** Tabellion as a plugin of the docker command: small scripts in Docker's configuration folder (cli.md 8). */
import { execFile } from 'node:child_process';
import { access, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { withoutPassphrases } from '../keys/passphrase-variables.ts';
import { defaultDockerConfigDir } from '../registry/docker-config.ts';
import { findProgram } from '../registry/find-program.ts';
import { writeFileAtomic } from '../trust-dir/atomic-file.ts';

/** What a plugin is called behind `docker`. */
export type PluginName = 'trust' | 'tabellion';

/** What the scripts start. */
export interface PluginTarget {
  /** The Node.js program. */
  readonly node: string;
  /** `bin/tabellion.js`. */
  readonly launcher: string;
  readonly version: string;
}

export interface PluginHost {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly target: PluginTarget;
  /** Default: the system's. */
  readonly platform?: NodeJS.Platform;
}

export interface InstalledPlugin {
  readonly name: PluginName;
  readonly file: string;
  /** `outdated`: ours, but it starts another Node.js or another Tabellion; `foreign`: not ours. */
  readonly status: 'installed' | 'outdated' | 'absent' | 'foreign';
}

export interface PluginStatus {
  readonly docker?: { readonly path: string; readonly version?: string };
  /** Whether `docker trust` can be ours: this docker has none of its own. */
  readonly trustIsFree: boolean;
  /** Why it cannot. */
  readonly reason?: string;
  readonly plugins: readonly InstalledPlugin[];
}

/** The first release of docker without a `trust` of its own. */
const FIRST_WITHOUT_TRUST = 29;
const NAMES: readonly PluginName[] = ['tabellion', 'trust'];
const MARK = '# Written by “tabellion plugin install”; “tabellion plugin remove” takes it away.';
const DOCKER_TIMEOUT_MS = 10_000;
const EXECUTABLE = 0o755;
/** Where packages put plugins; the person's own folder comes before them. */
const SYSTEM_FOLDERS = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
];

/** What is there, and what docker is. */
export async function pluginStatus(host: PluginHost): Promise<PluginStatus> {
  const plugins: InstalledPlugin[] = [];
  for (const name of NAMES) plugins.push(await statusOf(host, name));
  const docker = await findDocker(host);
  const reason = await whyTrustIsTaken(docker?.version, plugins);
  return {
    ...(docker === undefined ? {} : { docker }),
    trustIsFree: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    plugins,
  };
}

/**
 * Installs `docker tabellion`, and `docker trust` where docker has none. Nobody else's file is replaced.
 * @throws OperationError `PLUGIN_UNSUPPORTED` on Windows, `PLUGIN_EXISTS`, `PLUGIN_BROKEN`, `FILE_NOT_WRITABLE`
 */
export async function installPlugin(host: PluginHost): Promise<PluginStatus> {
  if ((host.platform ?? process.platform) === 'win32') {
    throw new OperationError(
      'PLUGIN_UNSUPPORTED',
      'On Windows a Docker CLI plugin must be an .exe file, which Tabellion has not',
      { hint: 'Run the commands as: tabellion docker-trust …' },
    );
  }
  const { trustIsFree, plugins } = await pluginStatus(host);
  const wanted = plugins.filter(({ name }) => name === 'tabellion' || trustIsFree);
  const foreign = wanted.find(({ status }) => status === 'foreign');
  if (foreign !== undefined) {
    throw new OperationError(
      'PLUGIN_EXISTS',
      `${printable(foreign.file)} exists and is not Tabellion’s; it was not replaced`,
      { hint: 'Move it aside first.', details: { file: foreign.file } },
    );
  }
  for (const { name, file } of wanted) {
    const options = { mode: EXECUTABLE, makeFolder: true };
    await writeFileAtomic(file, scriptOf(name, host.target), options);
    await proveRunning(file);
  }
  return await pluginStatus(host);
}

/** Removes what is ours. @returns the files that were removed */
export async function removePlugin(host: PluginHost): Promise<string[]> {
  const removed: string[] = [];
  for (const name of NAMES) {
    const { file, status } = await statusOf(host, name);
    if (status !== 'installed' && status !== 'outdated') continue;
    await unlink(file);
    removed.push(file);
  }
  return removed;
}

/** What a plugin says of itself to docker, as one line of JSON. */
export function pluginMetadata(version: string): string {
  return JSON.stringify({
    // Docker up to 28.4 takes no other version.
    SchemaVersion: '0.1.0',
    Vendor: 'Tabellion',
    Version: version,
    ShortDescription: 'Sign and verify image tags, without a daemon',
  });
}

/** Docker asks every plugin for its metadata each time it shows help: the shell answers that. */
function scriptOf(name: PluginName, { node, launcher, version }: PluginTarget): string {
  return [
    '#!/bin/sh',
    MARK,
    'if [ "$1" = docker-cli-plugin-metadata ]; then',
    `  printf '%s\\n' ${shellQuote(pluginMetadata(version))}`,
    '  exit 0',
    'fi',
    `exec ${shellQuote(node)} ${shellQuote(launcher)} docker-cli-plugin ${name} "$@"`,
    '',
  ].join('\n');
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function statusOf(host: PluginHost, name: PluginName): Promise<InstalledPlugin> {
  const folder = join(defaultDockerConfigDir(host.env, host.home), 'cli-plugins');
  const file = join(folder, `docker-${name}`);
  const text = await readFile(file, 'latin1').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' || error.code === 'ENOTDIR' ? undefined : '',
  );
  if (text === undefined) return { name, file, status: 'absent' };
  const own = Buffer.from(scriptOf(name, host.target), 'utf8').toString('latin1');
  if (text === own) return { name, file, status: 'installed' };
  const mark = Buffer.from(MARK, 'utf8').toString('latin1');
  return { name, file, status: text.includes(mark) ? 'outdated' : 'foreign' };
}

async function findDocker({
  env,
  platform,
}: PluginHost): Promise<{ path: string; version?: string } | undefined> {
  const path = await findProgram('docker', env, platform);
  if (path === undefined) return undefined;
  // Asks no daemon.
  const said = await run(path, ['--version'], withoutPassphrases(env));
  const version = /\b(\d+\.\d+[0-9A-Za-z.+-]*)/.exec(said ?? '')?.[1];
  return { path, ...(version === undefined ? {} : { version }) };
}

async function whyTrustIsTaken(
  version: string | undefined,
  plugins: readonly InstalledPlugin[],
): Promise<string | undefined> {
  if (version === undefined) return 'no docker was found that tells its version';
  if (Number.parseInt(version, 10) < FIRST_WITHOUT_TRUST)
    return `docker ${printable(version)} has a trust command of its own`;
  const foreign = plugins.find(({ name, status }) => name === 'trust' && status === 'foreign');
  if (foreign !== undefined) return `${printable(foreign.file)} is another plugin for it`;
  for (const folder of SYSTEM_FOLDERS) {
    const file = join(folder, 'docker-trust');
    if (await exists(file)) return `${file} is another plugin for it`;
  }
  return undefined;
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/** A folder may forbid to run what lies in it. @throws OperationError `PLUGIN_BROKEN` */
async function proveRunning(file: string): Promise<void> {
  const said = await run(file, ['docker-cli-plugin-metadata'], {});
  if (said?.includes('"SchemaVersion"') === true) return;
  throw new OperationError(
    'PLUGIN_BROKEN',
    `${printable(file)} was written, but it cannot be run from there`,
    { hint: 'The file system may be mounted without the right to run programs.' },
  );
}

/** What a program says; undefined when it cannot be run, or fails. */
async function run(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  return await new Promise(resolve => {
    execFile(file, [...args], { env, timeout: DOCKER_TIMEOUT_MS }, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    );
  });
}
