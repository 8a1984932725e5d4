import { once } from 'node:events';
import { utimes, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeCa } from './support/ca.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { type Fault, startFaultProxy } from './support/fault-proxy.ts';
import { folderContent } from './support/folder-tree.ts';
import { freshReading } from './support/readers.ts';
import {
  addHash,
  content,
  digestFlags,
  openScene,
  type Person,
  type Scene,
  served,
} from './support/scene.ts';
import { freePort } from './support/service.ts';
import { signTag, verifyTag } from './support/tags.ts';

/** One sentence on standard error, and perhaps what to do next. */
const ONE_MESSAGE = /^tabellion: [^\n]+\n( {2}hint: [^\n]+\n)?$/;

const HTML: Fault = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><html><body>Please log in</body></html>',
};

/** What a server, or something before it, may answer that is no reason to be content with the cache. */
const ANSWERS: [name: string, fault: Fault, exitCode: number][] = [
  ['401', { status: 401 }, 5],
  ['403', { status: 403 }, 5],
  ['404 of the trust server', notFound(), 3],
  ['404 of something else', { status: 404, body: 'not here' }, 5],
  ['429', { status: 429 }, 5],
  ['500', { status: 500 }, 5],
  ['502 with a page', { ...HTML, status: 502 }, 5],
  ['503', { status: 503 }, 5],
  ['a login page', HTML, 5],
  ['a redirect to one', { redirect: 'https://localhost/login', status: 302 }, 5],
  ['nothing', { status: 200, body: '' }, 3],
  ['an answer that breaks off', { cutAfter: 40 }, 5],
];

