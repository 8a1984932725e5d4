import { OperationError } from '../errors.ts';
import { type Descriptor, readDescriptor } from './image-store.ts';
import { parseJsonObject } from './manifest.ts';

/** The files at the top of an OCI image layout. */
export interface LayoutTop {
  /** Names the layout for messages; printable. */
  readonly where: string;
  /** Whole file, at most `MAX_MANIFEST_BYTES`; undefined when there is none. */
  topFile(name: 'oci-layout' | 'index.json'): Promise<Uint8Array | undefined>;
  /** Whether `docker save` put its own manifest.json there. */
  hasDockerManifest(): Promise<boolean>;
}

/**
 * The images that an OCI layout lists.
 *
 * @throws {OperationError} `OCI_LAYOUT_INVALID`; `DIGEST_UNKNOWN` for what `docker save` wrote before Docker 25
 * @see OCI image layout specification 1.1; cli.md 6.2
 */
export async function imagesOfLayout(layout: LayoutTop): Promise<readonly Descriptor[]> {
  const { where } = layout;
  const marker = await layout.topFile('oci-layout');
  const bytes = await layout.topFile('index.json');
  if (marker === undefined || bytes === undefined) {
    if (await layout.hasDockerManifest()) {
      throw new OperationError(
        'DIGEST_UNKNOWN',
        `${where} is in the old format of docker save, which does not say what digest a push will give`,
        {
          hint: 'Push the image with the tool that made it, then sign it from the registry: run the command again without --from.',
        },
      );
    }
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${where} is not an OCI image layout: it has no ${marker === undefined ? 'oci-layout' : 'index.json'}`,
    );
  }
  const version = parseJsonObject(marker)?.imageLayoutVersion;
  if (typeof version !== 'string' || !/^1\./.test(version)) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${where} does not say in oci-layout that it is an image layout of version 1`,
    );
  }
  const index = parseJsonObject(bytes);
  if (index === undefined || !Array.isArray(index.manifests)) {
    throw new OperationError('OCI_LAYOUT_INVALID', `index.json of ${where} lists no manifests`);
  }
  return index.manifests.map(value => readDescriptor(value, `index.json of ${where}`));
}
