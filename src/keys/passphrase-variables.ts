/** The environment variables that hold passphrases. */

const PASSPHRASE_VARIABLE =
  /^(?:NOTARY_\w*PASSPHRASE|DOCKER_CONTENT_TRUST_\w*PASSPHRASE|TABELLION_\w*PASSPHRASE|TABELLION_PASSPHRASE_\w+)$/i;

/** The environment for a program that has no business with them. */
export function withoutPassphrases(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !PASSPHRASE_VARIABLE.test(name)),
  );
}
