import type { DockerTrustInspection } from './docker-trust.ts';
import type { ListedTarget } from './readers.ts';
import { content } from './scene.ts';

/** The row of `notary list` for a name signed as content made of `text`. */
export function listRow(name: string, text: string, role = 'targets'): ListedTarget {
  const { hex, size } = content(text);
  return { name, hex, size, role };
}

/** The entry of `docker trust inspect` for a tag; without signers the repository's key has signed it. */
export function dockerTag(
  name: string,
  text: string,
  ...signers: string[]
): DockerTrustInspection['SignedTags'][number] {
  return {
    SignedTag: name,
    Digest: content(text).hex,
    Signers: signers.length === 0 ? ['Repo Admin'] : signers,
  };
}
