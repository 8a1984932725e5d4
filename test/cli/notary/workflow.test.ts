import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunResult, run } from '../../../src/cli/run.ts';
import { createTestHost, type TestHost } from '../test-host.ts';
import { fatal, type NotaryRun, notary } from './run-notary.ts';

const GUN = 'example.test/app';
const HELLO = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

let dir: string;
let server: { host: TestHost; ended: Promise<RunResult>; url: string; caFile: string };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-notary-'));
  await writeFile(join(dir, 'hello'), 'hello');
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

interface Options {
  stdin?: string;
  env?: NodeJS.ProcessEnv;
}

/** `notary <line>`, on one trust folder, against the embedded server. */
async function command(line: string, { stdin = '', env = {} }: Options = {}): Promise<NotaryRun> {
  const globals = ['-s', server.url, '--tlscacert', server.caFile, '-d', join(dir, 'trust')];
  const words = line.split(' ').map(word => word.replace('{dir}', dir));
  return await notary([...globals, ...words], {
    stdin,
    env: {
      HOME: dir,
      NOTARY_ROOT_PASSPHRASE: 'root-passphrase',
      NOTARY_TARGETS_PASSPHRASE: 'targets-passphrase',
      NOTARY_SNAPSHOT_PASSPHRASE: 'snapshot-passphrase',
      NOTARY_DELEGATION_PASSPHRASE: 'delegation-passphrase',
      ...env,
    },
  });
}

async function succeed(line: string, options: Options = {}): Promise<string> {
  const { exitCode, out, err } = await command(line, options);
  expect({ line, exitCode, out, err }).toEqual({ line, exitCode: 0, out, err: '' });
  return out;
}

describe('a collection', () => {
  it('is initialised, staged, published, read and verified', async () => {
    expect(await succeed(`init ${GUN}`)).toBe('');
    expect(await succeed(`status ${GUN}`)).toBe(`No unpublished changes for ${GUN}\n`);
    expect(await succeed(`add ${GUN} v1 {dir}/hello`)).toBe(
      `Addition of target "v1" to repository "${GUN}" staged for next publish.\n`,
    );
    await succeed(`addhash ${GUN} v2 0x10 --sha256 ${'ab'.repeat(32)}`);
    expect(await succeed(`status ${GUN}`)).toBe(
      [
        `Unpublished changes for ${GUN}:`,
        '',
        '#    ACTION    SCOPE      TYPE      PATH',
        '-    ------    -----      ----      ----',
        '0    create    targets    target    v1',
        '1    create    targets    target    v2',
        '',
      ].join('\n'),
    );
    expect(await succeed(`publish ${GUN}`)).toBe(
      `Pushing changes to ${GUN}\nSuccessfully published changes for repository ${GUN}\n`,
    );
    expect((await succeed(`list ${GUN}`)).split('\n').slice(2)).toEqual([
      `v1      ${HELLO}    5               targets`,
      `v2      ${'ab'.repeat(32)}    16              targets`,
      '',
    ]);
    expect(await succeed(`lookup ${GUN} v1`)).toBe(`v1 sha256:${HELLO} 5\n`);
    expect(fatal(await command(`lookup ${GUN} v3`))).toBe('No valid trust data for v3');
    expect(await succeed(`verify ${GUN} v1`, { stdin: 'hello' })).toBe('hello');
    expect(await succeed(`verify -q ${GUN} v1`, { stdin: 'hello' })).toBe('');
    const changed = await command(`verify ${GUN} v1`, { stdin: 'hello!' });
    expect(fatal(changed)).toBe(
      `data not present in the trusted collection, sha256 checksum for v1 did not match: expected ${HELLO}`,
    );
    expect(changed.out).not.toContain('hello!');
  });

  it('that nobody knows is told in the original’s words', async () => {
    const host = new URL(server.url).host;
    expect(fatal(await command(`list ${GUN}`))).toBe(`${host} does not have trust data for ${GUN}`);
    expect(fatal(await command(`verify ${GUN} v1`, { stdin: 'x' }))).toBe(
      `error retrieving target by name:v1, error:${host} does not have trust data for ${GUN}`,
    );
    expect(await readdir(dir)).not.toContain('trust');
  });

  it('is deleted here and on the server, and its keys stay', async () => {
    await succeed(`init -p ${GUN}`);
    const keys = await succeed('key list');
    expect(await succeed(`delete --remote ${GUN}`)).toBe(
      `Deleting trust data for repository ${GUN}\nSuccessfully deleted local and remote trust data for repository ${GUN}\n`,
    );
    expect((await command(`list ${GUN}`)).exitCode).toBe(1);
    expect(await succeed('key list')).toBe(keys);
  });

  it('is not initialised over a live one', async () => {
    await succeed(`init -p ${GUN}`);
    expect((await command(`init ${GUN}`)).exitCode).toBe(1);
    await succeed(`add -p ${GUN} v1 {dir}/hello`);
  });

  it('stays staged when its key cannot be opened', async () => {
    await succeed(`init -p ${GUN}`);
    const run = await command(`add -p ${GUN} v1 {dir}/hello`, {
      env: { NOTARY_TARGETS_PASSPHRASE: 'wrong' },
    });
    expect(fatal(run)).toMatch(
      /^could not find necessary signing keys, at least one of these keys must be available: [0-9a-f]{64}$/,
    );
    expect(run.err).toContain("couldn't add target to targets: could not find necessary");
    expect(await succeed(`status ${GUN}`)).toContain('0    create    targets    target    v1\n');
    expect(await succeed(`reset ${GUN} -n 0`)).toBe(
      `Successfully reset specified changes for repository ${GUN}\n`,
    );
    expect(await succeed(`status ${GUN}`)).toBe(`No unpublished changes for ${GUN}\n`);
  });
});

