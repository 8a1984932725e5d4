/** From image names to what is signed: the manifests that tags name, or will name. */
import { digestSource, type ImageSource, type StoredSource } from '../../registry/image-source.ts';
import type { ImageStore } from '../../registry/image-store.ts';
import { addTarget, type Change } from '../../tuf/change.ts';
import { imageTarget, type Target } from '../../tuf/target.ts';
import type { TaggedImage } from '../images.ts';
import type { Session } from '../session.ts';

/** A tag, and the manifest that it is to be signed as. */
export interface SignableImage extends TaggedImage {
  readonly target: Target;
  readonly mediaType?: string;
}

interface FoundManifest {
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string;
}

/**
 * Finds the manifests of images: in a source, or in their registries. A source is opened once for all of them.
 *
 * @throws what `RegistryClient.resolve`, `openImageSource`, `pushedManifest` and `digestSource` throw
 */
export async function signableImages(
  session: Session,
  groups: readonly (readonly TaggedImage[])[],
  source: ImageSource | undefined,
): Promise<SignableImage[][]> {
  const find = await finder(session, source);
  const total = groups.flat().length;
  const found: SignableImage[][] = [];
  for (const group of groups) {
    const images: SignableImage[] = [];
    for (const image of group) {
      session.progress({
        message: `finding the digest of ${image.familiar}:${image.tag}`,
        done: found.flat().length + images.length,
        total,
      });
      const manifest = await find(image);
      session.log(`${image.repository}:${image.tag} is ${manifest.digest}, ${manifest.size} bytes`);
      images.push(signable(image, manifest));
    }
    found.push(images);
  }
  return found;
}

/** A tag that is to be signed as this manifest. */
export function signable(image: TaggedImage, manifest: FoundManifest): SignableImage {
  const { digest, size, mediaType } = manifest;
  const target = imageTarget(digest, size);
  return { ...image, target, ...(mediaType === undefined ? {} : { mediaType }) };
}

/** The changes by which an image is signed into roles. */
export function targetChanges(image: SignableImage, roles: readonly string[]): Change[] {
  return roles.map(role => addTarget(role, image.tag, image.target));
}

type Finder = (image: TaggedImage) => Promise<FoundManifest>;

async function finder(session: Session, source: ImageSource | undefined): Promise<Finder> {
  if (source === undefined) {
    return async image =>
      await (await session.registry(image.domain)).resolve(image.path, image.tag);
  }
  if (source.type === 'digest') {
    const { digest, size } = digestSource(source.digest, source.size);
    return async () => ({ digest, size });
  }
  const { openImageSource, pushedManifest } = await import('../../registry/open-image-source.ts');
  session.progress({ message: `reading ${source.path}` });
  const store: ImageStore = await openImageSource(source);
  const { preserveDigests = false } = source;
  return image => pushedManifest(store, wantedImage(source, image), { preserveDigests });
}

/** Which image of a source is meant for a tag. */
export function wantedImage({ reference }: StoredSource, target: TaggedImage) {
  return { ...(reference === undefined ? {} : { reference }), target };
}
