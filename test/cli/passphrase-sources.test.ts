import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runDockerTrust } from '../../src/cli/docker-trust/run.ts';
import { runNotary } from '../../src/cli/notary/run.ts';
import { NEW, OLD, passphraseScene, type RunOptions, TERMINAL, WRONG } from './passphrase-scene.ts';
import { createTestHost } from './test-host.ts';

const scene = passphraseScene();
const TO_NEW = { TABELLION_NEW_PASSPHRASE: NEW };
const record = async () =>
  await readFile(join(scene.trust, '.tabellion', 'passphrases', `${scene.id}.json`), 'utf8');

describe('a key whose passphrase is kept', () => {
  it('opens without question, and the entry follows a change of the passphrase', async () => {
    scene.keychain.entries.set(scene.id, OLD);
    expect((await scene.tabellion(scene.passwd(), { env: TO_NEW })).exitCode).toBe(0);
    expect(scene.keychain.entries.get(scene.id)).toBe(NEW);
  });

  it('costs the keychain nothing where a variable has it, or no key is needed', async () => {
    await scene.tabellion(['key', 'export', '-o', join(scene.dir, 'keys.pem')]);
    expect(scene.keychain.asked).toEqual([]);
  });

  it.each([
    ['--no-keychain', {}],
    ['--quiet', { TABELLION_KEYCHAIN: 'off' }],
  ])('is not looked for with %s %j', async (flag, env) => {
    scene.keychain.entries.set(scene.id, OLD);
    const { exitCode } = await scene.tabellion(scene.passwd(flag), { env: { ...TO_NEW, ...env } });
    expect(exitCode).toBe(4);
    expect(scene.keychain.asked).toEqual([]);
  });
});

describe('the question whether to keep it', () => {
  const ASKED = ['Passphrase for the signer key alice', `${OLD}\r`] as const;
  const open = async (more: RunOptions['types'] = [], flags: string[] = [], env = {}) =>
    await scene.tabellion(scene.passwd(...flags), {
      terminal: TERMINAL,
      env: { ...TO_NEW, ...env },
      types: [ASKED, ...more],
    });

  it('comes once, and a no is remembered', async () => {
    await open([['Keep this passphrase', 'n\r']]);
    expect(scene.keychain.entries.size).toBe(0);
    expect(JSON.parse(await record())).toEqual({ version: 1, answer: 'declined' });
    const again = await scene.tabellion(scene.passwd(), {
      terminal: TERMINAL,
      env: { TABELLION_NEW_PASSPHRASE: OLD },
      types: [['Passphrase for the signer key alice', `${NEW}\r`]],
    });
    expect(again.exitCode).toBe(0);
    expect(again.err).not.toContain('Keep this passphrase');
  });

  it('with a yes puts it there', async () => {
    await open([['Keep this passphrase', 'y\r']]);
    // The command has changed the passphrase meanwhile.
    expect(scene.keychain.entries.get(scene.id)).toBe(NEW);
    expect(JSON.parse(await record())).toEqual({ version: 1, answer: 'kept' });
  });

  it.each([
    [['--remember'], {}, 1],
    [['--no-remember'], {}, 0],
    [[], { TABELLION_REMEMBER: 'always' }, 1],
    [[], { TABELLION_REMEMBER: 'never' }, 0],
    [['--no-remember'], { TABELLION_REMEMBER: 'always' }, 0],
  ])('does not come with %j %j', async (flags, env, entries) => {
    const { err } = await open([], flags, env);
    expect(err).not.toContain('Keep this passphrase');
    expect(scene.keychain.entries.size).toBe(entries);
  });
});

