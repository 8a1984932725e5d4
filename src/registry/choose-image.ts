import { printable } from '../crypto/printable.ts';
import { OperationError, UsageError } from '../errors.ts';
import { parseImageReference } from './image-reference.ts';
import type { Descriptor, ImageStore } from './image-store.ts';

/** Which of several images is meant. */
export interface WantedImage {
  /** By its name in the store: a tag, or a whole image name. */
  readonly reference?: string;
  /** Without a reference: what the image is to be called, of which a store with several images may know the name. */
  readonly target?: { readonly repository: string; readonly tag: string };
}

const MAX_NAMES_SHOWN = 20;

/**
 * Picks an image of a store: the one that was named, else the only one, else the one that bears the name or, if
 * none does, the tag that it is to get.
 *
 * @throws {OperationError} `OCI_LAYOUT_INVALID` for an empty store, `OCI_REFERENCE_NOT_FOUND`,
 *   `OCI_REFERENCE_AMBIGUOUS`; what the store throws
 */
export async function chooseImage(store: ImageStore, wanted: WantedImage): Promise<Descriptor> {
  const images = await store.images();
  const { reference, target } = wanted;
  const { where } = store;
  if (images.length === 0) {
    throw new OperationError('OCI_LAYOUT_INVALID', `${where} holds no image`);
  }
  if (reference !== undefined) {
    const exact = images.filter(({ names }) => names.includes(reference));
    const matching = exact.length > 0 ? exact : calledBy(images, fullName(reference));
    if (matching.length > 0) return single(matching, where, `named “${quoted(reference)}”`);
    throw new OperationError(
      'OCI_REFERENCE_NOT_FOUND',
      `${where} holds no image named “${quoted(reference)}”; it holds ${listNames(images)}`,
      { hint: 'Put one of those names after the path, separated by a colon.' },
    );
  }
  if (isOne(images) || target === undefined) return single(images, where);
  const { repository, tag } = target;
  const byName = calledBy(images, `${repository}:${tag}`);
  const matching = byName.length > 0 ? byName : images.filter(({ names }) => names.includes(tag));
  return matching.length > 0
    ? single(matching, where, `that could be ${printable(`${repository}:${tag}`)}`)
    : single(images, where);
}

/** One image under several names is still one image. */
function isOne([first, ...others]: readonly Descriptor[]): boolean {
  return others.every(({ digest, size }) => digest === first?.digest && size === first.size);
}

function single(images: readonly Descriptor[], where: string, which = ''): Descriptor {
  const [first] = images;
  if (first !== undefined && isOne(images)) return first;
  throw new OperationError(
    'OCI_REFERENCE_AMBIGUOUS',
    `${where} holds several images${which === '' ? '' : ` ${which}`}: ${listNames(images)}`,
    { hint: 'Put the name of one of them after the path, separated by a colon.' },
  );
}

function calledBy(images: readonly Descriptor[], name: string | undefined): Descriptor[] {
  if (name === undefined) return [];
  return images.filter(({ names }) => names.some(each => fullName(each) === name));
}

/** `docker.io/library/app:1.2` for `app:1.2`; undefined for what is no image with a tag. */
function fullName(text: string): string | undefined {
  try {
    const { repository, tag } = parseImageReference(text);
    return tag === undefined ? undefined : `${repository}:${tag}`;
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function listNames(images: readonly Descriptor[]): string {
  const shown = images.slice(0, MAX_NAMES_SHOWN).map(({ names, digest }) => {
    // The whole name says more than the tag; a tag alone is what it may be called by here.
    const name = names.at(-1);
    return name === undefined ? `${digest} (no name)` : `“${quoted(name)}”`;
  });
  const more = images.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function quoted(text: string): string {
  return printable(text.slice(0, 300));
}
