import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** The real programs that Tabellion is compared with. */
export const PEERS = [
  'notary',
  'notary-server',
  'notary-signer',
  'docker',
  'docker-registry',
  'skopeo',
  'openssl',
  'gnome-keyring-daemon',
  'dbus-run-session',
  'script',
] as const;

export type Peer = (typeof PEERS)[number];

/** The path of an executable found through `PATH`, or undefined. */
export function findProgram(name: string): string | undefined {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const suffix of suffixes) {
      const candidate = path.join(folder || '.', name + suffix);
      try {
        accessSync(candidate, constants.X_OK);
        if (statSync(candidate).isFile()) return candidate;
      } catch {
        // Not here: look further.
      }
    }
  }
  return undefined;
}

/** Peers that cannot be used on this machine. A Docker CLI without the built-in `trust` (29 and later) counts as missing. */
export function missingPeers(): Peer[] {
  return PEERS.filter(peer => {
    const program = findProgram(peer);
    if (program === undefined) return true;
    return peer === 'docker' && spawnSync(program, ['trust', 'inspect', '--help']).status !== 0;
  });
}

/** True when the environment says that an absent peer is a failure (continuous integration). */
export function peersAreRequired(): boolean {
  return !['', '0', undefined].includes(process.env.TABELLION_REQUIRE_PEERS);
}
