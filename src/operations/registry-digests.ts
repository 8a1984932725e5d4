/** Whether a registry holds the digests that are signed. */
import { ConnectionError, OperationError, TabellionError, UsageError } from '../errors.ts';
import { parseImageReference } from '../registry/image-reference.ts';
import type { Session } from './session.ts';

/** `unknown`: the registry could not be asked, or gave no clear answer. */
export type DigestState = 'present' | 'absent' | 'unknown';

export interface RegistryDigests {
  /** By digest in hex. */
  readonly states: ReadonlyMap<string, DigestState>;
  /** Why some are unknown. */
  readonly problem?: string;
}

const AT_ONCE = 6;

/**
 * Asks the registry for manifests, by their digests.
 * @param sha256 in hex; each is asked for once
 */
export async function registryDigests(
  session: Session,
  gun: string,
  sha256: readonly string[],
): Promise<RegistryDigests> {
  const wanted = [...new Set(sha256)].filter(hex => hex !== '');
  const states = new Map<string, DigestState>(wanted.map(hex => [hex, 'unknown']));
  let problem: string | undefined;
  let done = 0;
  try {
    const { domain, path } = parseImageReference(gun);
    const registry = await session.registry(domain);
    const next = wanted.values();
    const worker = async (): Promise<void> => {
      for (const hex of next) {
        // Who cannot be reached once is not asked a hundred times.
        if (problem !== undefined) return;
        session.progress({
          message: `asking the registry for what is signed in ${gun}`,
          done,
          total: wanted.length,
        });
        try {
          await registry.headDigest(path, `sha256:${hex}`);
          states.set(hex, 'present');
        } catch (error) {
          if (error instanceof OperationError && error.code === 'IMAGE_NOT_FOUND')
            states.set(hex, 'absent');
          else if (error instanceof ConnectionError) problem ??= error.message;
          else if (!(error instanceof TabellionError)) throw error;
        }
        done += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    problem = error instanceof UsageError ? `${gun} is not the name of an image` : error.message;
  }
  return { states, ...(problem === undefined ? {} : { problem }) };
}
