import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperationError } from '../../../src/errors.ts';
import { anonymousAuthorizer } from '../../../src/http/authorization.ts';
import { createTransport } from '../../../src/http/transport.ts';
import { uploadImage } from '../../../src/operations/push/upload-image.ts';
import { openSession } from '../../../src/operations/session.ts';
import { chooseImage } from '../../../src/registry/choose-image.ts';
import { imageParts, readTopManifest } from '../../../src/registry/image-parts.ts';
import { openOciLayout } from '../../../src/registry/oci-layout.ts';
import { RegistryClient } from '../../../src/registry/registry-client.ts';
import { addImage, finish, type LayoutFiles, writeFolder } from '../../registry/oci-image.ts';
import { expectFailure } from '../../support/expect-failure.ts';

let folder: string;
const closers: (() => unknown)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-upload-'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

/** A registry that has nothing, and takes every blob over from wherever it is told. */
async function generousRegistry(): Promise<{ domain: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const { method, url = '' } = request;
      if (url !== '/v2/') asked.push(`${method} ${decodeURIComponent(url)}`);
      response.writeHead(url === '/v2/' ? 200 : method === 'HEAD' ? 404 : 201).end();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise(resolve => server.close(resolve));
  });
  return { domain: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function upload(layout: string, domain: string, mountFrom: string[]) {
  const silent = () => {};
  const session = await openSession({
    env: {},
    home: folder,
    trustDir: join(folder, 'trust'),
    now: () => new Date('2026-11-26T00:00:00Z'),
    log: silent,
    progress: silent,
  });
  const transport = createTransport({ env: {} });
  closers.push(
    () => transport.close(),
    () => session.close(),
  );
  const store = await openOciLayout(layout);
  const top = await readTopManifest(store, await chooseImage(store, {}));
  return await uploadImage(session, {
    repository: `${domain}/public/app`,
    path: 'public/app',
    registry: new RegistryClient({ transport, domain, authorizer: anonymousAuthorizer() }),
    store,
    images: [await imageParts(store, top)],
    mountFrom,
    chunkSize: 1024,
    dryRun: false,
  });
}

describe('the parts of an image', () => {
  it('are taken over from another repository only when they are at hand', async () => {
    const files: LayoutFiles = new Map();
    const image = addImage(files);
    const layout = await writeFolder(join(folder, 'layout'), finish(files, [image]));
    const { domain, asked } = await generousRegistry();
    const good = await upload(layout, domain, ['private/base']);
    expect(good.blobs).toMatchObject({ total: 2, mounted: 2, sent: 0 });
    expect(asked.filter(line => line.includes('from=private/base'))).toHaveLength(2);

    // Whoever made the image knows the digests and sizes of blobs in a private repository, and not what is in them.
    asked.length = 0;
    for (const name of files.keys()) {
      if (!name.startsWith('blobs/') || name.endsWith(image.digest.slice(7))) continue;
      const path = join(layout, name);
      await writeFile(path, Buffer.alloc((await readFile(path)).length));
    }
    const hostile = upload(layout, domain, ['private/base']);
    await expectFailure(hostile, OperationError, 'BLOB_MISMATCH');
    expect(asked.filter(line => line.startsWith('POST'))).toEqual([]);
  });
});
