import { execFileSync } from 'node:child_process';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NOTARY_ENCRYPTION } from '../../src/crypto/encrypted-private-key.ts';
import { decodePem } from '../../src/crypto/pem.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/crypto/private-key.ts';
import { encodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { EnvironmentPassphrases } from '../../src/keys/environment-passphrases.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import type { PassphraseSource } from '../../src/keys/passphrase.ts';
import { type PassphraseQuestion, PromptPassphrases } from '../../src/keys/prompt-passphrases.ts';
import { writeFileAtomic } from '../../src/trust-dir/atomic-file.ts';
import { vectorPath } from '../support/fixtures.ts';

const POSIX = process.platform !== 'win32';
const NOTARY = {
  NOTARY_ROOT_PASSPHRASE: 'root-pass-1',
  NOTARY_TARGETS_PASSPHRASE: 'targets-pass-1',
  NOTARY_SNAPSHOT_PASSPHRASE: 'snapshot-pass-1',
  NOTARY_DELEGATION_PASSPHRASE: 'delegation-pass-1',
};
const TARGETS_ID = '135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7';
const ROOT_ID = '70aee2cfd333d01d55aff3064e0e3a72e954f7ec7a3806cfd5d36a5aa785e622';
const VARIANT_ID = 'cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6';
const GUN = 'localhost:5000/speca/keyvectors';

let folder: string;
let privateDir: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-keys-'));
  privateDir = join(folder, 'private');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A store over the environment, and a prompt if answers for it are given. */
function keyStore(
  env: NodeJS.ProcessEnv = {},
  ask?: (question: PassphraseQuestion) => string,
): KeyStore {
  const prompt = ask === undefined ? [] : [new PromptPassphrases(async question => ask(question))];
  return new KeyStore({
    privateDir,
    passphrases: [new EnvironmentPassphrases(env), ...prompt],
    writeFile: writeFileAtomic,
    encryption: NOTARY_ENCRYPTION,
  });
}

const neverAsked = (): string => {
  throw new Error('nobody was to be asked');
};

/** Copies files of the vectors: `<what>.<id>.key` becomes `<id>.key`. */
async function place(...names: string[]): Promise<string[]> {
  await mkdir(privateDir, { recursive: true, mode: 0o700 });
  const ids: string[] = [];
  for (const name of names) {
    const from = vectorPath(`keys/${name}`);
    const files = name.endsWith('.key')
      ? [from]
      : (await readdir(from)).filter(file => file.endsWith('.key')).map(file => join(from, file));
    for (const file of files) {
      const id = basename(file, '.key').split('.').at(-1) ?? '';
      await writeFile(join(privateDir, `${id}.key`), await readFile(file), { mode: 0o600 });
      ids.push(id);
    }
  }
  return ids;
}

const vector = async (kind: string, what: string): Promise<string> => {
  const name = (await readdir(vectorPath(`keys/${kind}`))).find(file =>
    file.startsWith(`${what}.`),
  );
  return `${kind}/${name ?? what}`;
};

async function putKey(
  name: string,
  key: PrivateKey,
  passphrase: string,
  role: string,
): Promise<string> {
  const path = join(privateDir, name);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(
    path,
    encodePrivateKeyPem(key, { encryption: NOTARY_ENCRYPTION, passphrase, role }),
    { mode: 0o600 },
  );
  return path;
}

describe('a store that notary wrote', () => {
  it('is listed as notary lists it: root first, then by GUN, role and ID', async () => {
    await place('store', 'docker');
    const keys = await keyStore().list();
    expect(keys.map(key => [key.role, key.gun])).toEqual([
      ['root', undefined],
      ['alice', undefined],
      ['bob', undefined],
      ['carol', undefined],
      ['ec224', undefined],
      ['ec384', undefined],
      ['ec521', undefined],
      ['eddy', undefined],
      ['snapshot', GUN],
      ['targets', GUN],
    ]);
    expect(keys.filter(key => key.problem !== undefined || !key.usable || !key.encrypted)).toEqual(
      [],
    );
    expect(keys[0]).toEqual({
      id: ROOT_ID,
      role: 'root',
      path: join(privateDir, `${ROOT_ID}.key`),
      layout: 'current',
      encrypted: true,
      iterations: 2048,
      prf: 'sha1',
      modified: expect.stringMatching(/^\d{4}-/),
      usable: true,
    });
  });

  it('is opened with notary’s variables, every kind of key', async () => {
    const ids = await place('store');
    const store = keyStore(NOTARY, neverAsked);
    for (const id of ids) expect((await store.open(id)).id).toBe(id);
    expect(await store.has(TARGETS_ID)).toBe(true);
    expect(await store.has('0'.repeat(64))).toBe(false);
    expect((await store.findRoot())?.id).toBe(ROOT_ID);
  });

  it('is opened with docker’s variables', async () => {
    const [id = ''] = await place('docker');
    const env = { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'repository-pass-1' };
    expect((await keyStore(env).open(id)).id).toBe(id);
  });
});

describe('old and unusual files', () => {
  it.each(['ec-dek-aes256', 'ec-dek-aes128', 'ec-dek-des3', 'rsa-dek-aes256'])(
    '%s is opened',
    async what => {
      const [id = ''] = await place(await vector('legacy', what));
      const store = keyStore({ NOTARY_DELEGATION_PASSPHRASE: 'legacy-pass-1' });
      expect(await store.list()).toMatchObject([
        { id, role: 'dave', encrypted: true, usable: true },
      ]);
      expect((await store.open(id)).id).toBe(id);
    },
  );

  it.each(['rsa-plain', 'ec-plain'])('%s is opened without asking', async what => {
    const [id = ''] = await place(await vector('legacy', what));
    const store = keyStore(NOTARY, neverAsked);
    expect(await store.list()).toMatchObject([{ id, role: '', encrypted: false, usable: true }]);
    expect((await store.open(id)).id).toBe(id);
  });

  it.each([
    'iter-600000',
    'iter-1300000-salt-32',
    'prf-sha1-explicit',
    'openssl-v2prf-sha1-600000',
    'plain-pkcs8',
    'crlf',
  ])('%s is opened', async what => {
    await place(await vector('variants', what));
    const store = keyStore({ NOTARY_DELEGATION_PASSPHRASE: 'variant-pass-1' });
    expect(await store.list()).toMatchObject([{ id: VARIANT_ID, role: 'erin', usable: true }]);
    expect((await store.open(VARIANT_ID)).id).toBe(VARIANT_ID);
  });

  it('are opened where an old layout has them, which stays as it is', async () => {
    await cp(vectorPath('keys/legacy/tree-before/private'), privateDir, { recursive: true });
    const modes = async () => {
      for (const entry of await readdir(privateDir, { recursive: true, withFileTypes: true })) {
        await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600);
      }
    };
    await modes();
    const before = (await readdir(privateDir, { recursive: true })).sort();
    const passphrase = 'legacy-pass-1';
    const store = keyStore(
      Object.fromEntries(Object.keys(NOTARY).map(name => [name, passphrase])),
      neverAsked,
    );
    const keys = await store.list();
    const after = await readdir(vectorPath('keys/legacy/tree-after/private'));
    expect(keys.map(key => `${key.id}.key`).sort()).toEqual(after.sort());
    expect(keys.map(key => [key.role, key.gun, key.layout, key.problem])).toEqual([
      ['root', undefined, 'legacy', undefined],
      ['delegation', undefined, 'legacy', undefined],
      ['snapshot', 'localhost_5000/speca/legacy', 'legacy', undefined],
      ['targets', 'localhost_5000/speca/legacy', 'legacy', undefined],
    ]);
    for (const { id } of keys) expect((await store.open(id)).id).toBe(id);
    expect((await store.findRoot())?.layout).toBe('legacy');
    expect((await readdir(privateDir, { recursive: true })).sort()).toEqual(before);
  });

  it('are opened under old names that migration would lose', async () => {
    const keys = Array.from({ length: 4 }, () => generatePrivateKey('ecdsa'));
    const [a, b, c, d] = keys.map(key => key.id);
    const names = [
      `${a}_root.key`,
      `root_keys/${b}_my_role.key`,
      `tuf_keys/h/g/${c}_targets/releases.key`,
      `tuf_keys/x/${d}.key`,
    ];
    for (const [i, name] of names.entries())
      await putKey(name, keys[i] as PrivateKey, 'x', 'header');
    const store = keyStore({ NOTARY_ROOT_PASSPHRASE: 'x', NOTARY_DELEGATION_PASSPHRASE: 'x' });
    const listed = new Map(
      (await store.list()).map(key => [key.id, [key.role, key.gun, key.problem !== undefined]]),
    );
    expect([a, b, c, d].map(id => listed.get(id ?? ''))).toEqual([
      ['root', undefined, true],
      ['my_role', undefined, false],
      ['targets/releases', 'h/g', false],
      ['header', 'x', false],
    ]);
    for (const key of keys) expect((await store.open(key.id)).id).toBe(key.id);
  });
});

