import { DockerFailure } from './failure.ts';

const NAME = /^[a-z0-9][a-z0-9_-]*$/;

/** @throws DockerFailure for what can name no key and no signer */
export function checkName(what: 'key' | 'signer', name: string): void {
  if (NAME.test(name)) return;
  throw new DockerFailure(
    `${what} name ${JSON.stringify(name)} must start with lowercase alphanumeric characters and can include "-" or "_" after the first character`,
  );
}
