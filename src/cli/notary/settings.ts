/** What a run works with: the flags, else the configuration file, else the defaults (cli.md 1.2). */
import { readFile } from 'node:fs/promises';
import { extname, isAbsolute, join, relative, resolve } from 'node:path';
import { TabellionError } from '../../errors.ts';
import { type NotaryConfig, readNotaryConfig } from '../../trust-server/notary-config.ts';
import { loadTrustPinning } from '../../trust-server/pinned-authorities.ts';
import { NO_PINNING, type TrustPinning } from '../../tuf/pinning.ts';
import type { FlagValues } from './command-line/flags.ts';
import { goQuote } from './command-line/go-values.ts';
import { Fatal } from './fatal.ts';
import { errorCode, goFileError } from './go-file-error.ts';
import { goJsonError } from './go-json-error.ts';
import type { Logger } from './logger.ts';

const DEFAULT_SERVER = 'https://notary-server:4443';

export interface Settings {
  readonly home: string;
  /** As it is shown; relative paths count from the working directory. */
  readonly trustDir: string;
  readonly server: string;
  /** Asked for in the configuration file; not granted. */
  readonly skipTlsVerify: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** The pins that matter for a collection; files of others are not read. */
  trustPinning(gun: string): Promise<TrustPinning>;
}

/**
 * Reads the configuration file and applies the flags.
 * @throws Fatal for a file that was asked for and is not there, and for every file that cannot be understood
 */
export async function readSettings(
  flags: FlagValues,
  env: NodeJS.ProcessEnv,
  log: Logger,
): Promise<Settings> {
  const home = (process.platform === 'win32' ? env.USERPROFILE : env.HOME) ?? '';
  if (home === '') {
    log.warning('cannot get current user home directory: environment variable not set');
    log.warning(`notary will use ${resolve('.notary')} to store configuration and keys`);
  }
  const defaultDir = join(home, '.notary');
  const config = await readConfig(flags.text('configFile'), defaultDir, home, log);
  const remote = config?.remoteServer;
  const text = (flag: string, configured: string | undefined): string | undefined =>
    flags.text(flag) || configured || undefined;
  // Files of the configuration are shown as its own name was given.
  const isRelative = flags.has('configFile') && !isAbsolute(flags.text('configFile'));
  const file = (flag: string, configured: string | undefined): string | undefined => {
    const given = flags.text(flag);
    if (given !== '') return resolve(given);
    return configured !== undefined && isRelative ? relative('', configured) : configured;
  };
  const tls = {
    tlsCa: file('tlscacert', remote?.rootCa),
    tlsCert: file('tlscert', remote?.tlsClientCert),
    tlsKey: file('tlskey', remote?.tlsClientKey),
  };
  return {
    home,
    trustDir: file('trustDir', undefined) ?? config?.trustDir ?? defaultDir,
    server: text('server', remote?.url) ?? DEFAULT_SERVER,
    skipTlsVerify: remote?.skipTlsVerify === true,
    ...(tls.tlsCa === undefined ? {} : { tlsCa: tls.tlsCa }),
    ...(tls.tlsCert === undefined ? {} : { tlsCert: tls.tlsCert }),
    ...(tls.tlsKey === undefined ? {} : { tlsKey: tls.tlsKey }),
    trustPinning: async gun => {
      const { certs, ca, disableTofu } = config?.trustPinning ?? NO_PINNING;
      const own = new Map([...ca].filter(([prefix]) => gun.startsWith(prefix)));
      return await loadTrustPinning({ certs, ca: own, disableTofu });
    },
  };
}

async function readConfig(
  given: string,
  defaultDir: string,
  home: string,
  log: Logger,
): Promise<NotaryConfig | undefined> {
  const file = given || join(defaultDir, 'config.json');
  checkFormat(file);
  try {
    const config = await readNotaryConfig(file, { home, trustDirInWorkingDirectory: true });
    for (const warning of config.warnings) log.warning(warning);
    return config;
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    log.debug('Configuration file not found, using defaults');
    if (error.code !== 'CONFIG_NOT_FOUND') {
      throw new Fatal(await configProblem(error, file), error);
    }
    if (given === '') return undefined;
    throw new Fatal(`error opening config file: open ${file}: no such file or directory`, error);
  }
}

/** Formats that the original reads, by the extension of the file's name. */
const FORMATS = new Set(
  'json toml yaml yml properties props prop hcl tfvars dotenv env ini'.split(' '),
);

function checkFormat(file: string): void {
  const extension = extname(file).slice(1).toLowerCase();
  if (FORMATS.has(extension)) return;
  throw new Fatal(`error opening config file: Unsupported Config Type ${goQuote(extension)}`);
}

async function configProblem(error: TabellionError, file: string): Promise<string> {
  const { message } = error;
  if (message.includes('invalid format for trust_pinning.certs')) {
    return 'invalid format for trust_pinning.certs';
  }
  if (errorCode(error) !== undefined)
    return `error opening config file: ${goFileError(error, file)}`;
  const text = extname(file) === '.json' ? await readFile(file, 'utf8') : '{}';
  const problem = goJsonError(text) ?? typeProblem(text);
  return `error opening config file: ${problem === undefined ? message : `While parsing config: ${problem}`}`;
}

function typeProblem(text: string): string | undefined {
  const value: unknown = JSON.parse(text);
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return kind === 'object'
    ? undefined
    : `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}