describe('bad files', () => {
  const passphrases = {
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'targets-pass-1',
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'variant-pass-1',
    NOTARY_TARGETS_PASSPHRASE: 'targets-pass-1',
  };
  it.each([
    ['truncated-pem', 'KEY_FILE_DAMAGED', false],
    ['not-pem', 'KEY_FILE_DAMAGED', false],
    ['empty', 'KEY_FILE_DAMAGED', false],
    ['certificate', 'KEY_UNSUPPORTED', false],
    ['public-key', 'KEY_UNSUPPORTED', false],
    ['ec-parameters-first', 'KEY_UNSUPPORTED', false],
    ['dsa', 'KEY_UNSUPPORTED', false],
    ['secp256k1', 'KEY_UNSUPPORTED', false],
    ['ed25519-rfc8410', 'KEY_UNSUPPORTED', false],
    ['pbes1-3des', 'KEY_UNSUPPORTED', false],
    ['scrypt', 'KEY_UNSUPPORTED', false],
    ['ciphertext-not-block-multiple', 'KEY_FILE_DAMAGED', false],
    ['iv-12-bytes', 'KEY_FILE_DAMAGED', false],
    ['wrong-file-name', 'KEY_ID_MISMATCH', true],
  ])('%s: listed with its problem, and opening it says %s', async (what, code, looksGood) => {
    const [id = ''] = await place(await vector('bad', what));
    await place('store/70aee2cfd333d01d55aff3064e0e3a72e954f7ec7a3806cfd5d36a5aa785e622.key');
    const store = keyStore(passphrases);
    const entry = (await store.list()).find(key => key.id === id);
    if (!looksGood)
      expect(entry).toMatchObject({ usable: false, problem: expect.stringMatching(/\w/) });
    await expect(store.open(id)).rejects.toMatchObject({
      name: 'KeyError',
      code,
      message: expect.stringContaining(join(privateDir, `${id}.key`)),
      details: { keyId: id, path: join(privateDir, `${id}.key`) },
    });
    // The others are not affected.
    expect(await store.list()).toHaveLength(2);
    expect((await store.findRoot())?.id).toBe(ROOT_ID);
  });

  it('that notary cannot open are opened, and it is said', async () => {
    await place(await vector('bad', 'prf-hmac-sha256'));
    const store = keyStore(passphrases);
    expect(await store.list()).toMatchObject([
      { usable: true, problem: expect.stringContaining('notary and docker cannot open it') },
    ]);
    expect((await store.open(VARIANT_ID)).id).toBe(VARIANT_ID);
  });

  it('with a foreign role header ask for that role’s passphrase', async () => {
    await place(await vector('bad', 'wrong-role-header'));
    expect(await keyStore().list()).toMatchObject([{ id: TARGETS_ID, role: 'root', gun: GUN }]);
    expect(
      (await keyStore({ DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'targets-pass-1' }).open(TARGETS_ID))
        .id,
    ).toBe(TARGETS_ID);
  });

  it('unencrypted under the wrong name are told apart without a passphrase', async () => {
    const key = generatePrivateKey('ecdsa');
    const id = 'ab'.repeat(32);
    await putKey(`${id}.key`, key, '', 'alice');
    await putKey('mine.key', key, 'secret', 'alice');
    const keys = await keyStore().list();
    expect(keys.map(entry => [entry.id, entry.usable])).toEqual([
      [id, false],
      ['mine', false],
    ]);
    expect(keys[0]?.problem).toContain(key.id);
    await expect(keyStore(NOTARY).open(id)).rejects.toMatchObject({ code: 'KEY_ID_MISMATCH' });
  });

  it('of which another key is opened, pass nobody its passphrase as their own', async () => {
    const id = 'ab'.repeat(32);
    await putKey(`${id}.key`, generatePrivateKey('ecdsa'), 'secret', 'alice');
    const accepted: unknown[] = [];
    const source: PassphraseSource = {
      name: 'test',
      get: async ({ attempt }) =>
        attempt === 0 ? { passphrase: 'secret', source: 'test' } : undefined,
      accepted: request => void accepted.push(request),
    };
    const store = new KeyStore({
      privateDir,
      passphrases: [source],
      writeFile: writeFileAtomic,
      encryption: NOTARY_ENCRYPTION,
    });
    await expect(store.open(id)).rejects.toMatchObject({ code: 'KEY_ID_MISMATCH' });
    expect(accepted).toEqual([]);
  });

  it('in a sub-folder are listed with a warning', async () => {
    const key = generatePrivateKey('ecdsa');
    await putKey(`deep/${key.id}.key`, key, 'p', 'alice');
    const store = keyStore({ NOTARY_DELEGATION_PASSPHRASE: 'p' });
    expect(await store.list()).toMatchObject([
      {
        id: key.id,
        layout: 'sub-folder',
        usable: true,
        problem: expect.stringContaining('sub-folder'),
      },
    ]);
    expect((await store.open(key.id)).id).toBe(key.id);
  });

  it.skipIf(!POSIX)('with loose permissions, links and pipes are reported', async () => {
    await place('store');
    await chmod(join(privateDir, `${ROOT_ID}.key`), 0o644);
    await chmod(privateDir, 0o755);
    await rename(join(privateDir, `${TARGETS_ID}.key`), join(folder, 'elsewhere.key'));
    await symlink(join(folder, 'elsewhere.key'), join(privateDir, `${TARGETS_ID}.key`));
    const fifo = 'cd'.repeat(32);
    execFileSync('mkfifo', [join(privateDir, `${fifo}.key`)]);
    const store = keyStore(NOTARY);
    const problems = new Map(
      (await store.list()).filter(key => key.problem).map(key => [key.id, key]),
    );
    expect([...problems.keys()].sort()).toEqual([TARGETS_ID, ROOT_ID, fifo].sort());
    expect(problems.get(ROOT_ID)).toMatchObject({
      usable: true,
      problem: expect.stringContaining('0644'),
    });
    expect(problems.get(TARGETS_ID)).toMatchObject({
      usable: false,
      problem: expect.stringContaining('symbolic link'),
    });
    await expect(store.open(TARGETS_ID)).rejects.toMatchObject({ code: 'KEY_FILE_DAMAGED' });
    expect(await store.folderProblem()).toContain('0755');
    await chmod(privateDir, 0o700);
    expect(await store.folderProblem()).toBeUndefined();
  });
});

