import { beforeEach, describe, expect, it } from 'vitest';
import { keychainError } from '../../src/keys/keychain.ts';
import { NEW, OLD, passphraseScene, TERMINAL, WRONG } from './passphrase-scene.ts';

const scene = passphraseScene();

describe('tabellion passphrase set', () => {
  it('keeps the line on standard input, once it has opened the key', async () => {
    const { out, exitCode } = await scene.tabellion(['passphrase', 'set', scene.id.slice(0, 7)], {
      input: `${OLD}\nanother line\n`,
    });
    expect({ out, exitCode }).toEqual({
      out: `The keychain has the passphrase of the signer key alice ${scene.id.slice(0, 12)}\n`,
      exitCode: 0,
    });
    expect(Object.fromEntries(scene.keychain.entries)).toEqual({ [scene.id]: OLD });
  });

  it('asks for it at a terminal, and shows nothing of it', async () => {
    const { exitCode } = await scene.tabellion(['passphrase', 'set', scene.id], {
      terminal: TERMINAL,
      types: [['Passphrase for the signer key alice', ` ${OLD} \r`]],
    });
    expect(exitCode).toBe(0);
    expect(scene.keychain.entries.get(scene.id)).toBe(OLD);
  });

  it('refuses one that does not open the key', async () => {
    const { out, exitCode } = await scene.tabellion(['passphrase', 'set', scene.id, '--json'], {
      input: `${WRONG}\n`,
    });
    expect(exitCode).toBe(4);
    expect(JSON.parse(out).error.code).toBe('KEY_PASSPHRASE_WRONG');
    expect(scene.keychain.entries.size).toBe(0);
  });

  it('stores nothing in a dry run', async () => {
    const { out } = await scene.tabellion(['passphrase', 'set', scene.id, '--dry-run', '--json'], {
      input: OLD,
    });
    expect(JSON.parse(out)).toEqual({
      schemaVersion: 1,
      dryRun: true,
      keyId: scene.id,
      present: true,
      role: 'alice',
    });
    expect(scene.keychain.entries.size).toBe(0);
  });

  it.each([
    [['passphrase', 'set', '0000000'], 'KEY_NOT_FOUND', 4],
    [['passphrase', 'set', 'alice'], 'KEY_ID_INVALID', 2],
    [['passphrase', 'list', '--no-keychain'], 'KEYCHAIN_OFF', 4],
  ])('and the others say what is wrong: %j', async (words, code, expected) => {
    const { out, exitCode } = await scene.tabellion([...words, '--json'], { input: OLD });
    expect(JSON.parse(out).error.code).toBe(code);
    expect(exitCode).toBe(expected);
  });

  it('says when there is nothing on standard input', async () => {
    const { err, exitCode } = await scene.tabellion(['passphrase', 'set', scene.id]);
    expect(err).toBe('tabellion: There is no passphrase on the first line of standard input\n');
    expect(exitCode).toBe(4);
  });

  it('says why the keychain does not serve', async () => {
    scene.keychain.failure = keychainError('timeout', 'gave no answer within 2 seconds');
    const { err, exitCode } = await scene.tabellion(['passphrase', 'set', scene.id], {
      input: OLD,
    });
    expect(err).toMatch(/^tabellion: The keychain gave no answer within 2 seconds\n {2}hint: /);
    expect(exitCode).toBe(4);
  });
});

describe('tabellion key list without a keychain that serves', () => {
  it('says no more than that it is unknown, unless it is asked why', async () => {
    scene.keychain.failure = keychainError('timeout', 'gave no answer within 2 seconds');
    const plain = await scene.tabellion(['key', 'list']);
    expect(plain.out).toMatch(/signer key alice .* unknown\n/);
    expect(plain.err).not.toContain('keychain');
    const verbose = await scene.tabellion(['key', 'list', '--verbose']);
    expect(verbose.err).toContain('· The keychain gave no answer within 2 seconds\n');
    const { out } = await scene.tabellion(['key', 'list', '--json']);
    expect(JSON.parse(out).keychainProblem).toBe('The keychain gave no answer within 2 seconds');
  });
});

describe('tabellion passphrase list, check, forget', () => {
  const GONE = 'f'.repeat(64);
  beforeEach(() => {
    scene.keychain.entries.set(scene.id, OLD).set(GONE, NEW).set('backup', NEW);
  });

  it('show the keys, and never a passphrase', async () => {
    const text = await scene.tabellion(['passphrase', 'list']);
    expect(text.out.replaceAll(scene.id.slice(0, 12), '<alice key>')).toMatchInlineSnapshot(`
      "Keys whose passphrase is in the keychain

      KEY               KEY ID        REPOSITORY
      signer key alice  <alice key>
      unknown key       ffffffffffff              key not here
      "
    `);
    const json = await scene.tabellion(['passphrase', 'list', '--json']);
    expect(JSON.parse(json.out)).toEqual({
      schemaVersion: 1,
      passphrases: [
        { keyId: scene.id, present: true, role: 'alice' },
        { keyId: GONE, present: false },
      ],
    });
  });

  it('tell which still open their key', async () => {
    const good = await scene.tabellion(['passphrase', 'check', '--json']);
    expect(good.exitCode).toBe(0);
    expect(JSON.parse(good.out)).toMatchObject({
      ok: true,
      passphrases: [
        { keyId: scene.id, state: 'opens' },
        { keyId: GONE, state: 'unknown' },
      ],
    });
    scene.keychain.entries.set(scene.id, WRONG);
    const bad = await scene.tabellion(['passphrase', 'check']);
    expect(bad.exitCode).toBe(4);
    expect(bad.out).toContain('does not open the key');
    expect(bad.out).toContain(`tabellion passphrase set ${scene.id.slice(0, 12)}`);
    expect(scene.keychain.entries.get(scene.id)).toBe(WRONG);
  });

  it('forget one, also of a key that is gone, and leave the others', async () => {
    const tried = await scene.tabellion(['passphrase', 'forget', scene.id, '--dry-run']);
    expect(tried.exitCode).toBe(0);
    expect(scene.keychain.entries.size).toBe(3);
    expect((await scene.tabellion(['passphrase', 'forget', scene.id])).exitCode).toBe(0);
    expect((await scene.tabellion(['passphrase', 'forget', 'fffffff'])).exitCode).toBe(0);
    expect([...scene.keychain.entries.keys()]).toEqual(['backup']);
    const again = await scene.tabellion(['passphrase', 'forget', scene.id, '--json']);
    expect(JSON.parse(again.out).error.code).toBe('PASSPHRASE_NOT_STORED');
    expect(again.exitCode).toBe(4);
  });
});