/** As notary-server says that it has no such file. */
function notFound(): Fault {
  const error = { code: 'METADATA_NOT_FOUND', message: 'not found', detail: {} };
  return {
    status: 404,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: `${JSON.stringify({ errors: [error] })}\n`,
  };
}

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'a trust server that fails',
  () => {
    const gun = 'localhost:5000/faults/app';
    let scene: Scene;
    let owner: Person;

    beforeAll(async () => {
      scene = await openScene();
      owner = await scene.person('owner', { server: scene.proxy.url });
      await signTag(owner, `${gun}:1`, 'one', '--signer', 'alice');
      // By the repository’s key too: a file more that can fail.
      await signTag(owner, `${gun}:1`, 'one', '--role', 'targets');
    });

    afterEach(() => {
      scene.proxy.clear();
    });

    /** Somebody with a cache as good as new, now behind the proxy. */
    const reader = async () => {
      const person = await scene.person('reader', { server: scene.proxy.url });
      await person.tabellion.succeed(['inspect', gun]);
      return person;
    };

    const withServer = (person: Person, server: string): Person => ({
      ...person,
      tabellion: person.tabellion.with({ server }),
    });

    const sign = (image: string) => ['sign', image, ...digestFlags(content(image))];

    describe('is not reached', () => {
      let nowhere: string;
      beforeAll(async () => {
        nowhere = `https://localhost:${await freePort()}`;
      });

      test('the cache serves, and its age is said', async () => {
        const person = withServer(await reader(), nowhere);
        const timestamp = path.join(person.trustDir, 'tuf', gun, 'metadata', 'timestamp.json');
        const checked = new Date(Date.now() - 3 * 3_600_000);
        await utimes(timestamp, checked, checked);
        const before = await folderContent(person.trustDir);
        // Each of them tries for some seconds: together it is one wait.
        const [verdict, text, inspected, fresh, freshInspect] = await Promise.all([
          verifyTag(person, `${gun}:1`),
          person.tabellion.run(['verify', '--no-registry', `${gun}:1`]),
          person.tabellion.run(['inspect', gun]),
          person.tabellion.run(['verify', '--no-registry', '--require-fresh', `${gun}:1`]),
          person.tabellion.run(['inspect', '--require-fresh', gun]),
        ]);
        expect(verdict).toMatchObject({
          exitCode: 0,
          trusted: true,
          trustData: {
            from: 'cache',
            checkedAt: checked.toISOString(),
            reason: expect.stringContaining('the connection was refused'),
          },
        });
        const age = verdict.trustData?.ageSeconds ?? 0;
        expect(age).toBeGreaterThanOrEqual(3 * 3600);
        expect(age).toBeLessThan(3 * 3600 + 100);
        expect(text).toMatchObject({ code: 0, stderr: '' });
        expect(text.stdout).toMatch(/cached copy of https:\S+, checked 3 hours ago: Cannot reach/);
        expect(inspected).toMatchObject({ code: 0, stderr: '' });
        expect(inspected.stdout).toContain('checked 3 hours ago');
        expect(fresh).toMatchObject({ code: 5, stderr: '' });
        expect(fresh.stdout).toMatch(/^✗ not verified .*\n {2}Cannot reach localhost:/);
        expect(freshInspect).toMatchObject({
          code: 5,
          stdout: '',
          stderr: expect.stringMatching(ONE_MESSAGE),
        });
        expect(await folderContent(person.trustDir)).toEqual(before);
      });

      test('without a cache nothing is trusted', async () => {
        const person = withServer(await scene.person('newcomer'), nowhere);
        expect(await verifyTag(person, `${gun}:1`)).toMatchObject({ exitCode: 5, trusted: false });
        expect(await folderContent(person.trustDir)).toEqual(new Map());
      });

      test('an expired cache is not trusted', async () => {
        const person = withServer(await reader(), nowhere);
        // In fifteen days the timestamp has expired: the clock of the process says so.
        const clock = path.join(person.folder, 'clock.cjs');
        await writeFile(
          clock,
          `const Real = Date; const ahead = 15 * 86_400_000;
           globalThis.Date = class extends Real {
             constructor(...args) { if (args.length === 0) super(Real.now() + ahead); else super(...args); }
             static now() { return Real.now() + ahead; }
           };`,
        );
        const env = { NODE_OPTIONS: `--require ${clock}` };
        const later = { ...person, tabellion: person.tabellion.with({ env }) };
        for (const flags of [[], ['--offline']]) {
          expect(await verifyTag(later, `${gun}:1`, ...flags)).toMatchObject({
            exitCode: 3,
            trusted: false,
            error: { code: expect.stringMatching(/EXPIRED/) },
          });
        }
      });

      test('nothing is signed', async () => {
        const person = withServer(owner, nowhere);
        const before = await folderContent(owner.trustDir);
        const fresh = withServer(await scene.person('newcomer'), nowhere);
        for (const someone of [person, fresh]) {
          expect(await someone.tabellion.run(sign(`${gun}:never`))).toMatchObject({
            code: 5,
            stdout: '',
            stderr: expect.stringMatching(ONE_MESSAGE),
          });
        }
        expect(await folderContent(owner.trustDir)).toEqual(before);
        // No key was made for a repository that could not be asked for.
        expect([...(await folderContent(fresh.trustDir)).keys()]).toEqual([]);
      });

      test('a connection that is reset without an answer counts as not reached', async () => {
        const person = await reader();
        scene.proxy.fault(/./, { reset: true });
        expect(await verifyTag(person, `${gun}:1`)).toMatchObject({
          exitCode: 0,
          trustData: { from: 'cache' },
        });
      });
    });

    describe('answers, but not as it should: the cache does not serve', () => {
      let person: Person;
      let before: Map<string, string>;
      beforeAll(async () => {
        person = await reader();
        before = await folderContent(person.trustDir);
      });

      test.each(ANSWERS)('%s', async (_name, fault, exitCode) => {
        scene.proxy.fault(/timestamp\.json$/, fault);
        const [verdict, signing] = await Promise.all([
          verifyTag(person, `${gun}:1`),
          person.tabellion.run(sign(`${gun}:never`)),
        ]);
        expect(verdict).toMatchObject({ exitCode, trusted: false });
        expect(verdict.trustData).toBeUndefined();
        expect(verdict.error?.message).toMatch(/\S/);
        expect(signing).toMatchObject({
          code: exitCode,
          stdout: '',
          stderr: expect.stringMatching(ONE_MESSAGE),
        });
        expect(await folderContent(person.trustDir)).toEqual(before);
      });

      test('and once it is over, all is as before', async () => {
        expect(await verifyTag(person, `${gun}:1`)).toMatchObject({ exitCode: 0 });
        expect(await folderContent(person.trustDir)).toEqual(before);
      });

      test.each(['snapshot', 'targets/alice'])('%s only', async role => {
        const late = await reader();
        // There is something new in each file, so that each is asked for.
        const roles = ['targets', 'targets/alice', 'targets/releases'];
        const flags = roles.flatMap(name => ['--role', name]);
        await signTag(owner, `${gun}:more`, role, ...flags);
        const unchanged = await folderContent(late.trustDir);
        for (const [name, fault, exitCode] of ANSWERS) {
          // Those that are tried again take their time, and differ in nothing else.
          if (!/^(403|404 of the|a login|nothing|an answer)/.test(name)) continue;
          const remove = scene.proxy.fault(new RegExp(`/${role}\\.[0-9a-f]{64}\\.json$`), fault);
          expect(await verifyTag(late, `${gun}:1`)).toMatchObject({ exitCode, trusted: false });
          remove();
          expect(await folderContent(late.trustDir)).toEqual(unchanged);
        }
      });

      test('the first contact too', async () => {
        for (const [name, fault, exitCode] of ANSWERS) {
          if (/^(401|429|50[23]|a redirect)/.test(name)) continue;
          const person = await scene.person('newcomer', { server: scene.proxy.url });
          const remove = scene.proxy.fault(/root\.json$/, fault);
          expect(await verifyTag(person, `${gun}:1`)).toMatchObject({ exitCode, trusted: false });
          remove();
          expect(await folderContent(person.trustDir)).toEqual(new Map());
        }
      });

      test('older metadata than before', async () => {
        const old = await scene.server.metadata(gun, 'timestamp.json');
        await signTag(owner, `${gun}:newer`, 'newer');
        const person = await reader();
        scene.proxy.fault(/timestamp\.json$/, { status: 200, body: old });
        const verdict = await verifyTag(person, `${gun}:newer`);
        expect(verdict).toMatchObject({ exitCode: 3, trusted: false });
        expect(verdict.error?.code).toMatch(/ROLLBACK/);
      });

      test('metadata of another repository', async () => {
        const other = 'localhost:5000/faults/other';
        await signTag(await scene.person('other'), `${other}:1`, 'evil');
        scene.proxy.fault(/./, async request => {
          const answer = await scene.server.get(
            request.path.replace('/faults/app/', '/faults/other/'),
          );
          return { status: answer.status, headers: {}, body: answer.body };
        });
        for (const person of [await scene.person('newcomer', { server: scene.proxy.url }), owner]) {
          expect(await verifyTag(person, `${gun}:1`)).toMatchObject({
            exitCode: 3,
            trusted: false,
          });
        }
      });
    });

    describe('fails at the publish', () => {
      test.each(ANSWERS)('%s', async (_name, fault) => {
        const { version } = await served(scene.server, gun, 'targets/alice');
        // The request never arrives, whatever the answer may look like.
        const remove =
          'cutAfter' in fault
            ? scene.proxy.fault(/^POST /, { reset: true })
            : scene.proxy.fault(/^POST /, fault);
        const result = await owner.tabellion.run(sign(`${gun}:post`));
        remove();
        expect(result).toMatchObject({ stdout: '', stderr: expect.stringMatching(ONE_MESSAGE) });
        expect([1, 3, 5]).toContain(result.code);
        expect((await served(scene.server, gun, 'targets/alice')).version).toBe(version);
      });

      test('and once it is over, it publishes', async () => {
        const { version } = await served(scene.server, gun, 'targets/alice');
        await owner.tabellion.succeed(sign(`${gun}:post`));
        expect((await served(scene.server, gun, 'targets/alice')).version).toBe(version + 1);
      });

      test('an answer that is lost after the server acted: it is looked up, and all is well', async () => {
        const { version } = await served(scene.server, gun, 'targets/alice');
        for (const [index, lost] of [{ reset: true }, { status: 502 }].entries()) {
          const remove = scene.proxy.fault(/^POST /, async (_request, forward) => {
            expect((await forward()).status).toBe(200);
            return lost as Fault;
          });
          const result = await owner.tabellion.run(sign(`${gun}:lost-${index}`));
          remove();
          // Said to have failed or not: it is published once, and to sign again changes nothing.
          expect([0, 5]).toContain(result.code);
          const again = await signTag(owner, `${gun}:lost-${index}`, `${gun}:lost-${index}`);
          expect(again.tags).toMatchObject([{ status: 'already-signed' }]);
          expect((await served(scene.server, gun, 'targets/alice')).version).toBe(
            version + index + 1,
          );
        }
        await freshReading(scene, gun);
      });
    });

    describe('has a certificate that is not trusted: the cache does not serve', () => {
      const refused = async (person: Person) => {
        for (const flags of [[], ['--require-fresh']]) {
          const verdict = await verifyTag(person, `${gun}:1`, ...flags);
          expect(verdict).toMatchObject({ exitCode: 5, trusted: false });
          expect(verdict.error?.message).toMatch(/certificate/);
          expect(verdict.trustData).toBeUndefined();
        }
        expect(await person.tabellion.run(sign(`${gun}:never`))).toMatchObject({
          code: 5,
          stdout: '',
          stderr: expect.stringMatching(ONE_MESSAGE),
        });
      };

      test('of another CA', async () => {
        const stranger = await makeCa(path.join(scene.workspace.path, 'stranger'));
        const person = await reader();
        const caFile = stranger.certificateFile;
        await refused({ ...person, tabellion: person.tabellion.with({ caFile }) });
      });

      test('of another host', async () => {
        const certificate = await scene.ca.issue('elsewhere', 'DNS:elsewhere.test');
        const proxy = await startFaultProxy({
          ca: scene.ca,
          upstream: scene.server.url,
          certificate,
        });
        await refused(withServer(await reader(), proxy.url));
        expect(proxy.requests).toEqual([]);
        await proxy.stop();
      });

      test('none at all: plain HTTP where TLS was expected', async () => {
        const plain = createServer(socket => {
          socket.on('error', () => {});
          socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
        });
        plain.listen(0, '127.0.0.1');
        await once(plain, 'listening');
        const { port } = plain.address() as AddressInfo;
        const person = withServer(await reader(), `https://localhost:${port}`);
        expect(await verifyTag(person, `${gun}:1`)).toMatchObject({ exitCode: 5, trusted: false });
        plain.close();
      });
    });

    test('--offline uses no network at all', async () => {
      const connections: string[] = [];
      const listener = createServer(socket => {
        connections.push('connection');
        socket.destroy();
      });
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      // Trust server, registry and proxy would all be this port.
      const { port } = listener.address() as AddressInfo;
      const local = `localhost:${port}/offline/app`;
      const person = await scene.person('offline');
      await person.notary.succeed(['init', local, '-p']);
      await person.notary.succeed(addHash(local, '1', content('one'), '-p'));
      await person.tabellion.succeed(['inspect', local]);
      const env = {
        HTTPS_PROXY: `http://localhost:${port}`,
        HTTP_PROXY: `http://localhost:${port}`,
      };
      const offline = person.tabellion.with({ env, server: `https://localhost:${port}` });
      const verdict = await offline.json(['verify', '--offline', `${local}:1`]);
      expect(verdict).toMatchObject({
        images: [{ trusted: true, trustData: { from: 'cache' }, registry: { status: 'skipped' } }],
      });
      expect(await offline.run(['inspect', '--offline', local])).toMatchObject({ code: 0 });
      expect(await offline.run(['verify', '--offline', `${local}-none:1`])).toMatchObject({
        code: 3,
      });
      expect(
        await offline.run(['verify', '--offline', '--registry', `${local}:1`]),
      ).not.toMatchObject({
        code: null,
      });
      expect(connections).toEqual([]);
      // The listener does notice who is not offline.
      await offline.run(['verify', `${local}:1`]);
      expect(connections.length).toBeGreaterThan(0);
      listener.close();
    });
  },
);