describe('passphrases', () => {
  beforeEach(() => place('store'));

  it('each variable that is set is tried, docker’s first', async () => {
    const env = {
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'something else',
      NOTARY_TARGETS_PASSPHRASE: 'targets-pass-1',
    };
    expect((await keyStore(env).open(TARGETS_ID)).id).toBe(TARGETS_ID);
  });

  it('that are wrong in the environment name the variable, and nobody is asked', async () => {
    const secret = 'Wr0ng secret ';
    const env = {
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: secret,
      NOTARY_TARGETS_PASSPHRASE: 'Wr0ng too',
    };
    const error = await keyStore(env, neverAsked)
      .open(TARGETS_ID)
      .catch(error => error);
    expect(error).toMatchObject({
      name: 'KeyError',
      code: 'KEY_PASSPHRASE_WRONG',
      message: `Wrong passphrase for the targets key ${TARGETS_ID} of ${GUN}: tried DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE and NOTARY_TARGETS_PASSPHRASE`,
      details: { keyId: TARGETS_ID, role: 'targets', gun: GUN },
    });
    expect(error.hint).toContain(
      'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE begins or ends with white space',
    );
    expect(
      JSON.stringify({ ...error, message: error.message, stack: error.stack, hint: error.hint }),
    ).not.toContain('Wr0ng');
  });

  it.each([
    ['root', ROOT_ID, 'DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE or NOTARY_ROOT_PASSPHRASE'],
    [
      'targets',
      TARGETS_ID,
      'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE or NOTARY_TARGETS_PASSPHRASE',
    ],
    [
      'alice',
      'f3553c8cf78f940542713f909ca3077521776babbf31b4e503be0101c6db4782',
      'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE or NOTARY_DELEGATION_PASSPHRASE',
    ],
  ])('that are missing for %s name the variables to set', async (role, id, variables) => {
    // An empty variable counts as unset, and other roles’ variables do not help.
    const env = { NOTARY_ROOT_PASSPHRASE: '', NOTARY_SNAPSHOT_PASSPHRASE: 'snapshot-pass-1' };
    const error = await keyStore(env)
      .open(id)
      .catch(error => error);
    expect(error).toMatchObject({
      code: 'KEY_PASSPHRASE_MISSING',
      message: expect.stringContaining(`the ${role} key ${id}`),
    });
    expect(error.hint).toContain(`Set ${variables}, or run`);
  });

  it('are asked for three times, typed ones trimmed, and one key is asked for once', async () => {
    const questions: PassphraseQuestion[] = [];
    const typed = ['no', ' targets-pass-1\n', 'never'];
    const store = keyStore({}, question => {
      questions.push(question);
      return typed[questions.length - 1] ?? '';
    });
    await Promise.all([store.open(TARGETS_ID), store.open(TARGETS_ID)]);
    const asked = { kind: 'unlock', keyId: TARGETS_ID, role: 'targets', gun: GUN };
    expect(questions).toEqual([
      { ...asked, attempt: 0 },
      { ...asked, attempt: 1, previousProblem: 'wrong' },
    ]);

    let count = 0;
    const wrong = keyStore({}, () => `wrong ${count++}`);
    await expect(wrong.open(ROOT_ID)).rejects.toMatchObject({
      code: 'KEY_PASSPHRASE_WRONG',
      message: `Wrong passphrase for the root key ${ROOT_ID}: tried prompt`,
    });
    expect(count).toBe(3);
  });

  it('that opened a key are tried for others of its role without counting as attempts', async () => {
    const keys = Array.from({ length: 3 }, () => generatePrivateKey('ecdsa'));
    const [first, second, third] = keys as [PrivateKey, PrivateKey, PrivateKey];
    await putKey(`${first.id}.key`, first, 'one', 'bob');
    await putKey(`${second.id}.key`, second, 'one', 'bob');
    await putKey(`${third.id}.key`, third, 'three', 'bob');
    const attempts: [string | undefined, number][] = [];
    const typed = ['mistyped', 'one', 'a', 'b', 'three'];
    const store = keyStore({}, ({ keyId, attempt }) => {
      attempts.push([keyId, attempt]);
      return typed[attempts.length - 1] ?? '';
    });
    for (const key of keys) await store.open(key.id);
    expect(attempts).toEqual([
      [first.id, 0],
      [first.id, 1],
      [third.id, 0],
      [third.id, 1],
      [third.id, 2],
    ]);
  });

  it('an interrupted prompt ends the search', async () => {
    const interrupted = new Error('the person pressed Ctrl-C');
    const store = keyStore({}, () => {
      throw interrupted;
    });
    await expect(store.open(ROOT_ID)).rejects.toBe(interrupted);
  });

  it('from an outdated source are followed by those of the next', async () => {
    const heard: string[] = [];
    const keychain = {
      name: 'keychain',
      mayBeOutdated: true,
      get: async ({ attempt }: { attempt: number }) =>
        attempt === 0 ? { passphrase: 'old', source: 'keychain' } : undefined,
      accepted: (_: unknown, { source }: { source: string }) => void heard.push(source),
    };
    const prompt = new PromptPassphrases(async () => 'root-pass-1');
    const store = new KeyStore({
      privateDir,
      passphrases: [new EnvironmentPassphrases({}), keychain, prompt],
      writeFile: writeFileAtomic,
      encryption: NOTARY_ENCRYPTION,
    });
    expect((await store.open(ROOT_ID)).id).toBe(ROOT_ID);
    expect(heard).toEqual(['prompt']);
  });
});

