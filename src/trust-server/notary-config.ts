import { access, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';
import type { TrustPinningConfig } from './pinned-authorities.ts';

/** What Notary's configuration file says (cli.md 1.2). All paths are absolute. */
export interface NotaryConfig {
  readonly trustDir?: string;
  readonly remoteServer?: {
    readonly url?: string;
    readonly rootCa?: string;
    readonly tlsClientCert?: string;
    readonly tlsClientKey?: string;
    readonly skipTlsVerify: boolean;
  };
  readonly trustPinning: TrustPinningConfig;
  /** What people should know about the file: sentences. */
  readonly warnings: readonly string[];
}

export interface NotaryConfigOptions {
  /** For `~` in `trust_dir`. */
  readonly home?: string;
  /** What Notary takes relative paths from in some places. */
  readonly workingDirectory?: string;
  /** Whether a relative `trust_dir` is left as it is, for the working directory, as Notary takes it. */
  readonly trustDirInWorkingDirectory?: boolean;
}

/**
 * Reads a configuration file of Notary, in JSON. Known names are found whatever their case; names of repositories keep
 * theirs, which Notary's own reader loses (cli.md, trap 11).
 *
 * Relative paths are relative to the file. Notary takes those of `trust_dir` and `trust_pinning.ca` from the working
 * directory: where a path exists only there, it is used, with a warning.
 *
 * @throws UsageError `CONFIG_NOT_FOUND`, `CONFIG_INVALID`. A doubtful value is an error and never a default: pins
 *   that are not understood must not be dropped.
 */
export async function readNotaryConfig(
  file: string,
  options: NotaryConfigOptions = {},
): Promise<NotaryConfig> {
  const text = await readText(file);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw invalid(file, `it is not JSON (${printable((cause as Error).message)})`, cause);
  }
  const root = section(file, '', parsed);
  const paths = new ConfigPaths(file, options);
  const server = optionalSection(file, 'remote_server', root.get('remote_server'));
  const pinning = optionalSection(file, 'trust_pinning', root.get('trust_pinning'));
  const trustDir = optionalText(file, 'trust_dir', root.get('trust_dir'));

  const remoteServer = server && {
    ...only('url', optionalText(file, 'remote_server.url', server.get('url'))),
    ...only(
      'rootCa',
      paths.beside(optionalText(file, 'remote_server.root_ca', server.get('root_ca'))),
    ),
    ...only(
      'tlsClientCert',
      paths.beside(
        optionalText(file, 'remote_server.tls_client_cert', server.get('tls_client_cert')),
      ),
    ),
    ...only(
      'tlsClientKey',
      paths.beside(
        optionalText(file, 'remote_server.tls_client_key', server.get('tls_client_key')),
      ),
    ),
    skipTlsVerify: flag(file, 'remote_server.skipTLSVerify', server.get('skiptlsverify')),
  };
  const trustPinning: TrustPinningConfig = {
    certs: pinnedCertificates(file, pinning?.get('certs')),
    ca: await pinnedAuthorities(file, pinning?.get('ca'), paths),
    disableTofu: flag(file, 'trust_pinning.disable_tofu', pinning?.get('disable_tofu')),
  };
  return {
    ...only('trustDir', trustDir === undefined ? undefined : await paths.trustDir(trustDir)),
    ...(remoteServer === undefined ? {} : { remoteServer }),
    trustPinning,
    warnings: paths.warnings,
  };
}

/** The same, with undefined for a file that does not exist: nobody has asked for the default one. */
export async function readNotaryConfigIfPresent(
  file: string,
  options: NotaryConfigOptions = {},
): Promise<NotaryConfig | undefined> {
  try {
    return await readNotaryConfig(file, options);
  } catch (error) {
    if (error instanceof UsageError && error.code === 'CONFIG_NOT_FOUND') return undefined;
    throw error;
  }
}

class ConfigPaths {
  readonly warnings: string[] = [];
  readonly #file: string;
  readonly #folder: string;
  readonly #home: string;
  readonly #workingDirectory: string;
  readonly #trustDirInWorkingDirectory: boolean;

  constructor(file: string, options: NotaryConfigOptions) {
    this.#file = file;
    this.#home = options.home ?? os.homedir();
    this.#workingDirectory = options.workingDirectory ?? process.cwd();
    this.#trustDirInWorkingDirectory = options.trustDirInWorkingDirectory ?? false;
    this.#folder = path.dirname(path.resolve(this.#workingDirectory, file));
  }