describe('a passphrase for one command', () => {
  it('comes from a file, and the command says when others can read it', async () => {
    const file = join(scene.dir, 'passphrase');
    await writeFile(file, `${OLD}\n`, { mode: 0o600 });
    const flags = ['--passphrase-file', file];
    const quiet = await scene.tabellion(scene.passwd(...flags), { env: TO_NEW });
    expect({ exitCode: quiet.exitCode, err: quiet.err }).toEqual({ exitCode: 0, err: '' });
    await chmod(file, 0o644);
    await writeFile(file, `${NEW}\r\n`);
    const { exitCode, err } = await scene.tabellion(scene.passwd(...flags), { env: TO_NEW });
    expect(exitCode).toBe(0);
    if (process.platform !== 'win32') expect(err).toContain('chmod 600');
  });

  it('comes before the environment, and is final', async () => {
    const file = join(scene.dir, 'passphrase');
    await writeFile(file, WRONG, { mode: 0o600 });
    const { out, exitCode } = await scene.tabellion(
      scene.passwd('--passphrase-file', file, '--json'),
      {
        env: { ...TO_NEW, DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: OLD },
      },
    );
    expect(JSON.parse(out).error).toMatchObject({
      code: 'KEY_PASSPHRASE_WRONG',
      details: { tried: ['--passphrase-file'] },
    });
    expect(exitCode).toBe(4);
  });

  it('comes from a command, that is told of the key', async () => {
    const code = `process.stdout.write(process.env.TABELLION_KEY_ROLE === 'alice' ? '${OLD}' : '')`;
    const command = `"${process.execPath}" -e "${code}"`;
    const flags = ['--passphrase-command', command];
    expect((await scene.tabellion(scene.passwd(...flags), { env: TO_NEW })).exitCode).toBe(0);
  });

  it.each([
    [['--passphrase-file', 'x', '--passphrase-fd', '3'], 'OPTIONS_CONFLICT'],
    [['--passphrase-fd', '0', '--username', 'u', '--password-stdin'], 'OPTIONS_CONFLICT'],
    [['--passphrase-fd', 'three'], 'OPTION_VALUE_INVALID'],
    [['--passphrase-fd', '9999'], 'PASSPHRASE_FD_INVALID'],
  ])('is refused when it makes no sense: %j', async (flags, code) => {
    const { out, exitCode } = await scene.tabellion(['--json', ...scene.passwd(...flags)], {
      env: TO_NEW,
    });
    expect(JSON.parse(out).error.code).toBe(code);
    expect(exitCode).toBe(2);
  });

  it.each([
    ['TABELLION_KEYCHAIN', 'maybe'],
    ['TABELLION_REMEMBER', 'sometimes'],
  ])('is not looked for where %s is %s', async (name, value) => {
    const { err, exitCode } = await scene.tabellion(['key', 'list'], { env: { [name]: value } });
    expect(err).toContain(`${name} must be`);
    expect(exitCode).toBe(2);
  });
});

describe('the variable of one key', () => {
  const variable = (passphrase: string) => ({
    [`TABELLION_PASSPHRASE_${scene.id.slice(0, 7)}`]: passphrase,
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: WRONG,
  });

  it('comes before that of its role, and is final', async () => {
    const good = await scene.tabellion(scene.passwd(), { env: { ...TO_NEW, ...variable(OLD) } });
    expect(good.exitCode).toBe(0);
    const bad = await scene.tabellion(scene.passwd('--json'), {
      env: { ...TO_NEW, ...variable(WRONG) },
    });
    expect(JSON.parse(bad.out).error.details.tried).toEqual([
      `TABELLION_PASSPHRASE_${scene.id.slice(0, 7)}`,
    ]);
  });

  it('may be written in capitals', async () => {
    const env = { ...TO_NEW, [`TABELLION_PASSPHRASE_${scene.id.slice(0, 7).toUpperCase()}`]: OLD };
    expect((await scene.tabellion(scene.passwd(), { env })).exitCode).toBe(0);
  });

  it('counts in the dialects too, as do file and command', async () => {
    const host = createTestHost({ env: { NOTARY_DELEGATION_PASSPHRASE: WRONG, ...variable(OLD) } });
    host.stdin.end();
    // Both the old passphrase and the new one are looked for in what the dialect has: its variables.
    const { exitCode } = await runNotary(['-d', scene.trust, 'key', 'passwd', scene.id], host);
    expect(exitCode).toBe(0);

    const file = join(scene.dir, 'passphrase');
    await writeFile(file, `${NEW}\n`, { mode: 0o600 });
    const docker = createTestHost({
      env: { DOCKER_CONFIG: join(scene.dir, 'docker'), TABELLION_PASSPHRASE_FILE: file },
    });
    docker.stdin.end();
    const made = await runDockerTrust(['key', 'generate', 'bob', '--dir', scene.dir], docker);
    expect(made.exitCode).toBe(0);
    expect(await readdir(join(scene.dir, 'docker', 'trust', 'private'))).toHaveLength(1);
    scene.printed += host.out() + host.err() + docker.out() + docker.err();
  });

  it('and the keychain serves the dialects when it is told to', async () => {
    scene.keychain.entries.set(scene.id, OLD);
    const passwdBy = async (env: NodeJS.ProcessEnv) => {
      const host = createTestHost({ keychain: scene.keychain, env });
      host.stdin.end();
      const { exitCode } = await runNotary(['-d', scene.trust, 'key', 'passwd', scene.id], host);
      scene.printed += host.out() + host.err();
      return exitCode;
    };
    expect(await passwdBy({})).toBe(1);
    expect(scene.keychain.asked).toEqual([]);
    // It opens the key; for the new passphrase Notary's variable is all there is.
    expect(await passwdBy({ TABELLION_KEYCHAIN: 'on' })).toBe(1);
    expect(scene.keychain.asked).toEqual([`get ${scene.id.slice(0, 7)}`]);
  });
});

