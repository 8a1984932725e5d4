import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { ConnectionError } from '../../src/errors.ts';
import { makeAuthority } from '../http/certificates.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { it, MANIFEST, type Machine } from '../support/trust-scene.ts';

const authority = makeAuthority();

describe('a registry whose certificate the system does not know', () => {
  let server: Server;
  let domain: string;

  beforeAll(async () => {
    server = createServer(authority.issue(), (request, response) => {
      response.end(request.url === '/v2/' ? '{}' : MANIFEST);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    domain = `localhost:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const resolve = (machine: Machine) =>
    machine.run(async session => await (await session.registry(domain)).resolve('app', '1'));
  const folder = (machine: Machine) => join(machine.home, '.config/docker/certs.d', domain);

  it('is believed by the authority in its folder, and by no other’s', async ({ scene }) => {
    const machine = await scene.machine();
    await mkdir(`${folder(machine)}0`, { recursive: true });
    await writeFile(join(`${folder(machine)}0`, 'ca.crt'), authority.ca);
    await expectFailure(resolve(machine), ConnectionError, 'TLS_UNTRUSTED');
    await mkdir(folder(machine));
    await writeFile(join(folder(machine), 'ca.crt'), authority.ca);
    expect(await resolve(machine)).toMatchObject({ size: MANIFEST.length });
  });

  it.skipIf(process.getuid?.() === 0)(
    'is not believed for what this user may not read there',
    async ({ scene }) => {
      const machine = await scene.machine();
      await mkdir(folder(machine), { recursive: true });
      await writeFile(join(folder(machine), 'ca.crt'), authority.ca);
      await chmod(join(folder(machine), 'ca.crt'), 0);
      await expectFailure(resolve(machine), ConnectionError, 'TLS_UNTRUSTED');
    },
  );

  it('needs to prove nothing once it is declared insecure, which signing says', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    const other = machine.withEnv({ TABELLION_INSECURE_REGISTRIES: `other:1, ${domain}0` });
    await expectFailure(resolve(other), ConnectionError, 'TLS_UNTRUSTED');
    const named = machine.withEnv({ TABELLION_INSECURE_REGISTRIES: `other:1, ${domain}` });
    expect(await resolve(named)).toMatchObject({ size: MANIFEST.length });
    const insecure = machine.with({ insecureRegistries: [domain] });
    const { repositories } = await insecure.sign([`${domain}/app:1`]);
    expect(repositories[0]?.warnings.join()).toContain(`${domain}, which is declared insecure`);
  });
});

describe('a host that a registry sends on to', () => {
  const servers: Server[] = [];
  /** Whether a client certificate came with each request, by server. */
  const shown = { registry: [] as boolean[], storage: [] as boolean[] };
  let domain: string;
  let storage: string;

  beforeAll(async () => {
    const serve = async (
      who: keyof typeof shown,
      answer: (url: string) => { location?: string; body?: string | Uint8Array },
    ): Promise<string> => {
      const identity = { ...authority.issue(), requestCert: true, rejectUnauthorized: false };
      const server = createServer(identity, (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        shown[who].push(subject !== undefined);
        const { location, body = '' } = answer(request.url ?? '');
        response.writeHead(location === undefined ? 200 : 307, location ? { location } : {});
        response.end(body);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push(server);
      return `localhost:${(server.address() as AddressInfo).port}`;
    };
    storage = await serve('storage', () => ({ body: MANIFEST }));
    const location = `https://${storage}/bucket`;
    domain = await serve('registry', url => (url === '/v2/' ? { body: '{}' } : { location }));
  });
  afterAll(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  const resolve = (machine: Machine) =>
    machine.run(async session => await (await session.registry(domain)).resolve('app', '1'));

  it('must prove who it is, also when the registry need not', async ({ scene }) => {
    const machine = await scene.machine();
    const one = machine.with({ insecureRegistries: [domain] });
    await expectFailure(resolve(one), ConnectionError, 'TLS_UNTRUSTED');
    const both = machine.with({ insecureRegistries: [domain, storage] });
    expect(await resolve(both)).toMatchObject({ size: MANIFEST.length });
  });

  it('is believed by the registry’s authority, and gets no client certificate', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    const folder = join(machine.home, '.config/docker/certs.d', domain);
    await mkdir(folder, { recursive: true });
    const { cert, key } = authority.issue();
    await writeFile(join(folder, 'ca.crt'), authority.ca);
    await writeFile(join(folder, 'client.cert'), cert);
    await writeFile(join(folder, 'client.key'), key, { mode: 0o600 });
    shown.registry.length = 0;
    shown.storage.length = 0;
    expect(await resolve(machine)).toMatchObject({ size: MANIFEST.length });
    expect(new Set(shown.registry)).toEqual(new Set([true]));
    expect(shown.storage).toEqual([false]);
  });
});