  async trustDir(name: string): Promise<string> {
    const expanded = this.#expandHome(name);
    return this.#trustDirInWorkingDirectory
      ? expanded
      : await this.besideOrWorking('trust_dir', expanded);
  }

  #expandHome(name: string): string {
    if (name === '~') return this.#home;
    return /^~[/\\]/.test(name) ? path.join(this.#home, name.slice(2)) : name;
  }

  beside(name: string | undefined): string | undefined {
    return name === undefined ? undefined : path.resolve(this.#folder, name);
  }

  async besideOrWorking(key: string, name: string): Promise<string> {
    const beside = path.resolve(this.#folder, name);
    const working = path.resolve(this.#workingDirectory, name);
    if (beside === working || !(await exists(working))) return beside;
    const where = `“${printable(name)}” (${key} in ${printable(this.#file)})`;
    if (await exists(beside)) {
      this.warnings.push(
        `${where} is taken from the folder of that file; Notary would take the one in the working directory.`,
      );
      return beside;
    }
    this.warnings.push(
      `${where} is not there beside that file; the one in the working directory is taken, as Notary does.`,
    );
    return working;
  }
}

async function exists(name: string): Promise<boolean> {
  return await access(name).then(
    () => true,
    () => false,
  );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UsageError(
        'CONFIG_NOT_FOUND',
        `There is no configuration file “${printable(file)}”`,
        { cause, details: { file } },
      );
    }
    throw invalid(file, printable((cause as Error).message), cause);
  }
}

function invalid(file: string, problem: string, cause?: unknown): UsageError {
  return new UsageError(
    'CONFIG_INVALID',
    `The configuration file “${printable(file)}” cannot be used: ${problem}`,
    { ...(cause === undefined ? {} : { cause }), details: { file } },
  );
}

/** The members of an object by their names in lower case. Two that differ in nothing else are refused. */
function section(file: string, name: string, value: unknown): Map<string, unknown> {
  const members = new Map<string, unknown>();
  for (const [key, member] of entries(file, name, value)) {
    const folded = key.toLowerCase();
    if (members.has(folded)) throw invalid(file, `it has “${printable(key)}” twice`);
    members.set(folded, member);
  }
  return members;
}

function optionalSection(
  file: string,
  name: string,
  value: unknown,
): Map<string, unknown> | undefined {
  return value === undefined ? undefined : section(file, name, value);
}

function entries(file: string, name: string, value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(file, name === '' ? 'it is not an object' : `${name} is not an object`);
  }
  return Object.entries(value);
}

function optionalText(file: string, name: string, value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(file, `${name} is not a text`);
  return value;
}

function flag(file: string, name: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && /^(?:true|false)$/i.test(value)) {
    return value.toLowerCase() === 'true';
  }
  throw invalid(file, `${name} is neither true nor false`);
}

function pinnedCertificates(file: string, value: unknown): Map<string, readonly string[]> {
  const pins = new Map<string, readonly string[]>();
  if (value === undefined) return pins;
  for (const [gun, ids] of entries(file, 'trust_pinning.certs', value)) {
    if (!Array.isArray(ids) || !ids.every(id => typeof id === 'string')) {
      // Notary's own words come first.
      throw invalid(
        file,
        `invalid format for trust_pinning.certs (“${printable(gun)}” is not a list of key IDs)`,
      );
    }
    pins.set(gun, ids);
  }
  return pins;
}

async function pinnedAuthorities(
  file: string,
  value: unknown,
  paths: ConfigPaths,
): Promise<Map<string, string>> {
  const pins = new Map<string, string>();
  if (value === undefined) return pins;
  for (const [prefix, name] of entries(file, 'trust_pinning.ca', value)) {
    if (typeof name !== 'string' || name === '') {
      throw invalid(file, `trust_pinning.ca: “${printable(prefix)}” is not the name of a file`);
    }
    pins.set(prefix, await paths.besideOrWorking('trust_pinning.ca', name));
  }
  return pins;
}

function only<K extends string>(name: K, value: string | undefined): Partial<Record<K, string>> {
  const result: Partial<Record<K, string>> = {};
  if (value !== undefined) result[name] = value;
  return result;
}
