import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import { askCredentialHelper } from '../../src/registry/credential-helper.ts';
import { defaultCredentialHelper } from '../../src/registry/default-helper.ts';
import { type HelperAnswer, writeCredentialHelper } from '../support/credential-helper.ts';
import { expectFailure } from '../support/expect-failure.ts';

const SERVER = 'https://index.docker.io/v1/';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-helper-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ask = async (answer?: HelperAnswer, more: { timeoutMs?: number; env?: object } = {}) => {
  await writeCredentialHelper(folder, 'fake', answer === undefined ? {} : { [SERVER]: answer });
  return await askCredentialHelper({
    helper: 'fake',
    server: SERVER,
    env: { PATH: folder, ...more.env },
    ...(more.timeoutMs === undefined ? {} : { timeoutMs: more.timeoutMs }),
  });
};
const asked = async () =>
  (await readFile(join(folder, 'asked'), 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));

describe.skipIf(process.platform === 'win32')('a credential helper', () => {
  it('is asked for one server, by its name as it is', async () => {
    const found = await ask({ username: 'alice', secret: 'hünter2 ' });
    expect(found).toEqual({ username: 'alice', secret: 'hünter2 ' });
    expect(await asked()).toMatchObject([{ args: ['get'], server: SERVER }]);
  });

  it('may have nothing, which is no failure', async () => {
    expect(await ask()).toBeUndefined();
    expect(await ask({ username: '', secret: '' })).toBeUndefined();
  });

  it('does not learn the passphrases of keys', async () => {
    const env = {
      HOME: '/home/u',
      NOTARY_AUTH: 'x',
      NOTARY_ROOT_PASSPHRASE: 'x',
      TABELLION_PASSPHRASE_135a78a: 'x',
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'x',
      DOCKER_CONTENT_TRUST_SERVER: 'x',
    };
    await ask(undefined, { env });
    const [{ variables }] = await asked();
    expect(variables).toEqual(
      expect.arrayContaining(['PATH', 'HOME', 'DOCKER_CONTENT_TRUST_SERVER']),
    );
    expect(variables.join()).not.toMatch(/PASSPHRASE|NOTARY_AUTH/);
  });

  it.each([
    [
      { exitCode: 3, stdout: 'the keychain is locked\nmore\n' },
      /exit code 3: the keychain is locked$/,
    ],
    [{ exitCode: 1, stdout: '' }, /exit code 1$/],
    [{ exitCode: 1, stdout: '\u001b[31mred' }, /exit code 1: \\u001b\[31mred$/],
    [{ exitCode: 1, stdout: '{"Username":"alice","Secret":"hunter2"}' }, /exit code 1$/],
    [{ exitCode: 1, stdout: 'password: hunter2' }, /exit code 1$/],
    [{ exitCode: 0, stdout: 'hunter2' }, /something else/],
    [{ exitCode: 0, stdout: '["hunter2"]' }, /something else/],
    [{ exitCode: 0, stdout: '{"Username":"alice","Secret":["hunter2"]}' }, /something else/],
    [{ exitCode: 0, stdout: 'credentials not found in native keychain' }, /something else/],
  ] satisfies [HelperAnswer, RegExp][])('fails with %o', async (answer, message) => {
    const error = await expectFailure(ask(answer), OperationError, 'CREDENTIAL_HELPER_FAILED');
    const [what = ''] = error.message.split(' when asked for the login of ');
    expect(what).toMatch(/^The credential helper docker-credential-fake /);
    expect(what).toMatch(message);
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('hunter2');
  });

  it('that answers without end is stopped', async () => {
    const stdout = 'x'.repeat(2 * 1024 * 1024);
    await expectFailure(ask({ exitCode: 0, stdout }), OperationError, 'CREDENTIAL_HELPER_FAILED');
  });

  it('that never answers is given up', async () => {
    const work = ask('waits', { timeoutMs: 50 });
    const error = await expectFailure(work, OperationError, 'CREDENTIAL_HELPER_SLOW');
    expect(error.message).toContain('docker-credential-fake');
    expect(error.hint).toContain('unlock');
  });

  it('that is missing is named', async () => {
    await mkdir(join(folder, 'docker-credential-fake'));
    await writeFile(join(folder, 'docker-credential-other'), 'not executable');
    for (const helper of ['fake', 'other', 'none']) {
      const work = askCredentialHelper({ helper, server: 'h', env: { PATH: folder } });
      const error = await expectFailure(work, OperationError, 'CREDENTIAL_HELPER_MISSING');
      expect(error.message).toContain(`docker-credential-${helper}`);
    }
  });

  it('is not looked for in the working directory', async () => {
    await writeCredentialHelper(folder, 'fake', { h: { username: 'u', secret: 's' } });
    const before = process.cwd();
    process.chdir(folder);
    try {
      for (const path of ['', '.', `${delimiter}/nowhere`, undefined]) {
        const env = path === undefined ? {} : { PATH: path };
        const work = askCredentialHelper({ helper: 'fake', server: 'h', env });
        await expectFailure(work, OperationError, 'CREDENTIAL_HELPER_MISSING');
      }
    } finally {
      process.chdir(before);
    }
  });

  it('that cannot be started fails', async () => {
    await writeFile(join(folder, 'docker-credential-fake'), '#!/no/such/program\n', {
      mode: 0o755,
    });
    const work = askCredentialHelper({ helper: 'fake', server: 'h', env: { PATH: folder } });
    await expectFailure(work, OperationError, 'CREDENTIAL_HELPER_FAILED');
  });
});

describe.skipIf(process.platform === 'win32')('the helper that nobody named', () => {
  const found = async (platform: NodeJS.Platform) =>
    await defaultCredentialHelper({ PATH: folder }, platform);

  it('is the platform’s own, if it is there', async () => {
    for (const platform of ['linux', 'darwin', 'win32', 'freebsd'] as const) {
      expect(await found(platform)).toBeUndefined();
    }
    await writeCredentialHelper(folder, 'secretservice', {});
    await writeCredentialHelper(folder, 'osxkeychain', {});
    await writeCredentialHelper(folder, 'wincred.exe', {});
    expect(await found('linux')).toBe('secretservice');
    expect(await found('darwin')).toBe('osxkeychain');
  });

  it('is pass on Linux where that is used', async () => {
    await writeCredentialHelper(folder, 'secretservice', {});
    await writeFile(join(folder, 'pass'), '#!/bin/sh\n', { mode: 0o755 });
    expect(await found('linux')).toBeUndefined();
    await writeCredentialHelper(folder, 'pass', {});
    expect(await found('linux')).toBe('pass');
  });
});
