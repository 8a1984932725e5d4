/** One line of help below the options: what to type, and what it does. */
export type Example = readonly [command: string, meaning: string];

/** The examples of a command, and where the global options are told, for `addHelpText('after')`. */
export function examples(...list: Example[]): string {
  const lines = list.flatMap(([command, meaning]) => [`  # ${meaning}`, `  ${command}`]);
  return `\nExamples:\n${lines.join('\n')}\n\n${GLOBAL_OPTIONS_NOTE}`;
}

/** Stands below the help of each command. */
export const GLOBAL_OPTIONS_NOTE =
  'Also --json, --quiet, --server, --trust-dir and more: see tabellion --help';

/** What stands below the program's own help. */
export const PROGRAM_NOTES = `
Environment:
  DOCKER_CONTENT_TRUST_SERVER, DOCKER_CONFIG, HTTPS_PROXY and NO_COLOR
  Passphrases: NOTARY_{ROOT,TARGETS,SNAPSHOT,DELEGATION}_PASSPHRASE or
               DOCKER_CONTENT_TRUST_{ROOT,REPOSITORY}_PASSPHRASE, of one key
               TABELLION_PASSPHRASE_<first 7 digits of its ID>, else from
               TABELLION_PASSPHRASE_FILE or TABELLION_PASSPHRASE_COMMAND
  Keychain: TABELLION_KEYCHAIN=off, TABELLION_REMEMBER=ask|always|never
  Logins: as docker login keeps them, DOCKER_AUTH_CONFIG, NOTARY_AUTH
  Registries that need prove nothing: TABELLION_INSECURE_REGISTRIES

Exit codes:
  0 done, or trusted       3 not trusted              5 server unreachable, or
  1 failed                 4 key missing or locked      credentials refused
  2 not understood                                  130 interrupted`;
