import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
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
