import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunResult, run } from '../../src/cli/run.ts';
import {
  apartFromReminders,
  createTestHost,
  runCli,
  type TestHost,
  type TestHostOptions,
} from './test-host.ts';

const REPOSITORY = 'localhost:5000/app';
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const ENV = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'quiet kestrel over granite',
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'seven lanterns by the weir',
};
const TERMINAL = { terminal: { stdin: true, stdout: true, stderr: true } };

let dir: string;
let server: { host: TestHost; ended: Promise<RunResult>; url: string; caFile: string };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-delegations-'));
  const host = createTestHost();
  const ended = run(['serve', '--dir', join(dir, 'server'), '--port', '0', '--json'], host);
  await Promise.race([host.outShows('}\n'), ended]);
  server = { host, ended, ...JSON.parse(host.out()) };
  await succeed(`sign ${REPOSITORY}:1.0 --digest ${DIGEST} --size 7`);
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

async function tabellion(line: string, options: TestHostOptions = {}) {
  const env = { ...ENV, DOCKER_CONFIG: join(dir, 'docker') };
  return runCli(words(line), { env, ...options });
}

async function succeed(line: string): Promise<string> {
  const { exitCode, out, err } = await tabellion(line);
  expect({ line, exitCode, err: apartFromReminders(err) }).toEqual({ line, exitCode: 0, err: '' });
  return out;
}

/** Runs a command at a terminal and answers its questions. */
async function answering(line: string, ...answers: [question: string, answer: string][]) {
  const env = { ...ENV, DOCKER_CONFIG: join(dir, 'docker'), NO_COLOR: '1' };
  const host = createTestHost({ env, ...TERMINAL });
  const ended = run(words(line), host);
  for (const [question, answer] of answers) {
    await Promise.race([host.errShows(question), ended]);
    host.stdin.write(answer);
  }
  const { exitCode } = await ended;
  return { exitCode, out: host.out(), err: host.err() };
}

async function newSigner(name: string): Promise<{ file: string; id: string }> {
  const id = (await succeed(`key generate ${name} --dir ${dir} --quiet`)).trim();
  return { file: join(dir, `${name}.pub`), id };
}

