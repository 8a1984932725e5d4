import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runPlugin } from '../../src/cli/docker-trust/plugin.ts';
import { prettyText } from '../../src/cli/docker-trust/pretty.ts';
import { runDockerTrust } from '../../src/cli/docker-trust/run.ts';
import { installPlugin, pluginStatus, removePlugin } from '../../src/operations/docker-plugin.ts';
import { createTestHost } from './test-host.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-docker-trust-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function plugin(...words: string[]) {
  const env = { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'passphrase' };
  const host = createTestHost({ env });
  const { exitCode } = await runPlugin(words, host);
  return { exitCode, out: host.out(), err: host.err() };
}

describe('as a plugin of docker', () => {
  it("reads docker's own options before its name", async () => {
    const config = join(dir, 'docker');
    const options = ['--config', config, '-D', '-l', 'error', '-H', 'tcp://x', '--tls'];
    const words = ['key', 'generate', 'alice', '--dir', dir];
    const { exitCode, out } = await plugin('trust', ...options, 'trust', ...words);
    expect({ exitCode, out }).toEqual({
      exitCode: 0,
      out: `Generating key for alice...\nSuccessfully generated and loaded private key. Corresponding public key available: ${join(dir, 'alice.pub')}\n`,
    });
    expect(await readdir(join(config, 'trust', 'private'))).toHaveLength(1);
  });

  it('is called by the name that it was installed under', async () => {
    const { err, exitCode } = await plugin('tabellion', 'tabellion', 'sign');
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^docker: 'docker tabellion sign' requires 1 argument\n/);
    expect((await plugin('tabellion', 'help', 'tabellion', 'key')).out).toMatch(
      /^Usage: {2}docker tabellion key COMMAND\n/,
    );
  });

  it('completes its commands', async () => {
    expect((await plugin('trust', '__complete', 'trust', 'signer', 'a')).out).toBe(
      'add\tAdd a signer\n:4\n',
    );
    expect((await plugin('trust', '__complete', 'trust', 'sign', '')).out).toBe(':4\n');
  });

  it('ends as docker does for flags that it does not know', async () => {
    const host = createTestHost();
    expect(await runDockerTrust(['inspect', '--bogus'], host)).toMatchObject({ exitCode: 125 });
    expect(host.out()).toBe('');
  });
});

it('asks for passphrases on standard output, and takes them from a pipe', async () => {
  const host = createTestHost({ env: { DOCKER_CONFIG: dir } });
  host.stdin.end('short\nlong enough\nlong enough\n');
  const { exitCode } = await runDockerTrust(['key', 'generate', 'bob', '--dir', dir], host);
  expect(exitCode).toBe(0);
  expect(host.out()).toMatch(
    /^Generating key for bob\.\.\.\nEnter passphrase for new bob key with ID [0-9a-f]{7}: \nPassphrase is too short\..*\nEnter passphrase for new bob key.*: \nRepeat passphrase for new bob key.*: \nSuccessfully/,
  );
});

it('aligns columns by their longest cell', () => {
  const text = prettyText('app', {
    Name: 'app',
    SignedTags: [{ SignedTag: 'a-rather-long-tag', Digest: 'ab', Signers: ['bob', 'alice'] }],
    Signers: [{ Name: 'v10' }, { Name: 'v9', Keys: [{ ID: 'b'.repeat(64) }] }],
    AdministrativeKeys: [{ Name: 'Root', Keys: [{ ID: 'r' }] }, { Name: 'Repository' }],
  });
  expect(text).toBe(
    [
      '',
      'Signatures for app',
      '',
      'SIGNED TAG          DIGEST    SIGNERS',
      'a-rather-long-tag   ab        alice, bob',
      '',
      'List of signers and their keys for app',
      '',
      'SIGNER    KEYS',
      'v9        bbbbbbbbbbbb',
      'v10       ',
      '',
      'Administrative keys for app',
      '',
      '  Repository Key:\t',
      '  Root Key:\tr',
      '',
    ].join('\n'),
  );
});

describe.skipIf(process.platform === 'win32')('installing the plugin', () => {
  it('writes scripts that quote whatever they start, and takes them away again', async () => {
    const launcher = join(dir, "it's here", 'tabellion.js');
    const target = { node: process.execPath, launcher, version: '1.2.3' };
    const host = { env: { PATH: '/nowhere', DOCKER_CONFIG: dir }, home: dir, target };
    const status = await installPlugin(host);
    expect(status).toMatchObject({ trustIsFree: false, plugins: [{ status: 'installed' }, {}] });
    const file = join(dir, 'cli-plugins', 'docker-tabellion');
    expect((await stat(file)).mode & 0o777).toBe(0o755);
    expect(await readFile(file, 'utf8')).toContain("it'\\''s here/tabellion.js' docker-cli-plugin");
    const other = { ...host, target: { ...target, version: '1.2.4' } };
    expect((await pluginStatus(other)).plugins[0]?.status).toBe('outdated');
    expect(await removePlugin(other)).toEqual([file]);
    expect(await removePlugin(other)).toEqual([]);
  });

  it('is refused where plugins must be programs', async () => {
    const target = { node: 'node', launcher: 'x', version: '1' };
    await expect(
      installPlugin({ env: {}, home: dir, target, platform: 'win32' }),
    ).rejects.toMatchObject({ code: 'PLUGIN_UNSUPPORTED' });
  });
});