describe('new keys', () => {
  const env = {
    NOTARY_ROOT_PASSPHRASE: ' r ',
    NOTARY_TARGETS_PASSPHRASE: 't',
    NOTARY_DELEGATION_PASSPHRASE: 'd',
  };

  it('are written as notary writes them', async () => {
    const store = keyStore(env);
    const targets = await store.generate({ role: 'targets', gun: GUN });
    const root = await store.generate({ role: 'root', gun: GUN });
    const alice = await store.generate({ role: 'alice', gun: GUN, algorithm: 'ed25519' });
    const path = join(privateDir, `${targets.id}.key`);
    const text = await readFile(path, 'utf8');
    expect(text).toMatch(
      /^-----BEGIN ENCRYPTED PRIVATE KEY-----\ngun: localhost:5000\/speca\/keyvectors\nrole: targets\n\nMI[\s\S]*-----END ENCRYPTED PRIVATE KEY-----\n$/,
    );
    expect(Buffer.byteLength(await readFile(join(privateDir, `${root.id}.key`)))).toBe(416);
    const headers = async (id: string) => [
      ...(decodePem(await readFile(join(privateDir, `${id}.key`)))?.headers ?? []),
    ];
    expect(await headers(root.id)).toEqual([['role', 'root']]);
    expect(await headers(alice.id)).toEqual([['role', 'alice']]);
    expect((await readdir(privateDir)).length).toBe(3);
    if (POSIX) {
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(privateDir)).mode & 0o777).toBe(0o700);
    }
    // Another process opens them, with the values as they are.
    for (const key of [targets, root, alice])
      expect((await keyStore(env).open(key.id)).id).toBe(key.id);
  });

  it('need no passphrase again in this process', async () => {
    const store = keyStore({}, () => 'long enough');
    const key = await store.generate({ role: 'root' });
    expect(await store.open(key.id)).toBe(key);
  });

  it('of one role are asked for once; too short is asked again', async () => {
    const asked: PassphraseQuestion[] = [];
    const typed = ['  short  ', 'sevenüü', 'enough-1', 'enough-2'];
    const store = keyStore({}, question => {
      asked.push(question);
      return typed[asked.length - 1] ?? '';
    });
    // “sevenüü” has nine bytes.
    const [a, b] = [
      await store.generate({ role: 'targets', gun: 'a' }),
      await store.generate({ role: 'targets', gun: 'b' }),
    ];
    await store.generate({ role: 'snapshot', gun: 'a' });
    expect(
      asked.map(({ kind, role, attempt, previousProblem }) => [
        kind,
        role,
        attempt,
        previousProblem,
      ]),
    ).toEqual([
      ['create', 'targets', 0, undefined],
      ['create', 'targets', 1, 'too-short'],
      ['create', 'snapshot', 0, undefined],
    ]);
    for (const key of [a, b])
      expect((await keyStore({ NOTARY_TARGETS_PASSPHRASE: 'sevenüü' }).open(key.id)).id).toBe(
        key.id,
      );
  });

  it('give up on a person who types nothing', async () => {
    await expect(keyStore({}, () => '').generate({ role: 'root' })).rejects.toMatchObject({
      code: 'KEY_PASSPHRASE_TOO_SHORT',
    });
    await expect(keyStore().generate({ role: 'root' })).rejects.toMatchObject({
      code: 'KEY_PASSPHRASE_MISSING',
    });
    expect(await keyStore().list()).toEqual([]);
  });

  it('say which variable was used when two differ', async () => {
    const notices: string[] = [];
    const both = {
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'docker',
      NOTARY_ROOT_PASSPHRASE: 'notary',
    };
    const passphrases = [new EnvironmentPassphrases(both, { notice: line => notices.push(line) })];
    const store = new KeyStore({
      privateDir,
      passphrases,
      writeFile: writeFileAtomic,
      encryption: NOTARY_ENCRYPTION,
    });
    const key = await store.generate({ role: 'root' });
    expect(notices).toEqual([
      'DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and NOTARY_ROOT_PASSPHRASE differ; the new root key gets the passphrase in DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE',
    ]);
    expect((await keyStore({ NOTARY_ROOT_PASSPHRASE: 'docker' }).open(key.id)).id).toBe(key.id);
  });

  it('that are there already stay as they are', async () => {
    await place('store');
    const store = keyStore(NOTARY);
    const key = await store.open(TARGETS_ID);
    const path = join(privateDir, `${TARGETS_ID}.key`);
    const before = await readFile(path);
    await keyStore({}, neverAsked).add(key, { role: 'targets', gun: 'another' });
    expect(await readFile(path)).toEqual(before);
    await expect(keyStore(NOTARY).add(key, { role: 'root' })).rejects.toMatchObject({
      code: 'KEY_EXISTS',
      message: expect.stringContaining(TARGETS_ID),
    });

    // A damaged file is never overwritten: it may be all that is left.
    await writeFile(path, before.subarray(0, 200));
    await expect(store.add(key, { role: 'targets' })).rejects.toMatchObject({
      code: 'KEY_FILE_DAMAGED',
    });
    expect(await readFile(path)).toEqual(before.subarray(0, 200));
  });

  it('are not reported as stored when the disk has something else', async () => {
    const passphrases = [new EnvironmentPassphrases(env)];
    const lying = new KeyStore({
      privateDir,
      passphrases,
      writeFile: (path, text, options) => writeFileAtomic(path, text.slice(0, -70), options),
      encryption: NOTARY_ENCRYPTION,
    });
    const key = generatePrivateKey('ecdsa');
    await expect(lying.add(key, { role: 'root' })).rejects.toMatchObject({
      code: 'KEY_NOT_STORED',
    });
    await expect(lying.open(key.id)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    expect(await readdir(privateDir)).toEqual([]);
  });

  it.each([
    { role: 'a\nProc-Type: 4,ENCRYPTED' },
    { role: 'targets', gun: 'a\r\nrole: root' },
    { role: ' root' },
  ])('take no header that is more than a line: %j', async use => {
    await expect(keyStore(env).generate(use)).rejects.toMatchObject({ code: 'KEY_ROLE_INVALID' });
    expect(await keyStore().list()).toEqual([]);
  });

  it.skipIf(!POSIX)('go to where a symbolic link of the folder leads', async () => {
    await mkdir(join(folder, 'usb'));
    await symlink(join(folder, 'usb'), privateDir);
    const key = await keyStore(env).generate({ role: 'root' });
    expect(await readdir(join(folder, 'usb'))).toEqual([`${key.id}.key`]);
    expect((await keyStore(env).open(key.id)).id).toBe(key.id);
  });
});

describe('remove and find', () => {
  it('removes the file of one key', async () => {
    const ids = await place('store');
    const store = keyStore(NOTARY);
    await store.open(TARGETS_ID);
    await store.remove(TARGETS_ID);
    expect(await store.has(TARGETS_ID)).toBe(false);
    expect(await store.list()).toHaveLength(ids.length - 1);
    await expect(store.remove(TARGETS_ID)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    for (const id of ['../private', '', `${ROOT_ID}.key`, '__proto__']) {
      await expect(store.open(id)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    }
  });

  it('finds the smallest root key, and none in an empty store', async () => {
    expect(await keyStore().findRoot()).toBeUndefined();
    const store = keyStore({ NOTARY_ROOT_PASSPHRASE: 'r' });
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) ids.push((await store.generate({ role: 'root' })).id);
    expect((await store.findRoot())?.id).toBe([...ids].sort()[0]);
    expect((await store.keysOfRole('root')).map(key => key.id)).toEqual([...ids].sort());
  });
});
