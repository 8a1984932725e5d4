import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisplay } from '../../src/cli/context.ts';
import { passphraseSettings } from '../../src/cli/passphrase-settings.ts';
import { createPrompts } from '../../src/cli/prompts.ts';
import { run } from '../../src/cli/run.ts';
import { decodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { GeneratedPassphrases } from '../../src/keys/generated-passphrases.ts';
import { MemoryKeychain } from '../support/memory-keychain.ts';
import { createTestHost, runCli } from './test-host.ts';

const GENERATE = ['key', 'generate', '--role', 'root', '--generate-passphrase'];
const PASSPHRASE = /(?:[a-z2-9]{4}-){6}[a-z2-9]{4}/;

let trust: string;
beforeEach(async () => {
  trust = await mkdtemp(join(tmpdir(), 'tabellion-generated-'));
});
afterEach(() => rm(trust, { recursive: true, force: true }));

const keyFile = async (id: string) => readFile(join(trust, 'private', `${id}.key`));

describe('--generate-passphrase', () => {
  it('keeps it in the keychain; a program never sees it', async () => {
    const keychain = new MemoryKeychain();
    const args = [...GENERATE, '--trust-dir', trust, '--json'];
    const { exitCode, out, err } = await runCli(args, { keychain });
    expect(exitCode).toBe(0);
    const { id } = JSON.parse(out);
    const passphrase = keychain.entries.get(id) ?? '';
    expect(passphrase).toMatch(PASSPHRASE);
    expect(out + err).not.toContain(passphrase);
    expect(decodePrivateKeyPem(await keyFile(id), passphrase).id).toBe(id);
    // The next command finds it there.
    const check = ['key', 'check', id, '--offline', '--trust-dir', trust, '--json'];
    expect(JSON.parse((await runCli(check, { keychain })).out).keys).toMatchObject([
      { opens: true, signs: true },
    ]);
  });

  it('is for a key that is brought in in clear, too', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const file = join(trust, 'clear.pem');
    await writeFile(file, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const keychain = new MemoryKeychain();
    const args = ['key', 'import', file, '--role', 'alice', '--generate-passphrase'];
    const { exitCode, err } = await runCli([...args, '--trust-dir', trust], { keychain });
    expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
    const [[id = '', passphrase = ''] = []] = [...keychain.entries];
    expect(passphrase).toMatch(PASSPHRASE);
    expect(decodePrivateKeyPem(await keyFile(id), passphrase).id).toBe(id);
  });

  it('makes nothing where neither a keychain nor a terminal takes it', async () => {
    const { exitCode, out, err } = await runCli([...GENERATE, '--trust-dir', trust]);
    expect(exitCode).toBe(4);
    expect(out + err).not.toMatch(PASSPHRASE);
    expect(await readdir(join(trust, 'private')).catch(() => [])).toEqual([]);
  });

  it('shows it at a terminal, once; and it is the new one of a key that exists', async () => {
    const terminal = { stdin: true, stderr: true };
    const host = createTestHost({ terminal });
    const made = await run([...GENERATE, '-q', '--trust-dir', trust], host);
    expect(made.exitCode).toBe(0);
    const [passphrase = '', ...more] = host.err().match(new RegExp(PASSPHRASE, 'g')) ?? [];
    expect(more).toEqual([]);
    const id = host.out().trim();
    expect(decodePrivateKeyPem(await keyFile(id), passphrase).id).toBe(id);

    const env = { NOTARY_ROOT_PASSPHRASE: passphrase };
    const passwd = ['key', 'passwd', id, '--generate-passphrase', '--trust-dir', trust];
    expect((await runCli(passwd, { env })).exitCode).toBe(2);
    const again = createTestHost({ terminal, env });
    expect((await run(passwd, again)).exitCode).toBe(0);
    const [next = ''] = again.err().match(PASSPHRASE) ?? [];
    expect(next).not.toBe(passphrase);
    expect(decodePrivateKeyPem(await keyFile(id), next).id).toBe(id);
  });

  it('names every key that has it, at a terminal', async () => {
    const host = createTestHost({ terminal: { stdin: true, stdout: true, stderr: true } });
    const display = createDisplay(host, {});
    const prompts = createPrompts(host, display);
    const globals = { generatePassphrase: true };
    const settings = passphraseSettings({ globals, host, display, prompts });
    const source = new GeneratedPassphrases(settings.generatedPassphrases ?? {});
    for (const [role, digit] of [
      ['targets', 'a'],
      ['alice', 'b'],
      ['alice', 'b'],
    ] as const) {
      await source.get({ purpose: 'create', role, keyId: digit.repeat(64), attempt: 0 });
    }
    expect(host.err().match(new RegExp(PASSPHRASE, 'g'))).toHaveLength(1);
    expect(
      host.err().match(/The signer key alice \(b{12}\) has the same passphrase\./g),
    ).toHaveLength(1);
  });

  it('says once for all keys that no keychain takes it', () => {
    const host = createTestHost();
    const display = createDisplay(host, {});
    const { notice } = passphraseSettings({ globals: {}, host, display, prompts: undefined });
    for (const line of ['no keychain', 'no keychain', 'something else']) notice?.(line);
    expect(host.err().match(/warning: .*/g)).toEqual([
      'warning: no keychain',
      'warning: something else',
    ]);
  });
});