describe('delegations', () => {
  beforeEach(async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(join(dir, 'alice.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(join(dir, 'alice.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  });

  it('are added, listed, used and removed', async () => {
    await succeed(`init -p ${GUN}`);
    expect(await succeed(`delegation list ${GUN}`)).toBe(
      '\n\nNo delegations present in this repository.\n\n\n',
    );
    expect(
      await succeed(`delegation add ${GUN} targets/alice {dir}/alice.pub --paths b,a`),
    ).toMatch(
      /^\nAddition of delegation role targets\/alice with keys \[[0-9a-f]{64}\], with paths \[a\nb\], to repository "example.test\/app" staged for next publish\.\n\n$/,
    );
    await succeed(`publish ${GUN}`);
    expect(await succeed(`delegation list ${GUN}`)).toMatch(
      /^\nROLE {13}PATHS {4}KEY IDS {61}THRESHOLD\n.*\ntargets\/alice {4}a {8}[0-9a-f]{64} {4}1\n {17}b +\n\n$/,
    );
    expect(await succeed('key import {dir}/alice.key -r alice')).toBe('');
    await succeed(`add -p ${GUN} a1 {dir}/hello -r targets/alice`);
    expect(await succeed(`list ${GUN} -r targets/alice`)).toContain(' targets/alice\n');
    expect(fatal(await command(`add -p ${GUN} z {dir}/hello -r targets/alice`))).toBe(
      'Could not add all targets',
    );
    await succeed(`reset ${GUN} --all`);

    const refused = await command(`delegation remove ${GUN} targets/alice`, { stdin: 'no\n' });
    expect([refused.exitCode, refused.out]).toEqual([
      1,
      '\nAre you sure you want to remove all data for this delegation? (yes/no)\n* fatal: Aborting action.\n',
    ]);
    expect(
      await succeed(`delegation remove -p ${GUN} targets/alice`, { stdin: 'yes\n' }),
    ).toContain(
      'Forced removal (including all keys and paths) of delegation role targets/alice to repository',
    );
    expect(await succeed(`delegation list ${GUN}`)).toContain('No delegations present');
  });

  it('with an empty list of paths remove nothing', async () => {
    await succeed(`delegation remove ${GUN} targets/alice --paths=`);
    expect(await succeed(`status ${GUN}`)).toBe(`No unpublished changes for ${GUN}\n`);
  });
});

describe('key rotate', () => {
  it('replaces each key', async () => {
    await succeed(`init -p ${GUN}`);
    await succeed(`add -p ${GUN} v1 {dir}/hello`);
    const rotated = (role: string): string =>
      `Successfully rotated ${role} key for repository ${GUN}\n`;
    expect(await succeed(`key rotate ${GUN} targets`)).toBe(rotated('targets'));
    expect(await succeed(`key rotate ${GUN} snapshot -r`)).toBe(rotated('snapshot'));
    expect(await succeed(`key rotate ${GUN} timestamp -r`)).toBe(rotated('timestamp'));
    const question =
      'Warning: you are about to rotate your root key.\n\nYou must use your old key to sign this root rotation.\nAre you sure you want to proceed?  (yes/no)  ';
    expect(await succeed(`key rotate ${GUN} root`, { stdin: 'no\n' })).toBe(
      `${question}\nAborting action.\n`,
    );
    expect(await succeed(`key rotate ${GUN} root`, { stdin: 'yes\n' })).toBe(
      question + rotated('root'),
    );
    expect(await succeed(`lookup ${GUN} v1`)).toContain(HELLO);
    const keys = (await succeed('key list')).split('\n').slice(3, -2);
    expect(keys.map(row => row.split(' ')[0])).toEqual(['root', 'root', 'targets']);
  });

  it.each([
    ['timestamp', 'notary does not permit the client managing the timestamp key'],
    ['targets -r', 'notary does not permit the server managing the targets key'],
    ['targets/a', 'notary does not currently permit rotating the targets/a key'],
    [
      'targets -k {dir}/none',
      'Error reading input root key file: open {dir}/none: no such file or directory',
    ],
    ['targets -k {dir}/hello', 'no valid private key found'],
  ])('refuses %s', async (words, sentence) => {
    expect(fatal(await command(`key rotate ${GUN} ${words}`))).toBe(sentence.replace('{dir}', dir));
  });
});

describe('without a server', () => {
  it('the cached copy serves with a warning, and nothing is published', async () => {
    await succeed(`init -p ${GUN}`);
    await succeed(`add -p ${GUN} v1 {dir}/hello`);
    server.host.signal('SIGTERM');
    await server.ended;
    const read = await command(`lookup ${GUN} v1`);
    expect([read.exitCode, read.out]).toEqual([0, `v1 sha256:${HELLO} 5\n`]);
    expect(read.err).toMatch(
      /level=error msg="could not reach https:.*connection refused"\n.*level=warning msg="Error while downloading remote metadata, using cached timestamp/,
    );
    const written = await command(`publish ${GUN}`);
    expect(fatal(written)).toBe('client is offline');
    expect(written.err).toContain('since we could not update: client is offline');
  });
});

describe('keys', () => {
  it('are made, exported, imported elsewhere, given a new passphrase and removed', async () => {
    const [, id = ''] =
      /^Generated new ecdsa bob key with keyID: ([0-9a-f]{64})\n$/.exec(
        await succeed('key generate -r bob'),
      ) ?? [];
    const pem = await succeed('key export');
    expect(pem).toContain(`path: ${id}\nrole: bob\n`);
    await writeFile(join(dir, 'bob.pem'), pem);
    expect(await succeed(`key remove ${id}`, { stdin: 'y\n' })).toBe(
      `\nAre you sure you want to remove ${id} (role bob) from ${join(dir, 'trust', 'private')}?  (yes/no)  \nDeleted ${id} (role bob) from ${join(dir, 'trust', 'private')}.\n\n`,
    );
    expect(await succeed('key list')).toBe('\nNo signing keys found.\n\n');
    await succeed('key import {dir}/bob.pem');
    expect(await succeed('key list')).toContain(`bob            ${id}    `);
    expect(await succeed(`key passwd ${id}`)).toBe(
      `\nSuccessfully updated passphrase for key ID: ${id}\n`,
    );
  });

  it('need a passphrase', async () => {
    expect(fatal(await command('key generate', { env: { NOTARY_ROOT_PASSPHRASE: '' } }))).toBe(
      'Failed to create a new root key: maximum number of passphrase attempts exceeded',
    );
  });

  it.each([
    ['key passwd abc', 'invalid key ID provided: abc'],
    [`key remove ${'0'.repeat(64)}`, `No key with ID ${'0'.repeat(64)} found`],
    ['key generate rsa', 'Algorithm not allowed, possible values are: ECDSA'],
    [
      'key export --gun a --key b',
      'Only the --gun or --key flag may be provided, not a mix of the two flags',
    ],
    ['key import {dir}/none', 'open {dir}/none: no such file or directory'],
  ])('%s fails in the original’s words', async (line, sentence) => {
    expect(fatal(await command(line))).toBe(sentence.replace('{dir}', dir));
  });
});
