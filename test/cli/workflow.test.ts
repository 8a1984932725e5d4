import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunResult, run } from '../../src/cli/run.ts';
import { makeTlsIdentity } from '../../src/embedded-server/certificates.ts';
import {
  apartFromReminders,
  createTestHost,
  runCli,
  type TestHost,
  type TestHostOptions,
} from './test-host.ts';

const IMAGE = fileURLToPath(new URL('../../fixtures/demo-image', import.meta.url));
const DIGEST = 'sha256:9f10dc7a8d0d93e8b86a7e0e0bdc96dfd58b3862d8dba270d612ddc98430c7ee';
const ENV = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'passphrase of the root',
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'other passphrase',
};

let dir: string;
let server: { host: TestHost; ended: Promise<RunResult>; url: string; caFile: string };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-workflow-'));
  const host = createTestHost();
  const ended = run(['serve', '--dir', join(dir, 'server'), '--port', '0', '--json'], host);
  await Promise.race([host.outShows('}\n'), ended]);
  server = { host, ended, ...JSON.parse(host.out()) };
});
afterEach(async () => {
  server.host.signal('SIGTERM');
  await server.ended;
  await rm(dir, { recursive: true, force: true });
});

/** A command of somebody who has keys, and trusts the server's certificate. */
async function tabellion(line: string, options: TestHostOptions = {}) {
  const globals = [
    '--server',
    server.url,
    '--tls-ca',
    server.caFile,
    '--trust-dir',
    join(dir, 'trust'),
  ];
  const env = { ...ENV, DOCKER_CONFIG: join(dir, 'docker') };
  return runCli([...line.split(' '), ...globals], { env, ...options });
}

async function sign(tags: string): Promise<void> {
  const { err, exitCode } = await tabellion(`sign ${tags} --from oci:${IMAGE} --signer alice`);
  expect({ err: apartFromReminders(err), exitCode }).toEqual({ err: '', exitCode: 0 });
}

describe('serve', () => {
  it('ends with 0 when it is told to', async () => {
    expect(server.host.signal('SIGINT')).toBe(true);
    expect(await server.ended).toEqual({ exitCode: 0, abandoned: false });
    expect(server.host.err()).toBe('');
  });

  it('says how clients are pointed at it', async () => {
    const host = createTestHost();
    const ended = run(['serve', '--port', '0'], host);
    await host.outShows('Ctrl-C stops it.');
    const [, url = '', folder = ''] = host.out().match(/at (https:\S+)\n {2}data in (\S+)\n/) ?? [];
    expect(host.out()).toContain(`tabellion --server ${url} --tls-ca ${folder}`);
    expect(host.out()).toContain(`notary -s ${url} --tlscacert ${folder}`);
    expect(host.out()).toContain(`export DOCKER_CONTENT_TRUST_SERVER=${url}`);
    host.signal('SIGINT');
    expect((await ended).exitCode).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });
});

