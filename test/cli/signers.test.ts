import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunResult, run } from '../../src/cli/run.ts';
import { apartFromReminders, createTestHost, runCli, type TestHost } from './test-host.ts';

const APP = 'localhost:5000/app';
const DB = 'localhost:5000/db';
const DIGEST = `sha256:${'ab'.repeat(32)}`;

let dir: string;
let env: Record<string, string>;
let server: { host: TestHost; ended: Promise<RunResult>; url: string; caFile: string };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-signers-'));
  env = {
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'quiet kestrel over granite',
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'seven lanterns by the weir',
    DOCKER_CONFIG: join(dir, 'docker'),
    NO_COLOR: '1',
  };
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

function words(line: string): string[] {
  const trust = ['--trust-dir', join(dir, 'trust')];
  return [...line.split(' '), '--server', server.url, '--tls-ca', server.caFile, ...trust];
}

async function tabellion(line: string) {
  return runCli(words(line), { env });
}

async function succeed(line: string): Promise<string> {
  const { exitCode, out, err } = await tabellion(line);
  expect({ line, exitCode, err: apartFromReminders(err) }).toEqual({ line, exitCode: 0, err: '' });
  return out;
}

describe('tabellion signer', () => {
  it('adds, lists, rotates and removes, in words and as JSON', async () => {
    await succeed(`sign ${APP}:1.0 --digest ${DIGEST} --size 7`);
    const id = (await succeed(`key generate alice --dir ${dir} --quiet`)).trim();
    const file = join(dir, 'alice.pub');
    const dry = await succeed(`signer add alice --key ${file} ${APP} ${DB} --init --dry-run`);
    expect(dry).toContain('- alice would be added');
    expect(dry).toContain('- would be made: nobody had signed it before');
    expect(dry).toContain('2 of 2 repositories would be as asked for');
    const added = await tabellion(`signer add alice --key ${file} ${APP} ${DB}`);
    expect(added.exitCode).toBe(3);
    expect(added.out).toContain(`  ✓ alice added\n    + key ${id.slice(0, 12)}\n    + all tags\n`);
    expect(added.out).toContain(`1 of 2 repositories are as asked for\nnot changed: ${DB}\n`);
    expect(await succeed(`signer add alice --key ${file} --init ${DB}`)).toContain(
      '✓ made: nobody had signed it before',
    );
    expect(await succeed(`signer list ${APP}`)).toMatch(
      /^ {2}SIGNER {2}KEYS {10}HERE {2}MAY SIGN {2}SIGNED UNTIL\n {2}alice {3}[0-9a-f]{12} {2}yes {3}all {7}nothing signed$/m,
    );
    expect(await succeed(`signer list ${APP} ${DB} -q`)).toBe('alice\n');
    await succeed(`sign ${APP}:2.0 --digest ${DIGEST} --size 7`);
    const rotated = await succeed(`signer rotate alice ${APP} ${DB} --yes`);
    expect(rotated).toContain(`    - key ${id.slice(0, 12)}\n`);
    expect(rotated).toContain('alice was signed again by a key that is left');
    expect(rotated).toContain('2 of 2 repositories are as asked for');
    expect(rotated).toMatch(
      /alice signs with\n {2}new {2}[0-9a-f]{12}\n {7}\S+\.key\n {2}old {2}[0-9a-f]{12}\n {7}\S+ is still there\n/,
    );
    const json = JSON.parse(await succeed(`signer remove alice ${DB} --yes --json`));
    expect(json).toMatchObject({
      schemaVersion: 1,
      signer: 'alice',
      repositories: [{ repository: DB, confirmed: true }],
      summary: { succeeded: 1, failed: 0 },
    });
    const again = await tabellion(`signer remove alice ${DB} ${APP} --yes`);
    expect(again.exitCode).toBe(1);
    expect(again.out).toContain(`✗ nothing changed: ${DB} has no signer “alice”`);
    expect(again.out).toContain('no longer trusted: 2.0');
    expect(again.out).toContain(`not changed: ${DB}\n`);
    expect((await tabellion(`signer list ${APP}`)).out).toContain('no signers');
  });

  it('removes only when somebody says so, who was shown what goes', async () => {
    await succeed(`sign ${APP}:1.0 --signer alice --digest ${DIGEST} --size 7`);
    const nobody = await tabellion(`signer remove alice ${APP}`);
    expect(nobody.exitCode).toBe(2);
    const terminal = { stdin: true, stdout: true, stderr: true };
    const host = createTestHost({ env, terminal });
    const ended = run(words(`signer remove alice ${APP}`), host);
    await Promise.race([host.errShows('Remove alice?'), ended]);
    host.stdin.write('n\n');
    expect((await ended).exitCode).toBe(1);
    expect(host.err()).toContain('would be trusted no more: 1.0');
    expect(host.err()).toContain('Nothing was changed');
    // Without anything to do nobody is asked.
    const other = createTestHost({ env, terminal });
    const { exitCode } = await run(words(`signer remove carol ${APP} ${DB}`), other);
    expect(exitCode).toBe(3);
    expect(await succeed(`signer list ${APP} -q`)).toBe('alice\n');
  });

  it('refuses what makes no sense before anything is asked', async () => {
    for (const line of [
      `signer add alice ${APP}`,
      `signer add releases --key x ${APP}`,
      `signer add alice --key x ${APP}:1.0`,
      `signer add alice --key`,
      `signer remove releases ${APP} --yes`,
      `signer rotate releases ${APP} --yes`,
      `signer list ${APP} --offline --require-fresh`,
      `signer list`,
    ])
      expect({ line, exitCode: (await tabellion(line)).exitCode }).toEqual({ line, exitCode: 2 });
  });
});
