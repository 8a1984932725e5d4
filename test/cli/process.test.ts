import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUICK_KEYS } from '../support/quick-keys.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/tabellion.js', import.meta.url));
const MANIFEST = fileURLToPath(new URL('../../package.json', import.meta.url));

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tabellion-cli-'));
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

/** The real program, in an environment that knows nothing of the person who runs the tests. */
function start(
  args: readonly string[],
  stdout: 'pipe' | number = 'pipe',
  further: readonly 'pipe'[] = [],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const { PATH, SystemRoot } = process.env;
  return spawn(process.execPath, [PROGRAM, ...args], {
    cwd: home,
    env: {
      PATH,
      SystemRoot,
      HOME: home,
      USERPROFILE: home,
      DOCKER_CONFIG: join(home, 'docker'),
      ...QUICK_KEYS,
      ...env,
    },
    stdio: ['ignore', stdout, 'pipe', ...further],
  });
}

async function finish(child: ChildProcess) {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, out, err };
}

async function tabellion(...args: string[]) {
  return finish(start(args));
}

/** The address of a port that nobody listens on. */
async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `https://127.0.0.1:${port}`;
}

describe('the program', () => {
  it('takes a passphrase from a descriptor whose writer stays, and ends', async () => {
    const args = ['key', 'generate', 'bob', '--passphrase-fd', '3', '--quiet'];
    const child = start(args, 'pipe', ['pipe']);
    (child.stdio[3] as Writable).write('a passphrase that is long\nand more');
    const { code, err } = await finish(child);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it.each([[['demo']], [['recover', '--drill', 'root']]])(
    'leaves no throw-away keys behind when %j is broken off',
    async args => {
      const TMPDIR = await mkdtemp(join(home, 'tmp-'));
      const child = start([...args], 'pipe', [], { TMPDIR });
      await once(child.stdout as Readable, 'data');
      child.kill('SIGINT');
      const { code } = await finish(child);
      expect(code).toBe(130);
      expect(await readdir(TMPDIR)).toEqual([]);
    },
  );

  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8'));
    const answer = { code: 0, signal: null, out: `tabellion ${version}\n`, err: '' };
    expect(await tabellion('--version')).toEqual(answer);
    // Not the short cut of the launcher.
    expect(await tabellion('verify', '--version')).toEqual(answer);
  });

  it('shows the help of the sources', async () => {
    const help = readFileSync(new URL('./help/verify.txt', import.meta.url), 'utf8');
    expect(await tabellion('verify', '--help')).toMatchObject({ code: 0, out: help, err: '' });
  });

  it.each([
    [[], 'Usage: tabellion <command>'],
    [['key'], 'Usage: tabellion key <command>'],
    [['verfy', 'app:1'], 'tabellion: There is no command “verfy”\n  hint: Did you mean verify?\n'],
    [['verify', '--registy', 'app:1'], '  hint: Did you mean --registry?\n'],
    [['sign', 'app:1', '--passphrase=hunter2'], 'tabellion: There is no option --passphrase'],
    [['recover', '--compromised', 'root', '--keep', 'known'], '--keep known needs --trusted-since'],
    [['recover', '--lost', 'root', '--trusted-since', '9999-01-01'], 'must be in the past'],
    [['revoke', 'app:1'], '  hint: Add --yes, or --dry-run'],
    [['verify', 'App/UPPER:1'], 'must be lowercase'],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, out, err } = await tabellion(...args);
    expect(err).toContain(message);
    expect(err).not.toContain('hunter2');
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('answers a program with one document, also when it fails', async () => {
    const { code, out, err } = await tabellion('verify', 'app', '--json');
    expect(JSON.parse(out)).toMatchObject({ schemaVersion: 1, error: { code: 'TAG_MISSING' } });
    expect(err).toBe('');
    expect(code).toBe(2);
  });

  it('loads no network for a command that needs none', async () => {
    const tell =
      'process.on("exit",()=>process.stderr.write(String(process.moduleLoadList.includes("NativeModule https"))))';
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(tell)}`;
    const run = (...args: string[]) => finish(start(args, 'pipe', [], { NODE_OPTIONS }));
    expect(await run('key', '--help')).toMatchObject({ code: 0, err: 'false' });
    // What tells does tell: this one needs it.
    const server = await closedPort();
    expect((await run('inspect', 'app', '--server', server)).err).toMatch(/true$/);
  });

  it('lists no keys where there are none', async () => {
    const { code, out } = await tabellion('key', 'list', '--json', '--trust-dir', home);
    expect(JSON.parse(out)).toEqual({
      schemaVersion: 1,
      privateDir: join(home, 'private'),
      keys: [],
      unreadable: [],
      reminders: [],
    });
    expect(code).toBe(0);
  });

  it('asks nobody for a passphrase without a terminal', async () => {
    const { code, err } = await tabellion('key', 'generate', 'alice');
    expect(err).toContain('NOTARY_DELEGATION_PASSPHRASE');
    expect(existsSync(join(home, 'alice.pub'))).toBe(false);
    expect(code).toBe(4);
  });

  it('exits with 5 when the trust server cannot be reached', async () => {
    const server = await closedPort();
    const { code, out } = await tabellion('verify', 'app:1', '--server', server);
    expect(out).toContain('✗ not verified  app:1');
    expect(code).toBe(5);
  });

  it('exits with 3 when there is nothing to trust', async () => {
    const { code, out } = await tabellion('verify', 'app:1', '--offline');
    expect(out).toContain('✗ not trusted  app:1');
    expect(code).toBe(3);
  });

  it('does not mind a reader that goes away', async () => {
    const child = start(['--help']);
    child.stdout?.destroy();
    expect(await finish(child)).toMatchObject({ code: 0, err: '' });
  });

  it.runIf(existsSync('/dev/full'))('fails when its output cannot be written', async () => {
    const { code, err } = await finish(start(['--help'], openSync('/dev/full', 'w')));
    expect(err).toMatch(/^tabellion: the output could not be written: .*ENOSPC/);
    expect(code).toBe(1);
  });

  // Windows has no signals that a process could catch.
  it.runIf(process.platform !== 'win32')('ends with 130 on Ctrl-C', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const child = start(['verify', 'app:1', '--server', `https://127.0.0.1:${port}`]);
    const ended = finish(child);
    const [socket] = await once(silent, 'connection');
    child.kill('SIGINT');
    expect(await ended).toEqual({
      code: 130,
      signal: null,
      out: '',
      err: 'tabellion: Interrupted\n',
    });
    socket.destroy();
    silent.close();
  });
});