describe('sign, verify, inspect, revoke', () => {
  it('make one story', async () => {
    await sign('localhost:5000/app:1.0 localhost:5000/app:1.1');

    const trusted = await tabellion('verify --no-registry localhost:5000/app:1.0');
    expect(trusted.out).toMatch(
      /^✓ trusted {2}localhost:5000\/app:1\.0\n {2}sha256:9f10.*\n {2}signed by {4}alice\n/,
    );
    expect(trusted.exitCode).toBe(0);

    const brief = await tabellion(
      'verify -q --no-registry localhost:5000/app:1.0 localhost:5000/app:2',
    );
    expect(brief.out).toBe(`localhost:5000/app@${DIGEST}\n`);
    expect(brief.err).toContain(
      'tabellion: localhost:5000/app:2: The tag 2 of localhost:5000/app is not signed',
    );
    expect(brief.exitCode).toBe(3);

    const inspected = await tabellion('inspect --json localhost:5000/app');
    expect(JSON.parse(inspected.out)).toMatchObject([
      {
        Name: 'localhost:5000/app',
        SignedTags: [
          { SignedTag: '1.0', Digest: DIGEST.slice('sha256:'.length), Signers: ['alice'] },
          { SignedTag: '1.1', Signers: ['alice'] },
        ],
        tabellion: { schemaVersion: 1, exitCode: 0 },
      },
    ]);

    const revoked = await tabellion('revoke --yes localhost:5000/app:1.0');
    expect(revoked.out).toContain('✓ 1.0 revoked from alice, releases');
    expect(revoked.exitCode).toBe(0);
    expect((await tabellion('verify --no-registry localhost:5000/app:1.0')).exitCode).toBe(3);
    expect((await tabellion('verify --no-registry localhost:5000/app:1.1')).exitCode).toBe(0);

    const again = await tabellion('revoke --yes localhost:5000/app:1.0');
    expect(again.out).toContain('! 1.0 is not signed');
    expect(again.exitCode).toBe(1);
  });

  it('publish nothing in a dry run', async () => {
    const { out, exitCode } = await tabellion(
      `sign localhost:5000/app:1.0 --from oci:${IMAGE} --dry-run --json`,
    );
    expect(JSON.parse(out)).toMatchObject({ schemaVersion: 1, dryRun: true });
    expect(exitCode).toBe(0);
    expect((await tabellion('inspect localhost:5000/app')).exitCode).toBe(3);
  });

  it('accept an image whose registry is down, unless told to ask it', async () => {
    await sign('localhost:1/app:1.0');
    const asked = await tabellion('verify localhost:1/app:1.0');
    expect(asked.out).toContain('registry     could not be asked');
    expect(asked.exitCode).toBe(0);
    const required = await tabellion('verify --registry localhost:1/app:1.0');
    expect(required.out).toContain('✗ not verified  localhost:1/app:1.0');
    expect(required.exitCode).toBe(5);
  });

  it('show a plan before they ask, and do nothing on no', async () => {
    await sign('localhost:5000/app:1.0');
    const host = createTestHost({
      terminal: { stdin: true, stderr: true },
      env: { ...ENV, DOCKER_CONFIG: join(dir, 'docker') },
    });
    const globals = [
      '--server',
      server.url,
      '--tls-ca',
      server.caFile,
      '--trust-dir',
      join(dir, 'trust'),
    ];
    const running = run(['revoke', 'localhost:5000/app:1.0', '--no-color', ...globals], host);
    await host.errShows('- 1.0 would be revoked from alice, releases');
    await host.errShows('Revoke this tag?');
    host.stdin.write('\r');
    expect((await running).exitCode).toBe(1);
    expect(host.err()).toContain('tabellion: Nothing was revoked');
    expect(host.out()).toBe('');
    expect((await tabellion('verify --no-registry localhost:5000/app:1.0')).exitCode).toBe(0);
  });

  it('fail with 4 when a key cannot be unlocked', async () => {
    await sign('localhost:5000/app:1.0');
    const env = {
      DOCKER_CONFIG: join(dir, 'docker'),
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'not the passphrase',
    };
    const { out, err, exitCode } = await tabellion(
      `sign localhost:5000/app:1.1 --from oci:${IMAGE}`,
      { env },
    );
    expect(err).toContain('tabellion: Wrong passphrase for the alice key');
    expect(out + err).not.toContain('not the passphrase');
    expect(exitCode).toBe(4);
  });

  it('tell each step with --verbose, on stderr', async () => {
    await sign('localhost:5000/app:1.0');
    const { out, err } = await tabellion('verify -v --no-registry --json localhost:5000/app:1.0');
    expect(JSON.parse(out)).toMatchObject({ images: [{ trusted: true, digest: DIGEST }] });
    expect(err).toMatch(/^· /m);
    expect(err).toContain('timestamp.json');
  });
});

describe('--tls-ca', () => {
  it('is the only authority: one that the system trusts does not count beside it', async () => {
    const own = join(dir, 'own.crt');
    await writeFile(own, makeTlsIdentity('127.0.0.1', new Date()).ca);
    // What the system trusts is the very authority of this server.
    const { err, exitCode } = await runCli(
      ['inspect', 'localhost:5000/app', '--server', server.url, '--tls-ca', own],
      { env: { SSL_CERT_FILE: server.caFile, DOCKER_CONFIG: join(dir, 'docker') } },
    );
    expect(err).toContain('is not trusted');
    expect(exitCode).toBe(5);
  });
});

describe('demo', { timeout: 60_000 }, () => {
  it('shows that tampering is found, and leaves nothing behind', async () => {
    const { out, err, exitCode } = await runCli(['demo']);
    expect(err).toBe('');
    expect(out.match(/^✗ not trusted/gm)).toHaveLength(3);
    expect(out).toContain('✓ trusted  localhost:5000/demo/hello:1.0');
    expect(exitCode).toBe(0);
    const [folder = ''] = out.match(/\S*tabellion-demo-[^/\\]+/) ?? [];
    expect(existsSync(folder)).toBe(false);
  });

  it('is a list of steps for a program', async () => {
    const { out } = await runCli(['demo', '--json']);
    const { schemaVersion, steps } = JSON.parse(out);
    expect(schemaVersion).toBe(1);
    expect(steps.map(({ step }: { step: string }) => step)).toEqual([
      'server',
      'sign',
      'verify',
      'inspect',
      'other-image',
      'forged-metadata',
      'theft',
      'believed',
      'rotate',
      'refused',
      'thief-locked-out',
      'thumbprint',
      'root-lost',
      'recovery',
      'recovered',
      'thumbprint',
      'done',
    ]);
  });
});
