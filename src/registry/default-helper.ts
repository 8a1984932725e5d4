import { findProgram } from './find-program.ts';

/**
 * The credential helper that Docker takes where nothing is configured: the platform's own, if its program is there.
 * Docker looks for one only when its configuration has no login and no helper at all.
 *
 * @returns `osxkeychain` for `docker-credential-osxkeychain`
 * @see cli.md 4.1
 */
export async function defaultCredentialHelper(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  const helper = await platformHelper(env, platform);
  if (helper === undefined) return undefined;
  const program = await findProgram(`docker-credential-${helper}`, env, platform);
  return program === undefined ? undefined : helper;
}

async function platformHelper(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform,
): Promise<string | undefined> {
  if (platform === 'darwin') return 'osxkeychain';
  if (platform === 'win32') return 'wincred';
  if (platform !== 'linux') return undefined;
  return (await findProgram('pass', env, platform)) === undefined ? 'secretservice' : 'pass';
}