describe('--explain-passphrase', () => {
  it('tells who was asked, in order', async () => {
    scene.keychain.entries.set(scene.id, WRONG);
    const { err } = await scene.tabellion(scene.passwd('--explain-passphrase'), { env: TO_NEW });
    expect(
      err
        .replaceAll(scene.id, '<id>')
        .replaceAll(scene.id.slice(0, 12), '<12>')
        .replaceAll(scene.id.slice(0, 7), '<7>'),
    ).toMatchInlineSnapshot(`
      "Passphrase for the signer key alice (<12>):
        TABELLION_PASSPHRASE_<7>                not set
        DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE  not set
        NOTARY_DELEGATION_PASSPHRASE                not set
        keychain                                    does not open the key
      tabellion: Wrong passphrase for the alice key <id>: tried keychain
        hint: Give the passphrase that this key was made with. The keychain’s entry is outdated: tabellion passphrase set <12>.
      "
    `);
  });

  it('does so in the document with --json, also of an error', async () => {
    const { out } = await scene.tabellion(scene.passwd('--explain-passphrase', '--json'), {
      env: TO_NEW,
    });
    const { error, passphraseSearches } = JSON.parse(out);
    expect(error.code).toBe('KEY_PASSPHRASE_MISSING');
    expect(passphraseSearches).toMatchObject([
      {
        keyId: scene.id,
        role: 'alice',
        purpose: 'unlock',
        steps: [
          { place: `TABELLION_PASSPHRASE_${scene.id.slice(0, 7)}`, outcome: 'none' },
          { place: 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE', outcome: 'none' },
          { place: 'NOTARY_DELEGATION_PASSPHRASE', outcome: 'none', detail: 'not set' },
          { source: 'keychain', outcome: 'none' },
        ],
      },
    ]);
  });
});

describe('a terminal beside a piped standard input', () => {
  const BESIDE = { terminal: { stderr: true } };
  const types = [['Passphrase for the signer key alice', `${OLD}\r`]] as const;

  it('is where a passphrase is asked for', async () => {
    const own = Object.assign(new PassThrough(), { isTTY: true });
    const { exitCode } = await scene.tabellion(scene.passwd('--no-remember'), {
      ...BESIDE,
      env: TO_NEW,
      ownTerminal: () => own,
      types,
    });
    expect(exitCode).toBe(0);
    expect(own.destroyed).toBe(true);
  });

  it.each([
    ['--json', {}],
    ['--no-remember', { CI: 'true' }],
  ])('is left alone with %s %j', async (flag, env) => {
    const { exitCode } = await scene.tabellion(scene.passwd(flag), {
      ...BESIDE,
      env: { ...TO_NEW, ...env },
      ownTerminal: () => {
        throw new Error('nobody may be asked');
      },
      types: [],
      input: `${OLD}\n`,
    });
    expect(exitCode).toBe(4);
  });
});