describe('delegations', () => {
  it('are added, listed, changed and removed, in words and as JSON', async () => {
    const [alice, other] = [await newSigner('alice'), await newSigner('other')];
    expect(await succeed(`delegation list ${REPOSITORY}`)).toContain('no delegations');
    const dry = await succeed(
      `delegation add ${REPOSITORY} alice ${alice.file} --all-paths --dry-run`,
    );
    expect(dry).toContain('alice would be added');
    const added = await succeed(
      `delegation add ${REPOSITORY} alice ${alice.file} ${other.file} --all-paths`,
    );
    expect(added).toContain(`✓ alice added\n    + key ${alice.id.slice(0, 12)}\n`);
    expect(added).toContain('    + all tags\n  published to ');
    await succeed(`delegation add ${REPOSITORY} alice/ci ${other.file} --path v1 --path v2`);
    const listed = await succeed(`delegation list ${REPOSITORY}`);
    expect(listed).toMatch(/^ {2}ROLE {6}MAY SIGN {2}KEYS {10}NEEDED {2}SIGNED UNTIL$/m);
    expect(listed).toMatch(/^ {2}alice {5}all {7}[0-9a-f]{12} {2}1 {7}2029-/m);
    expect(listed).toMatch(/^ {2}alice\/ci {2}v1… {7}[0-9a-f]{12} {2}1 {7}nothing signed$/m);
    expect(listed).toMatch(/^ {12}v2…$/m);
    expect(await succeed(`delegation list ${REPOSITORY} -q`)).toBe(
      'targets/alice\ntargets/alice/ci\n',
    );
    const json = JSON.parse(await succeed(`delegation list ${REPOSITORY} --json`));
    expect(json).toMatchObject({
      schemaVersion: 1,
      repository: REPOSITORY,
      delegations: [{ role: 'targets/alice', paths: [''], threshold: 1 }, { paths: ['v1', 'v2'] }],
    });
    const again = await succeed(`delegation add ${REPOSITORY} alice ${alice.file}`);
    expect(again).toContain('nothing to change');
    const removed = await succeed(`delegation remove ${REPOSITORY} alice/ci --yes`);
    expect(removed).toContain('✓ alice/ci removed');
  });

  it('go only when somebody says so, who was shown what goes with them', async () => {
    const alice = await newSigner('alice');
    await succeed(`delegation add ${REPOSITORY} alice ${alice.file} --all-paths`);
    await succeed(`sign ${REPOSITORY}:2.0 --digest ${DIGEST} --size 7 --role alice`);
    const line = `delegation remove ${REPOSITORY} alice ${alice.id.slice(0, 7)}`;
    const nobody = await tabellion(line);
    expect(nobody.exitCode).toBe(2);
    expect(nobody.err).toContain('hint: Add --yes, or --dry-run');
    const json = await tabellion(`${line} --json`, TERMINAL);
    expect(json.exitCode).toBe(2);
    const no = await answering(line, ['Change targets/alice?', 'n\n']);
    expect(no.exitCode).toBe(1);
    expect(no.err).toContain('would be trusted no more: 2.0');
    expect(no.err).toContain('no key is left: it can sign nothing');
    expect(no.err).toContain('Nothing was changed');
    const yes = await answering(line, ['Change targets/alice?', 'y\n']);
    expect(yes.exitCode).toBe(0);
    expect(yes.out).toContain('no longer trusted: 2.0');
    const listed = await tabellion(`delegation list ${REPOSITORY}`);
    expect(listed.out).toContain('✗ alice is not trusted');
    await tabellion(`delegation add ${REPOSITORY} alice ${alice.file}`);
    const witnessed = await tabellion(`witness ${REPOSITORY} alice`);
    expect(witnessed.out).toContain('✓ alice signed again');
    expect(witnessed.out).toContain('it holds 2.0');
  });

  it('refuses what contradicts itself before anything is asked', async () => {
    for (const line of [
      `delegation add ${REPOSITORY} alice --all-paths --path v`,
      `delegation add ${REPOSITORY} alice`,
      `delegation add ${REPOSITORY}:1.0 alice a.pub`,
      `delegation add ${REPOSITORY} alice a.pub --path`,
      `delegation list ${REPOSITORY}:1.0`,
      `delegation list ${REPOSITORY} --offline --require-fresh`,
      `witness ${REPOSITORY}`,
    ])
      expect({ line, exitCode: (await tabellion(line)).exitCode }).toEqual({ line, exitCode: 2 });
    for (const line of [
      `delegation add ${REPOSITORY} Alice a.pub`,
      `delegation remove ${REPOSITORY} nobody --yes`,
      `delegation purge ${REPOSITORY} 0123456 --yes`,
      `witness ${REPOSITORY} nobody`,
    ])
      expect({ line, exitCode: (await tabellion(line)).exitCode }).toEqual({ line, exitCode: 1 });
  });
});

describe('key rotate', () => {
  it('shows the plan, asks, and says where the old key lies', async () => {
    const before = await readdir(join(dir, 'trust', 'private'));
    const question = `Replace the repository key of ${REPOSITORY}?`;
    const why: [string, string] = ['Why is the repository key replaced?', '\n'];
    const no = await answering(`key rotate ${REPOSITORY}`, why, [question, 'n\n']);
    expect(no.exitCode).toBe(1);
    expect(no.err).toContain('the repository key would be replaced');
    expect(await readdir(join(dir, 'trust', 'private'))).toEqual(before);
    const yes = await answering(
      `key rotate ${REPOSITORY}`,
      why,
      [question, 'y\n'],
      ['What becomes of the old private key?', '\n'],
    );
    expect(yes.exitCode).toBe(0);
    expect(yes.out).toMatch(
      /✓ the repository key was replaced\n {2}old {2}[0-9a-f]{12}\n {7}\S+\.key is still there\n {2}new {2}[0-9a-f]{12}\n {7}\S+\.key\n/,
    );
    expect(yes.out).toContain('1 target of the repository was signed again as it is');
    const verified = await tabellion(`verify --no-registry ${REPOSITORY}:1.0`);
    expect(verified.exitCode).toBe(0);
  });

  it('of the timestamp needs no flag, since only the server can keep its key', async () => {
    const report = JSON.parse(await succeed(`key rotate ${REPOSITORY} timestamp --yes --json`));
    expect(report).toMatchObject({
      schemaVersion: 1,
      repositories: [{ managedBy: 'server', versions: { root: 2 } }],
    });
    const root = JSON.parse(await succeed(`key rotate ${REPOSITORY} root --yes --json`));
    expect(root.repositories[0].newKeys[0].certificateId).toMatch(/^[0-9a-f]{64}$/);
  });
});
