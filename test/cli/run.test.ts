import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { createTestHost, runCli } from './test-host.ts';

const PASSPHRASE = 'correct horse';
const ENV = { NOTARY_ROOT_PASSPHRASE: PASSPHRASE, NOTARY_DELEGATION_PASSPHRASE: PASSPHRASE };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-run-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('key generate and key list', () => {
  it('make and show keys', async () => {
    const globals = ['--trust-dir', join(dir, 'trust')];
    const made = await runCli(['key', 'generate', 'alice', '--dir', dir, '--json', ...globals], {
      env: ENV,
    });
    expect(made.err).toBe('');
    const key = JSON.parse(made.out);
    expect(key).toEqual({
      schemaVersion: 1,
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      role: 'alice',
      algorithm: 'ecdsa',
      file: join(dir, 'trust', 'private', `${key.id}.key`),
      publicKeyFile: join(dir, 'alice.pub'),
    });
    expect(await readFile(key.publicKeyFile, 'utf8')).toContain('role: alice');

    const root = await runCli(['key', 'generate', '--role', 'root', '-q', ...globals], {
      env: ENV,
    });
    expect(root.out).toMatch(/^[0-9a-f]{64}\n$/);

    const listed = await runCli([...globals, 'key', 'list']);
    const rows = listed.out.split('\n').filter(line => line.includes(' key '));
    expect(rows.map(row => row.split(/ {2,}/).slice(0, 2))).toEqual([
      ['root key', root.out.slice(0, 12)],
      ['signer key alice', key.id.slice(0, 12)],
    ]);
    expect(listed.exitCode).toBe(0);
    expect(made.out + root.out + listed.out).not.toContain(PASSPHRASE);
  });

  it('do not overwrite a public key', async () => {
    const line = ['key', 'generate', 'alice', '--dir', dir, '--trust-dir', dir];
    await runCli(line, { env: ENV });
    const { exitCode, err } = await runCli(line, { env: ENV });
    expect(err).toMatch(/^tabellion: .*alice\.pub exists already/);
    expect(exitCode).toBe(1);
    expect(
      (await readdir(join(dir, 'private'))).filter(name => name.endsWith('.key')),
    ).toHaveLength(1);
  });

  it('ask for the passphrase at a terminal', async () => {
    const host = createTestHost({ terminal: { stdin: true, stderr: true } });
    const running = run(
      ['key', 'generate', 'alice', '--dir', dir, '--trust-dir', dir, '--no-color'],
      host,
    );
    await host.errShows('New passphrase for the signer key alice');
    host.stdin.write(`${PASSPHRASE}\r`);
    await host.errShows('The same passphrase again:');
    host.stdin.write(`${PASSPHRASE}\r`);
    expect(await running).toEqual({ exitCode: 0, abandoned: false });
    expect(host.out()).toMatch(/^Made the signer key alice [0-9a-f]{12}\n/);
    expect(host.err()).not.toContain(PASSPHRASE);
  });

  it('are left at the prompt by Ctrl-C with nothing made', async () => {
    const host = createTestHost({ terminal: { stdin: true, stderr: true } });
    const running = run(['key', 'generate', 'alice', '--dir', dir, '--trust-dir', dir], host);
    await host.errShows('New passphrase');
    host.stdin.write('\u0003');
    expect(await running).toEqual({ exitCode: 130, abandoned: false });
    expect(host.err()).toContain('tabellion: Interrupted\n');
    expect(await readdir(dir)).toEqual([]);
  });

  it('never ask with --json, even at a terminal', async () => {
    const line = ['key', 'generate', 'alice', '--dir', dir, '--trust-dir', dir, '--json'];
    const { exitCode, out, err } = await runCli(line, {
      terminal: { stdin: true, stdout: true, stderr: true },
    });
    expect(JSON.parse(out).error.code).toBe('KEY_PASSPHRASE_MISSING');
    expect(err).toBe('');
    expect(exitCode).toBe(4);
  });
});

describe('run', () => {
  it('shows an error that no promise carried, and says that work was left', async () => {
    const host = createTestHost({ terminal: { stdin: true, stderr: true } });
    const running = run(['key', 'generate', 'alice', '--dir', dir, '--trust-dir', dir], host);
    await host.errShows('New passphrase');
    host.throwUncaught(new Error('stray'));
    expect(await running).toEqual({ exitCode: 1, abandoned: true });
    expect(host.err()).toContain('tabellion: Unexpected error: stray');
    host.stdin.end();
  });

  it('leaves no listeners behind', async () => {
    const host = createTestHost();
    await run(['--version'], host);
    expect(host.signal('SIGINT')).toBe(false);
  });
});
