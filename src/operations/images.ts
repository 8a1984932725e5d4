/** The images that a command was given. */

import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';
import { type ImageReference, parseImageReference } from '../registry/image-reference.ts';

/** An image with the tag that it was given with. */
export interface TaggedImage extends ImageReference {
  readonly tag: string;
}

/**
 * References that must name a tag and may not name a digest.
 * @throws UsageError `REFERENCE_INVALID`, `TAG_MISSING`, `DIGEST_REFERENCE`
 */
export function taggedImages(texts: readonly string[]): TaggedImage[] {
  return texts.map(text => {
    const image = parseImageReference(text);
    const { tag } = image;
    if (image.digest !== undefined) {
      throw new UsageError(
        'DIGEST_REFERENCE',
        `“${printable(text)}” names a digest; a tag is what is signed`,
        {
          hint: 'Give the tag, and the digest with --digest and --size.',
        },
      );
    }
    if (tag === undefined) {
      throw new UsageError('TAG_MISSING', `“${printable(text)}” names no tag`, {
        hint: `Name one, as in ${image.familiar}:latest.`,
      });
    }
    return { ...image, tag };
  });
}

/** Images by repository, each tag once, in the order given. */
export function byRepository(images: readonly TaggedImage[]): TaggedImage[][] {
  const groups = new Map<string, Map<string, TaggedImage>>();
  for (const image of images) {
    const group = groups.get(image.repository) ?? new Map<string, TaggedImage>();
    groups.set(image.repository, group);
    if (!group.has(image.tag)) group.set(image.tag, image);
  }
  return [...groups.values()].map(group => [...group.values()]);
}

/**
 * The repository that a command changes as a whole.
 * @throws UsageError `REFERENCE_INVALID`, `REPOSITORY_EXPECTED`
 */
export function repositoryName(text: string): string {
  const image = parseImageReference(text);
  if (image.tag === undefined && image.digest === undefined) return image.repository;
  throw new UsageError(
    'REPOSITORY_EXPECTED',
    `“${printable(text)}” names one image; this is about its whole repository`,
    { hint: `Give the repository: ${image.familiar}` },
  );
}
