import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { decodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { copyVectors } from '../support/fixtures.ts';
import { createTestHost, NOW, runCli, type TestHostOptions } from './test-host.ts';

/** The costs that a key was derived at; the derivation itself is a cheap one, since what it gives is tested elsewhere. */
const costs = vi.hoisted(() => [] as { N: number; r: number; p: number }[]);
vi.mock('@noble/hashes/scrypt.js', async load => {
  const { scrypt } = await load<typeof import('@noble/hashes/scrypt.js')>();
  return {
    scryptAsync: async (passphrase: Uint8Array, salt: Uint8Array, options: (typeof costs)[0]) => {
      const { N, r, p } = options;
      costs.push({ N, r, p });
      return scrypt(passphrase, salt, { ...options, N: 2, r: 1, p: 1 });
    },
  };
});

const ROOT_ID = '2c9d64f663c8cd853dd5a1676f68f6906cc3e3568f1a918e4da3434a414098c1';
const GUN = 'localhost:5000/specb/a';
const PASSPHRASE = 'sealed-by-this-passphrase';
const ENV = { TABELLION_BACKUP_PASSPHRASE: PASSPHRASE };
const KEY_PASSPHRASES = {
  NOTARY_ROOT_PASSPHRASE: 'root-pass',
  NOTARY_TARGETS_PASSPHRASE: 'targets-pass',
  NOTARY_SNAPSHOT_PASSPHRASE: 'snapshot-pass',
};

let dir: string;
let trust: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tabellion-backup-'));
  trust = join(dir, 'trust');
  copyVectors('metadata/a/trust', trust);
  for (const name of await readdir(trust, { recursive: true })) {
    const path = join(trust, name);
    const isFile = (await stat(path)).isFile();
    await chmod(path, isFile ? 0o600 : 0o700);
    if (isFile) await utimes(path, NOW, NOW);
  }
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function backup(args: string[], options: TestHostOptions & { trustDir?: string } = {}) {
  const { trustDir = trust, ...host } = options;
  const argv = ['backup', ...args, '--trust-dir', trustDir];
  const result = await runCli(argv, { env: ENV, ...host });
  return { ...result, out: short(result.out), err: short(result.err) };
}

const short = (text: string): string => text.replaceAll(dir, '…').replaceAll(tmpdir(), '…');

describe('backup', () => {
  it('tells people what it did, and what is in it', async () => {
    const file = join(dir, 'b');
    costs.length = 0;
    const made = await backup(['create', file]);
    // Once to seal it, once to open it again.
    expect(costs).toEqual(Array(2).fill({ N: 2 ** 17, r: 8, p: 1 }));
    expect(made.out).toBe(
      '✓ 3 keys and the trust data of 1 repository are in …/b\n' +
        `  ${(await stat(file)).size} bytes, read back and opened\n`,
    );
    expect(made.err).toBe('');
    // No passphrase is needed, and none is looked for.
    const shown = await backup(['show', file], { env: {} });
    expect(shown.out).toMatchInlineSnapshot(`
      "Backup of 2026-11-22 00:00 UTC (just now)
      opened by  a passphrase

      KEY             KEY ID        WRITTEN     TRUSTED BY
      root key        2c9d64f663c8  2026-11-22  localhost:5000/specb/a
      snapshot key    4e4776cdca8a  2026-11-22  localhost:5000/specb/a
      repository key  ce90384da78b  2026-11-22  localhost:5000/specb/a

      REPOSITORY              ROOT  TARGETS  EXPIRES
      localhost:5000/specb/a  1     2        2029-11-20

      What the file says of itself; only opening it proves that: backup verify
      "
    `);
    expect(Math.max(...shown.out.split('\n').map(line => line.length))).toBeLessThanOrEqual(80);
    const verified = await backup(['verify', '--unlock', file], {
      env: { ...ENV, ...KEY_PASSPHRASES },
    });
    const { sha256 } = JSON.parse(await readFile(join(trust, '.tabellion/backups.json'), 'utf8'))
      .backups[0];
    expect(verified.out.replace(sha256.slice(0, 12), '<digest>')).toMatchInlineSnapshot(`
      "✓ …/b opens, and is what was written
        made 2026-11-22 00:00 UTC (just now); SHA-256 <digest>…

      ✓ signs  root key        2c9d64f663c8  localhost:5000/specb/a
      ✓ signs  snapshot key    4e4776cdca8a  localhost:5000/specb/a
      ✓ signs  repository key  ce90384da78b  localhost:5000/specb/a

      With it 1 repository of 1 can be recovered whole
      "
    `);
    expect(verified.exitCode).toBe(0);

    const elsewhere = { trustDir: join(dir, 'new') };
    const dry = await backup(['restore', '--dry-run', file], elsewhere);
    expect(dry.out).toMatchInlineSnapshot(`
      "Would restore …/b into …/new
        3 keys: 3 to restore
        1 repository: 1 to restore
      "
    `);
    expect(await readdir(dir)).not.toContain('new');
    const restored = await backup(['restore', '--yes', file], elsewhere);
    expect(restored.out).toMatchInlineSnapshot(`
      "✓ Restored …/b into …/new
        3 keys: 3 restored
        1 repository: 1 restored
      "
    `);
    expect(restored.exitCode).toBe(0);
  });

  it('tells programs everything', async () => {
    const file = join(dir, 'b');
    const made = JSON.parse((await backup(['create', '--json', file])).out);
    expect(made).toMatchObject({ schemaVersion: 1, file: '…/b', skipped: [], shareFiles: [] });
    const shown = JSON.parse((await backup(['show', '--json', file])).out);
    expect(shown).toMatchObject({
      schemaVersion: 1,
      proven: false,
      openedBy: [{ kind: 'passphrase', kdf: 'scrypt', logN: 17, r: 8, p: 1 }],
      keys: made.inventory.keys,
      repositories: [{ gun: GUN, checkedAt: NOW.toISOString() }],
    });
    expect(shown.keys[0]).toMatchObject({ id: ROOT_ID, role: 'root', encrypted: true });
    const verified = JSON.parse((await backup(['verify', '--json', file])).out);
    expect(verified).toMatchObject({ schemaVersion: 1, sound: true, sha256: made.sha256 });
    const dry = JSON.parse((await backup(['restore', '--json', '--dry-run', file])).out);
    expect(dry).toMatchObject({ schemaVersion: 1, dryRun: true });
    const { out } = await backup(['show', '--quiet', file]);
    expect(out.split('\n')[0]).toBe(ROOT_ID);
  });

  it('leaves a key that differs, says so, and fails', async () => {
    const file = join(dir, 'b');
    await backup(['create', file]);
    const path = join(trust, 'private', `${ROOT_ID}.key`);
    await writeFile(path, (await readFile(path, 'utf8')).replace('role: root', 'role: toor'));
    const kept = await backup(['restore', '--yes', file]);
    expect(kept.err).toBe(
      'tabellion: warning: The root key 2c9d64f663c8 was left as it is: the file of this key that is here is another one (--replace restores it)\n',
    );
    expect(kept.exitCode).toBe(1);
    const replaced = await backup(['restore', '--yes', '--replace', file]);
    expect(replaced.out).toContain('3 keys: 1 replaced, 2 here already');
    expect(replaced.exitCode).toBe(0);
  });
});

describe('at a terminal', () => {
  const terminal = { stdin: true, stdout: true, stderr: true };

  /** Runs the command, waits for each text in turn, and types the answer to it. */
  async function talk(args: string[], answers: [shown: string, typed?: string][]) {
    const host = createTestHost({ terminal, env: {} });
    const running = run(['backup', ...args, '--trust-dir', trust, '--no-color'], host);
    let seen = 0;
    for (const [shown, typed] of answers) {
      for (;;) {
        const at = host.err().indexOf(shown, seen);
        if (at !== -1) {
          seen = at + shown.length;
          break;
        }
        await new Promise(resolve => host.stderr.once('data', resolve));
      }
      if (typed !== undefined) host.stdin.write(`${typed}\r`);
    }
    return { ...(await running), out: host.out(), err: host.err() };
  }

  const erase = (typed: string) => '\u007f'.repeat(typed.length);

  it('the passphrase is asked for until it is hard to guess, twice, and shown never', async () => {
    const file = join(dir, 'b');
    const made = await talk(
      ['create', file],
      [
        ['New passphrase for the backup:', 'too short'],
        ['needs 12 characters or more', `${erase('too short')}passwordpassword`],
        ['strength ', `${erase('passwordpassword')}${PASSPHRASE}`],
        ['strength ■■■'],
        ['The same again:', 'another one'],
        ['The two differ'],
        ['New passphrase for the backup:', PASSPHRASE],
        ['The same again:', PASSPHRASE],
      ],
    );
    expect(made.exitCode).toBe(0);
    expect(made.out + made.err).not.toContain(PASSPHRASE);
    const verified = await talk(['verify', file], [['Passphrase of the backup:', PASSPHRASE]]);
    expect(verified.exitCode).toBe(0);
  });

  it('one from a variable is taken, with a warning when it is easy to guess', async () => {
    const env = { TABELLION_BACKUP_PASSPHRASE: 'aaaaaaaaaaaa' };
    const { exitCode, err } = await backup(['create', join(dir, 'b')], { env });
    expect(exitCode).toBe(0);
    expect(err).toContain('warning: The passphrase of the backup is easy to guess');
  });

  it('the shares are asked for one by one, and only a mistyped one again', async () => {
    const file = join(dir, 'b');
    await backup(['create', '--shares', '2/3', file]);
    const names = (await readdir(dir)).filter(name => name.includes('share-')).sort();
    const shares = await Promise.all(
      names.map(async name => (await readFile(join(dir, name), 'utf8')).split('\n')[3] ?? ''),
    );
    const [first = '', , third = ''] = shares;
    await rm(join(trust, 'private'), { recursive: true });
    const restored = await talk(
      ['restore', file],
      [
        ['Share 1 of 2:', first.replace(/.$/, '?')],
        ['is not whole'],
        ['Share 1 of 2:', first.toLowerCase()],
        ['Share 2 of 2:', first],
        ['was given twice'],
        ['Share 2 of 2:', third.replaceAll('-', ' ')],
        ['Restore this?', 'y'],
      ],
    );
    expect(restored.err).toContain('3 keys: 3 to restore');
    expect(restored.out).toContain('3 keys: 3 restored');
    for (const share of shares) expect(restored.out + restored.err).not.toContain(share);
    expect(await readdir(join(trust, 'private'))).toHaveLength(3);
  });
});

describe('what cannot be done', () => {
  it('is told before anything is asked or written', async () => {
    const file = join(dir, 'b');
    const refused = async (args: string[], code: number, text: string, env = {}) => {
      const { exitCode, err } = await backup(args, { env });
      expect({ exitCode, err }).toEqual({ exitCode: code, err: expect.stringContaining(text) });
    };
    await refused(['create', file, '--keys', ROOT_ID, '--all'], 2, 'say opposite things');
    await refused(['create', file, '--and-passphrase'], 2, 'needs --shares');
    await refused(['create', file, '--shares', '3/2'], 2, 'does not say how many shares');
    await refused(['create', file, '--keys', '0123456'], 4, 'There is no private key 0123456');
    await refused(['restore', file], 2, 'needs a confirmation');
    await refused(['show', file], 1, 'There is no file …/b');
    await writeFile(file, 'something else');
    await refused(['create', file], 1, 'exists already');
    await refused(['show', file], 1, 'is not a backup made by tabellion backup create');
    await refused(['create', `${file}2`], 2, 'needs 12 characters', {
      TABELLION_BACKUP_PASSPHRASE: 'short',
    });
    expect((await readdir(dir)).sort()).toEqual(['b', 'trust']);
  });

  it('with too few shares, or those of another backup', async () => {
    const [one, other] = [join(dir, 'one'), join(dir, 'other')];
    for (const file of [one, other]) await backup(['create', '--shares', '2/2', file]);
    const names = (await readdir(dir)).filter(name => name.includes('share-')).sort();
    const shareOf = (name: string) => join(dir, names.find(found => found.startsWith(name)) ?? '');
    const few = await backup(['verify', one, '--share', shareOf('one.')]);
    expect(few.err).toContain('This backup needs 2 shares, and one was given');
    const foreign = await backup(['verify', one, '--share', shareOf('other.')]);
    expect(foreign.err).toContain('Share 1 is of another backup');
    const none = await backup(['verify', one]);
    expect(none.err).toContain('This backup is opened by 2 of its 2 shares');
    expect([few.exitCode, foreign.exitCode, none.exitCode]).toEqual([4, 4, 2]);
  });
});

describe('no secret', () => {
  it('is in any output, nor in a file in clear', async () => {
    const env = { ...ENV, ...KEY_PASSPHRASES };
    const file = join(dir, 'b');
    const elsewhere = join(dir, 'new');
    const said: string[] = [];
    const noting = async (args: string[], trustDir = trust) => {
      for (const mode of ['--verbose', '--json']) {
        const { out, err } = await backup([...args, mode], { env, trustDir });
        said.push(out, err);
      }
    };
    await noting(['create', file, '--force', '--shares', '2/3', '--and-passphrase']);
    await noting(['show', file]);
    await noting(['verify', '--unlock', file]);
    await noting(['restore', '--yes', file], elsewhere);
    await noting(['verify', `${file}-none`]);
    const wrong = { ...env, TABELLION_BACKUP_PASSPHRASE: 'a wrong passphrase' };
    for (const mode of ['--verbose', '--json']) {
      const { out, err } = await backup(['verify', file, mode], { env: wrong });
      said.push(out, err);
    }

    const secrets = ['a wrong passphrase', ...Object.values(env)];
    for (const [id, passphrase] of [
      [ROOT_ID, 'root-pass'],
      ['ce90384da78b3797a24ee6e83582693b329820fa436f69d30a6420ba05c8d345', 'targets-pass'],
    ] as const) {
      const pem = await readFile(join(trust, 'private', `${id}.key`));
      const scalar = decodePrivateKeyPem(pem, passphrase).toPkcs8().subarray(36, 68);
      for (const encoding of ['hex', 'base64', 'latin1'] as const) {
        secrets.push(Buffer.from(scalar).toString(encoding).slice(0, 40));
      }
    }
    const files: string[] = [];
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const text = (await readFile(join(entry.parentPath, entry.name))).toString('latin1');
      if (entry.name.includes('.share-')) secrets.push(text.split('\n')[3] ?? '');
      else files.push(text);
    }
    expect(secrets.length).toBeGreaterThan(10);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(8);
      expect([...said, ...files].filter(text => text.includes(secret))).toEqual([]);
    }
  });
});
