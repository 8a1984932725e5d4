/** From a trusted root to the newest one, by way of all between where that is needed (tuf.md 3.4, TUF 5.3). */

import { printable } from '../crypto/printable.ts';
import { TrustError } from '../errors.ts';
import { ROOT_CHAIN_LIMIT } from './constants.ts';
import { decodeRoot } from './decode.ts';
import { openEnvelope } from './envelope.ts';
import { ROOT } from './role-name.ts';
import { type RootContext, type VerifiedRoot, verifyNextRoot } from './root-trust.ts';

export interface RootVersions {
  rootVersion(version: number): Promise<Uint8Array>;
}

/**
 * Verifies the newest root under the trusted one: directly if its keys signed it, else link by link.
 * @returns the trusted root itself when the newest is the same file
 * @throws TrustError `METADATA_ROLLBACK`, `METADATA_REPLACED`, `ROOT_ROTATION`, `ROOT_CHAIN_BROKEN` …
 */
export async function advanceRoot(
  trusted: VerifiedRoot,
  newest: Uint8Array,
  versions: RootVersions,
  context: RootContext,
  log: (step: string) => void,
): Promise<VerifiedRoot> {
  if (Buffer.from(newest).equals(trusted.bytes)) return trusted;
  const version = checkedVersion(trusted, newest);
  try {
    const root = verifyNextRoot(newest, trusted, context);
    log(`root ${version} verified under root ${trusted.metadata.version}`);
    return root;
  } catch (error) {
    const gap = version - trusted.metadata.version > 1;
    if (!(error instanceof TrustError) || error.code !== 'ROOT_ROTATION' || !gap) throw error;
  }
  return await walk(trusted, newest, version, versions, context, log);
}

async function walk(
  trusted: VerifiedRoot,
  newest: Uint8Array,
  newestVersion: number,
  versions: RootVersions,
  context: RootContext,
  log: (step: string) => void,
): Promise<VerifiedRoot> {
  const first = trusted.metadata.version + 1;
  if (newestVersion - first > ROOT_CHAIN_LIMIT) {
    throw new TrustError(
      'ROOT_CHAIN_TOO_LONG',
      `Root version ${newestVersion} is more than ${ROOT_CHAIN_LIMIT} versions away from the trusted version ${trusted.metadata.version}`,
    );
  }
  let previous = trusted;
  for (let version = first; version < newestVersion; version++) {
    const link = verifyNextRoot(
      await fetchLink(versions, version, context.gun),
      previous,
      context,
      true,
    );
    if (link.metadata.version !== version) {
      throw new TrustError(
        'ROOT_CHAIN_BROKEN',
        `The server offers root version ${link.metadata.version} as version ${version}`,
      );
    }
    log(`root ${version} verified under root ${previous.metadata.version}`);
    previous = link;
  }
  const root = verifyNextRoot(newest, previous, context);
  log(`root ${newestVersion} verified under root ${previous.metadata.version}`);
  return root;
}

async function fetchLink(
  versions: RootVersions,
  version: number,
  gun: string,
): Promise<Uint8Array> {
  try {
    return await versions.rootVersion(version);
  } catch (cause) {
    if (!(cause instanceof TrustError) || cause.code !== 'METADATA_NOT_FOUND') throw cause;
    throw new TrustError(
      'ROOT_CHAIN_BROKEN',
      `Root version ${version} of ${printable(gun)} is missing on the server, and the newest root cannot be verified without it`,
      { cause, details: { role: ROOT, version } },
    );
  }
}

/** The version that the newest root claims; cheap to read, and refused at once when it goes back. */
function checkedVersion(trusted: VerifiedRoot, newest: Uint8Array): number {
  const { version } = decodeRoot(openEnvelope(newest, ROOT).signed);
  const known = trusted.metadata.version;
  if (version > known) return version;
  const details = { role: ROOT, known, offered: version };
  if (version < known) {
    throw new TrustError(
      'METADATA_ROLLBACK',
      `The server offers root version ${version}, but version ${known} was seen before`,
      {
        hint: 'Somebody may be replaying old trust data, or the server was restored from a backup.',
        details,
      },
    );
  }
  throw new TrustError(
    'METADATA_REPLACED',
    `The server offers another root version ${version} than the one trusted before`,
    {
      hint: 'Either the repository was made anew by its owner, or somebody is in between: ask the owner before you trust it.',
      details,
    },
  );
}
