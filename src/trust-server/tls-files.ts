import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError, UsageError } from '../errors.ts';
import type { TlsMaterial } from '../http/transport.ts';

export interface TlsFileOptions {
  /** `$DOCKER_CONFIG`, else `~/.docker`; undefined: no folder counts, as for Notary's own dialect. */
  readonly dockerConfigDir?: string;
  /** `host[:port]` of the server, as its URL has it: see `serverAuthority`. */
  readonly host: string;
  /** File with certificate authorities. */
  readonly tlsCa?: string;
  /** File with the client certificate; needs `tlsKey`. */
  readonly tlsCert?: string;
  /** File with the client's private key; needs `tlsCert`. */
  readonly tlsKey?: string;
  /** True: only `tlsCa` counts, as for Notary. False: it counts beside the system's authorities. */
  readonly caReplacesSystem?: boolean;
  /** Further folders of the same form. They are the machine's: what this user may not read there does not count. */
  readonly machineFolders?: readonly string[];
  readonly platform?: NodeJS.Platform;
}

/**
 * Collects the certificates and keys for TLS with a server: those of Docker's folder `tls/<host[:port]>/`, or else
 * `tls/<host>/`, and those named by themselves, which win over the folder's client certificate (cli.md 3.4).
 *
 * In a folder each `*.crt` holds authorities, and `X.cert` with `X.key` is a client certificate with its key; of several
 * pairs the first by name is taken.
 *
 * @throws UsageError `TLS_PAIR_INCOMPLETE` for certificate or key alone, `TLS_FILE_INVALID` for a named file that
 *   cannot be read or used
 * @throws OperationError `TLS_FOLDER_INVALID` for Docker's folder, with Docker's own words for a missing partner
 */
export async function loadTlsMaterial(options: TlsFileOptions): Promise<TlsMaterial> {
  const { tlsCa, tlsCert, tlsKey } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageError(
      'TLS_PAIR_INCOMPLETE',
      'either pass both client key and cert, or neither',
      { hint: `Give ${tlsCert === undefined ? '--tls-cert' : '--tls-key'} as well.` },
    );
  }
  const folders = await loadFolders(options);
  const named =
    tlsCert !== undefined && tlsKey !== undefined
      ? await loadPair(tlsCert, tlsKey, namedFileError)
      : undefined;
  const pair = named ?? folders.find(folder => folder.pair !== undefined)?.pair;
  const ownCa = tlsCa === undefined ? [] : [await loadAuthorities(tlsCa, namedFileError)];
  const ca =
    options.caReplacesSystem === true ? ownCa : [...folders.flatMap(folder => folder.ca), ...ownCa];
  return {
    ...(ca.length === 0 ? {} : { ca }),
    ...(options.caReplacesSystem === true && tlsCa !== undefined ? { caReplacesSystem: true } : {}),
    ...pair,
  };
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

type FileError = (file: string, what: string, problem: string, cause?: unknown) => Error;

