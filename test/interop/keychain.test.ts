import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { SystemKeychain } from '../../src/keys/system-keychain.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { PASSPHRASES } from './support/passphrases.ts';
import type { RunResult } from './support/run-program.ts';
import { content, digestFlags, openScene, type Person, type Scene } from './support/scene.ts';
import { type SecretService, startSecretService } from './support/secret-service.ts';
import { TABELLION, type Tabellion } from './support/tabellion-cli.ts';
import { runInTerminal, type TerminalRun } from './support/terminal.ts';

const HELPER = fileURLToPath(new URL('../../bin/keychain-helper.js', import.meta.url));
const GUN = 'localhost:5000/keychain/app';
const WRONG = 'no passphrase of any key';
/** Where the test is not about time: machines that test are busy. */
const UNHURRIED = { TABELLION_KEYCHAIN_TIMEOUT: '30' };

/** What a command says that has no reason to speak of them. */
const ABOUT_PASSPHRASES = /passphrase|keychain/i;

interface Key {
  id: string;
  role: string;
}

describeWithPeers(
  [
    'notary',
    'notary-server',
    'notary-signer',
    'gnome-keyring-daemon',
    'dbus-run-session',
    'script',
  ],
  'passphrases in a real Secret Service',
  () => {
    let scene: Scene;
    let owner: Person;
    let service: SecretService;
    let keys: Key[];
    let targets: Key;
    let tag = 0;
    let printed = '';

    beforeAll(async () => {
      scene = await openScene();
      owner = await scene.person('owner');
      await owner.tabellion.succeed(sign());
      const listed = (await owner.tabellion.json(['key', 'list'])) as { keys: Key[] };
      keys = listed.keys;
      targets = keys.find(({ role }) => role === 'targets') as Key;
    });

    beforeEach(async () => {
      printed = '';
      tag += 1;
      service = await startSecretService(path.join(scene.workspace.path, `keyring-${tag}`));
    });
    afterEach(async () => {
      await service.stop();
      for (const secret of [PASSPHRASES.root, PASSPHRASES.targets, WRONG]) {
        expect(printed).not.toContain(secret);
      }
    });

    function sign(): string[] {
      tag += 1;
      return ['sign', `${GUN}:${tag}`, ...digestFlags(content(String(tag)))];
    }

    /** The owner at a desktop: with the keychain, without any variable. */
    const desktop = (env: Record<string, string> = UNHURRIED): Tabellion =>
      owner.tabellion.with({
        passphrases: null,
        env: { ...service.environment, TABELLION_KEYCHAIN: 'on', ...env },
      });

    const run = async (args: string[], options = {}, by = desktop()): Promise<RunResult> => {
      const result = await by.run(args, options);
      printed += result.stdout + result.stderr;
      return result;
    };

    const right = ({ role }: Key): string =>
      role === 'root' ? PASSPHRASES.root : PASSPHRASES.targets;

    async function set(key: Key): Promise<void> {
      const { code, stderr } = await run(['passphrase', 'set', key.id], {
        stdin: `${right(key)}\n`,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }

    /** The entries as they are, asked past the command. */
    const entries = () =>
      new SystemKeychain({ helper: HELPER, env: service.environment, timeoutMs: 30_000 });

    const atTerminal = (args: string[]): TerminalRun => {
      const by = desktop();
      return runInTerminal(process.execPath, [TABELLION, ...by.nativeArguments(args)], {
        ...by.environment(),
        NO_COLOR: '1',
      });
    };

    const codeOf = ({ stdout }: RunResult): string => JSON.parse(stdout).error.code;

    test('sign without a prompt and without a variable, in both languages', async () => {
      for (const key of keys) await set(key);
      const list = JSON.parse((await run(['passphrase', 'list', '--json'])).stdout);
      expect(list.passphrases.map((entry: { keyId: string }) => entry.keyId).sort()).toEqual(
        keys.map(({ id }) => id).sort(),
      );
      expect((await run(['passphrase', 'check'])).code).toBe(0);
      const signed = await run(sign());
      expect(signed.code).toBe(0);
      expect(signed.stderr).not.toMatch(ABOUT_PASSPHRASES);
      expect(await owner.notary.succeed(['list', GUN])).toContain(content(String(tag)).hex);

      const words = ['addhash', GUN, 'by-notary', '1', '--sha256', content('notary').hex, '-p'];
      const dialect = await desktop().notary(words);
      expect(dialect).toMatchObject({ code: 0, stderr: '' });
      expect(await owner.notary.succeed(['list', GUN])).toContain('by-notary');

      expect((await run(['passphrase', 'forget', targets.id])).code).toBe(0);
      expect(await entries().get(targets.id)).toBeUndefined();
      const refused = await run([...sign(), '--json']);
      expect({ code: refused.code, error: codeOf(refused) }).toEqual({
        code: 4,
        error: 'KEY_PASSPHRASE_MISSING',
      });
    });

    test('an entry that does not fit is found, and replaced after the next good prompt', async () => {
      await set(targets);
      await entries().set(targets.id, WRONG);
      expect((await run(['passphrase', 'check'])).code).toBe(4);
      const refused = await run([...sign(), '--json']);
      expect(codeOf(refused)).toBe('KEY_PASSPHRASE_WRONG');
      expect(await entries().get(targets.id)).toBe(WRONG);

      const terminal = atTerminal(sign());
      await terminal.shows('Passphrase for the repository key');
      terminal.type(`${PASSPHRASES.targets}\r`);
      expect(await terminal.ended).toBe(0);
      expect(terminal.text()).not.toContain('Keep this passphrase');
      printed += terminal.text();
      expect(await entries().get(targets.id)).toBe(PASSPHRASES.targets);
      expect((await run(sign())).code).toBe(0);
    });

    test('what is typed at a terminal is kept when the person says so', async () => {
      // The keychain of the test before is gone, and the person had kept this one there.
      expect((await run(['passphrase', 'forget', targets.id])).code).toBe(0);
      const terminal = atTerminal(sign());
      await terminal.shows('Passphrase for the');
      terminal.type(`${PASSPHRASES.targets}\r`);
      await terminal.shows('Keep this passphrase');
      terminal.type('y\r');
      expect(await terminal.ended).toBe(0);
      printed += terminal.text();
      expect(await entries().get(targets.id)).toBe(PASSPHRASES.targets);
      expect((await run(sign())).code).toBe(0);
    });

    test('a locked collection is told of, and does not stand in the way', async () => {
      await set(targets);
      await service.lock();
      const refused = await run(sign());
      expect(refused.code).toBe(4);
      expect(refused.stderr).toMatch(/it is locked, or the entry was removed/);
      expect(refused.stderr).toContain('DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE');
      for (const words of [
        ['passphrase', 'list', '--json'],
        ['passphrase', 'set', targets.id, '--json'],
      ]) {
        const failed = await run(words, { stdin: `${PASSPHRASES.targets}\n` });
        expect([failed.code, codeOf(failed)]).toEqual([4, 'KEYCHAIN_LOCKED']);
      }
      const variable = { [`TABELLION_PASSPHRASE_${targets.id.slice(0, 7)}`]: PASSPHRASES.targets };
      const byVariable = desktop({ ...UNHURRIED, ...variable });
      const others = { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: PASSPHRASES.targets };
      expect((await run(sign(), { env: others }, byVariable)).code).toBe(0);
    });

    test('a daemon that hangs is given up after two seconds, and told of once', async () => {
      await set(targets);
      service.freeze();
      const { code, stderr } = await run(sign(), { timeoutMs: 20_000 }, desktop({}));
      expect(code).toBe(4);
      expect(stderr.match(/gave no answer within 2 seconds/g)).toHaveLength(1);
      service.thaw();
      expect((await run(sign())).code).toBe(0);
    });

    test('a daemon that is killed while it is asked is told of, and nothing is lost', async () => {
      await set(targets);
      service.freeze();
      const before = await service.connections();
      const signing = run(sign());
      await expect
        .poll(() => service.connections(), { timeout: 30_000, interval: 20 })
        .toBeGreaterThan(before);
      await service.kill();
      const { code, stderr } = await signing;
      expect(code).toBe(4);
      expect(stderr.match(/[Tt]he keychain (?:cannot|gave no|does not)/g)).not.toBeNull();
      const others = { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: PASSPHRASES.targets };
      expect((await run(sign(), { env: others })).code).toBe(0);
      expect(await owner.notary.succeed(['list', GUN])).toContain(content(String(tag)).hex);
    });

    test('without D-Bus the variables are named, and serve without a word', async () => {
      const server = owner.tabellion.with({ passphrases: null, env: { TABELLION_KEYCHAIN: 'on' } });
      const refused = await run(sign(), {}, server);
      expect(refused.code).toBe(4);
      expect(refused.stderr.match(/The keychain cannot be used/g)).toHaveLength(1);
      expect(refused.stderr).toContain('Set DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE');
      const served = await run(
        sign(),
        {
          env: { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: PASSPHRASES.targets },
        },
        server,
      );
      expect(served.code).toBe(0);
      expect(served.stderr).not.toMatch(ABOUT_PASSPHRASES);
    });
  },
);
