import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemKeychain, type SystemKeychainOptions } from '../../src/keys/system-keychain.ts';

const HELPER = fileURLToPath(new URL('../../bin/keychain-helper.js', import.meta.url));
const ID = 'a'.repeat(64);
const SECRET = 'a secret of the keychain';
/** Generous: a test machine may be busy. */
const UNHURRIED_MS = 20_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-keychain-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A keychain whose library is the code given, with a file to keep what it likes. */
async function keychain(code: string, options: Partial<SystemKeychainOptions> = {}) {
  const file = join(folder, 'library.mjs');
  const path = JSON.stringify(join(folder, 'kept.json'));
  await writeFile(file, `import fs from 'node:fs';\nconst FILE = ${path};\n${code}`);
  return new SystemKeychain({
    helper: HELPER,
    env: { NOTARY_ROOT_PASSPHRASE: 'of another program', NODE_OPTIONS: '--no-such-flag' },
    module: pathToFileURL(file).href,
    timeoutMs: UNHURRIED_MS,
    ...options,
  });
}

const failing = (code: string): string => `export default {
  getPassword: () => { ${code} },
  setPassword: () => { ${code} },
  findCredentials: () => { ${code} },
};`;

describe('SystemKeychain', () => {
  it('hands questions to the library, and the answers back', async () => {
    const chain = await keychain(`
      const kept = () => fs.existsSync(FILE) ? JSON.parse(fs.readFileSync(FILE, 'utf8')) : {};
      const keep = all => fs.writeFileSync(FILE, JSON.stringify(all));
      export default {
        getPassword: async (service, account) => kept()[service + ' ' + account] ?? null,
        setPassword: async (service, account, password) =>
          keep({ ...kept(), [service + ' ' + account]: password }),
        deletePassword: async (service, account) => {
          const { [service + ' ' + account]: found, ...rest } = kept();
          keep(rest);
          return found !== undefined;
        },
        findCredentials: async service => Object.entries(kept()).map(
          ([name, password]) => ({ account: name.split(' ')[1], password })),
      };`);
    expect(await chain.get(ID)).toBeUndefined();
    await chain.set(ID, SECRET);
    await chain.set('0000', 'other');
    expect(JSON.parse(await readFile(join(folder, 'kept.json'), 'utf8'))).toEqual({
      [`tabellion ${ID}`]: SECRET,
      'tabellion 0000': 'other',
    });
    expect(await chain.get(ID)).toBe(SECRET);
    expect(await chain.list()).toEqual(['0000', ID]);
    expect(await chain.delete(ID)).toBe(true);
    expect(await chain.delete(ID)).toBe(false);
  });

  it('gives the library neither passphrases in the environment nor secrets in arguments', async () => {
    const chain = await keychain(`
      export const getPassword = async () => JSON.stringify([process.argv, Object.keys(process.env)]);
      export const setPassword = async () => fs.writeFileSync(FILE, JSON.stringify(process.argv));`);
    await chain.set(ID, SECRET);
    expect(await readFile(join(folder, 'kept.json'), 'utf8')).not.toContain(SECRET);
    expect(await chain.get(ID)).not.toMatch(/NOTARY|NODE_OPTIONS/);
  });

  it('ends a library that gives no answer, by its process', async () => {
    const chain = await keychain(
      failing(
        `fs.writeFileSync(FILE, String(process.pid)); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`,
      ),
      { timeoutMs: 1000 },
    );
    await expect(chain.get(ID)).rejects.toMatchObject({
      code: 'KEYCHAIN_TIMEOUT',
      message: 'The keychain gave no answer within a second',
    });
    const pid = Number(await readFile(join(folder, 'kept.json'), 'utf8'));
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it('ends a helper whose library left work behind', async () => {
    const chain = await keychain(`
      setInterval(() => {}, 1000);
      export const getPassword = async () => 'answer';`);
    expect(await chain.get(ID)).toBe('answer');
  });

  it.each([
    [
      'locked',
      `throw new Error('Cannot create an item in a locked collection')`,
      'KEYCHAIN_LOCKED',
    ],
    ['out of order', `throw new Error('Cannot autolaunch D-Bus')`, 'KEYCHAIN_UNAVAILABLE'],
    ['crashing', `process.kill(process.pid, 'SIGKILL')`, 'KEYCHAIN_UNAVAILABLE'],
    ['silent', `process.exit(0)`, 'KEYCHAIN_UNAVAILABLE'],
  ])('says in one error that it is %s', async (_name, code, expected) => {
    const chain = await keychain(failing(code));
    const error = await chain.set(ID, SECRET).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: expected, exitCode: 4 });
    expect(JSON.stringify(error) + String(error)).not.toContain(SECRET);
  });

  it('takes a crash of the list for a locked collection, which libsecret answers so', async () => {
    const chain = await keychain(failing(`process.kill(process.pid, 'SIGSEGV')`));
    await expect(chain.list()).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
  });

  it('says when the library cannot be loaded', async () => {
    const chain = await keychain(`throw new Error('libsecret-1.so.0: cannot open')`);
    await expect(chain.get(ID)).rejects.toMatchObject({ code: 'KEYCHAIN_UNAVAILABLE' });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