const namedFileError: FileError = (file, what, problem, cause) =>
  new UsageError('TLS_FILE_INVALID', `Cannot use ${what} “${printable(file)}”: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { file },
  });

const folderFileError: FileError = (file, what, problem, cause) =>
  new OperationError('TLS_FOLDER_INVALID', `Cannot use ${what} “${printable(file)}”: ${problem}`, {
    hint: "It stands in Docker's folder for this server: repair it, or move it away.",
    ...(cause === undefined ? {} : { cause }),
    details: { file },
  });

interface FolderContent {
  readonly ca: string[];
  readonly pair?: Pair;
}

async function loadFolders(options: TlsFileOptions): Promise<FolderContent[]> {
  const own = await findFolder(options);
  const contents = own === undefined ? [] : [await loadFolder(own)];
  for (const folder of options.machineFolders ?? []) {
    try {
      const names = await namesIn(folder);
      if (names !== undefined) contents.push(await loadFolder({ folder, names }));
    } catch (error) {
      if (!isForbidden(error)) throw error;
    }
  }
  return contents;
}

async function loadFolder({ folder, names }: Folder): Promise<FolderContent> {
  const present = new Set(names);
  const incomplete = (message: string) =>
    new OperationError('TLS_FOLDER_INVALID', message, {
      hint: `The files are looked for in ${printable(folder)}`,
      details: { folder },
    });
  const ca: string[] = [];
  let pair: Pair | undefined;
  for (const name of names) {
    const file = path.join(folder, name);
    if (name.endsWith('.crt')) {
      ca.push(await loadAuthorities(file, folderFileError));
    } else if (name.endsWith('.cert')) {
      const key = `${name.slice(0, -'.cert'.length)}.key`;
      if (!present.has(key)) {
        throw incomplete(
          `missing key ${printable(key)} for client certificate ${printable(name)}. CA certificates must use the extension .crt`,
        );
      }
      pair ??= await loadPair(file, path.join(folder, key), folderFileError);
    } else if (name.endsWith('.key')) {
      const cert = `${name.slice(0, -'.key'.length)}.cert`;
      if (!present.has(cert)) {
        throw incomplete(
          `missing client certificate ${printable(cert)} for key ${printable(name)}`,
        );
      }
    }
  }
  return { ca, ...(pair === undefined ? {} : { pair }) };
}

/** A folder, and the names of its files in order. */
interface Folder {
  readonly folder: string;
  readonly names: readonly string[];
}

/** Docker's folder for the server, if there is one. */
async function findFolder(options: TlsFileOptions): Promise<Folder | undefined> {
  const { dockerConfigDir, host } = options;
  if (dockerConfigDir === undefined || /[/\\]/.test(host) || /^\.*$/.test(host)) return undefined;
  const bare = host.replace(/:[0-9]*$/, '');
  // On Windows a colon cannot be part of a file name.
  const isWindows = (options.platform ?? process.platform) === 'win32';
  const candidates = [...new Set([host, bare])].filter(name => !isWindows || !name.includes(':'));
  for (const candidate of candidates) {
    const folder = path.join(dockerConfigDir, 'tls', candidate);
    const names = await namesIn(folder);
    if (names !== undefined) return { folder, names };
  }
  return undefined;
}

/** The files of a folder, in order; undefined when there is no such folder. */
async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter(entry => !entry.isDirectory()).map(entry => entry.name);
    return names.sort();
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw folderFileError(folder, 'the folder', reason(cause), cause);
  }
}

async function loadAuthorities(file: string, fileError: FileError): Promise<string> {
  const what = 'the CA certificate';
  const text = await read(file, what, fileError);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (blocks === null) throw fileError(file, what, 'it holds no certificate in PEM form');
  for (const block of blocks) checkCertificate(block, file, what, fileError);
  return text;
}

async function loadPair(certFile: string, keyFile: string, fileError: FileError): Promise<Pair> {
  const what = 'the client certificate';
  const cert = await read(certFile, what, fileError);
  const key = await read(keyFile, 'the client key', fileError);
  const certificate = checkCertificate(cert, certFile, what, fileError);
  if (/-----BEGIN ENCRYPTED |^Proc-Type:.*ENCRYPTED/m.test(key)) {
    throw fileError(keyFile, 'the client key', 'it is encrypted with a passphrase');
  }
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw fileError(keyFile, 'the client key', 'it is not a private key in PEM form', cause);
  }
  if (!matches) {
    throw fileError(keyFile, 'the client key', `it does not belong to ${printable(certFile)}`);
  }
  return { cert, key };
}

function checkCertificate(
  text: string,
  file: string,
  what: string,
  fileError: FileError,
): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw fileError(file, what, 'it is not a certificate in PEM form', cause);
  }
}

async function read(file: string, what: string, fileError: FileError): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw fileError(file, what, reason(cause), cause);
  }
}

function isForbidden(error: unknown): boolean {
  const cause = error instanceof OperationError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && cause.code === 'EACCES';
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function reason(error: unknown): string {
  if (isMissing(error)) return 'there is no such file';
  return error instanceof Error ? printable(error.message) : 'it cannot be read';
}
