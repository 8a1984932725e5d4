import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run as runProgram } from '../../src/cli/run.ts';
import { createTestHost, runCli } from './test-host.ts';

const ENV = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'the root passphrase',
  TABELLION_KEYCHAIN: 'off',
};

describe('the ceremony commands', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tabellion-ceremony-cli-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]) =>
    runCli([...args, '--trust-dir', join(folder, 'trust')], { env: ENV });

  it('make a root key without a network, and its certificate for each repository', async () => {
    const file = join(folder, 'root.pem');
    const made = await run('ceremony', 'new-root', 'reg.example/a', 'reg.example/b', '-o', file);
    expect(made.exitCode).toBe(0);
    expect(made.out).toMatch(/^Made the root key [0-9a-f]{12}\n/);
    const pem = await readFile(file, 'utf8');
    expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(pem).not.toContain('PRIVATE');
    const again = await run('ceremony', 'new-root', 'reg.example/a', '-o', file, '--json');
    expect(JSON.parse(again.out).error).toMatchObject({ code: 'FILE_EXISTS' });
    // A certificate of the same key.
    const [, id = ''] = /key ([0-9a-f]{12})/.exec(made.out) ?? [];
    const other = join(folder, 'other.pem');
    const same = await run(
      'ceremony',
      'new-root',
      'reg.example/a',
      '-o',
      other,
      '--key',
      id,
      '--json',
    );
    expect(JSON.parse(same.out)).toMatchObject({
      schemaVersion: 1,
      created: false,
      keyId: expect.stringMatching(new RegExp(`^${id}`)),
    });
  });

  it.each([
    [['request', 'rotate', 'reg.example/a'], 2, 'Option --output is missing'],
    [['request', 'all', 'reg.example/a', '-o', 'x'], 2, 'The change must be one of init, rotate,'],
    [['request', 'rotate', 'reg.example/a:1', '-o', 'x'], 2, 'names one image'],
    [
      ['request', 'init', 'reg.example/a', '-o', 'x', '--role', 'root'],
      2,
      '--role is for “rotate”',
    ],
    [['request', 'init', 'reg.example/a', '-o', 'x', '--threshold', '0'], 2, 'from 1 to 50'],
    [
      ['request', 'rotate-root', 'reg.example/a', '-o', 'x'],
      2,
      'needs the certificate of a root key',
    ],
    [['sign', 'x'], 2, 'needs a confirmation'],
    [['apply', 'x'], 2, 'needs a confirmation'],
    [['show', '/nowhere/x'], 1, 'could not be read'],
  ])('%j ends with %i', async (args, exitCode, message) => {
    const result = await run('ceremony', ...args);
    expect(result.err).toContain(message);
    expect(result.exitCode).toBe(exitCode);
    expect(result.out).toBe('');
  });

  it('scan what stands on standard input, to its end or to the last part', async () => {
    const host = createTestHost({ env: ENV });
    const scan = runProgram(['ceremony', 'scan', '-o', join(folder, 'scanned.tbr')], host);
    host.stdin.end('TBR1/0123ABCD/1/2/ABC\n');
    expect((await scan).exitCode).toBe(1);
    expect(host.err()).toContain('part 2 of 2 to come');
    expect(host.err()).toContain('The file is not whole: part 2 missing');
    const other = createTestHost({ env: ENV });
    const bad = runProgram(['ceremony', 'scan', '-o', join(folder, 'scanned.tbr')], other);
    // Nothing after the line that is none is waited for.
    other.stdin.write('https://example.com/\n');
    expect((await bad).exitCode).toBe(1);
    expect(other.err()).toContain('a line is not a part of a ceremony file');
  });

  it('refuse what is no ceremony file', async () => {
    const file = join(folder, 'junk.tbr');
    for (const junk of ['', 'hello', '{"signed":{}}']) {
      await writeFile(file, junk);
      for (const command of [
        ['show', file],
        ['status', file],
        ['sign', file, '--yes'],
        ['apply', file, '--yes'],
      ]) {
        const { exitCode, err } = await run('ceremony', ...command);
        expect(err).toContain('This is not a ceremony file');
        expect(exitCode).toBe(1);
      }
    }
  });
});
