/** The passphrases given to every program under test, by kind of key. */
export interface Passphrases {
  root: string;
  targets: string;
  snapshot: string;
  delegation: string;
}

/**
 * Long enough to draw no warning. One for the root keys and one for all others: `docker trust` knows only these two, so that all programs
 * can share one trust folder.
 */
export const PASSPHRASES: Passphrases = {
  root: 'a root key lives ten years',
  targets: 'four harbours, one lighthouse',
  snapshot: 'four harbours, one lighthouse',
  delegation: 'four harbours, one lighthouse',
};

/** The environment variables from which `notary` takes passphrases. */
export function notaryPassphraseVariables(passphrases: Passphrases): Record<string, string> {
  return {
    NOTARY_ROOT_PASSPHRASE: passphrases.root,
    NOTARY_TARGETS_PASSPHRASE: passphrases.targets,
    NOTARY_SNAPSHOT_PASSPHRASE: passphrases.snapshot,
    NOTARY_DELEGATION_PASSPHRASE: passphrases.delegation,
  };
}

/** The environment variables from which `docker trust` takes passphrases: it uses the targets passphrase for every key but root. */
export function dockerPassphraseVariables(passphrases: Passphrases): Record<string, string> {
  return {
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: passphrases.root,
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: passphrases.targets,
  };
}
