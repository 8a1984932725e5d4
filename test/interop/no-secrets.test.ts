import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { decodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { type OciLayout, writeOciLayout } from './support/oci-layout.ts';
import {
  REGISTRY_ACCOUNT,
  type RegistryService,
  startRegistry,
} from './support/registry-service.ts';
import { type RunResult, runProgram, runToSuccess } from './support/run-program.ts';
import { content, digestFlags, openScene, type Person, type Scene } from './support/scene.ts';
import { TABELLION } from './support/tabellion-cli.ts';

/** None of them is a word that a program would print by itself. */
const PASSPHRASES = {
  root: 'Wm7-root-otter-lamp',
  targets: 'Kd3-repository-gravel',
  snapshot: 'Kd3-repository-gravel',
  delegation: 'Kd3-repository-gravel',
};
const WRONG = 'Zt9-wrong-harbour';
const CHANGED = 'Pb4-changed-violin';
const FOREIGN = 'Hq6-foreign-candle';
const BACKUP = 'Vx2-backup-meadow';

/** Cores are written for whoever may have them, into the working folder. */
const WITH_CORES = ['-c', 'ulimit -c unlimited; exec "$@"', 'sh', process.execPath, TABELLION];

/** What must be seen nowhere, in each of its forms, by what it is. */
class Secrets {
  readonly #forms = new Map<string, Set<string>>();

  addText(name: string, text: string): void {
    this.#add(name, [text, ...base64Forms(Buffer.from(text))]);
  }

  /** A private scalar: in hex and Base64, as it is and within anything longer, such as DER. */
  addScalar(name: string, scalar: Buffer): void {
    const hex = scalar.toString('hex');
    const decimal = BigInt(`0x${hex}`).toString();
    this.#add(name, [hex, decimal, scalar.toString('latin1'), ...base64Forms(scalar)]);
  }

  get count(): number {
    return this.#forms.size;
  }

  /** Names of the secrets that are in these bytes. */
  in(bytes: Uint8Array | string): string[] {
    const text = Buffer.from(bytes as Uint8Array).toString('latin1');
    const flat = text.replaceAll(/\s/g, '');
    const folded = flat.toLowerCase();
    return [...this.#forms]
      .filter(([, forms]) =>
        [...forms].some(
          form => text.includes(form) || flat.includes(form) || folded.includes(form.toLowerCase()),
        ),
      )
      .map(([name]) => name);
  }

  #add(name: string, forms: readonly string[]): void {
    this.#forms.set(name, new Set(forms));
  }
}

/** Base64, in both alphabets, wherever in a longer text the bytes begin. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap(offset => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    // Only characters that come from these bytes alone.
    const start = Math.ceil((offset * 8) / 6);
    const end = Math.floor((padded.length * 8) / 6);
    return [padded.toString('base64'), padded.toString('base64url')].map(text =>
      text.slice(start, end),
    );
  });
}

describeWithPeers(
  ['notary-server', 'notary-signer', 'docker-registry', 'openssl'],
  'no passphrase, password or private key is seen',
  () => {
    let scene: Scene;
    let registry: RegistryService;
    let layout: OciLayout;
    const secrets = new Secrets();
    const opened = new Set<string>();

    beforeAll(async () => {
      scene = await openScene();
      registry = await startRegistry({ auth: 'htpasswd' });
      layout = await writeOciLayout(path.join(scene.workspace.path, 'layout'));
      const { username, password } = REGISTRY_ACCOUNT;
      for (const text of new Set(Object.values(PASSPHRASES))) secrets.addText(text, text);
      for (const text of [WRONG, CHANGED, FOREIGN, BACKUP, password]) secrets.addText(text, text);
      secrets.addText('login', `${username}:${password}`);
    });

    /** Somebody whose login comes from a helper, which writes down what it can see of the program that started it. */
    async function withHelper(name: string, server = scene.proxy.url): Promise<Person> {
      const person = await scene.person(name, { server });
      const { dockerConfigDir } = person.tabellion.options;
      const [bin, temp] = [path.join(person.folder, 'bin'), path.join(person.folder, 'tmp')];
      for (const folder of [bin, temp]) await mkdir(folder);
      const { username, password } = REGISTRY_ACCOUNT;
      const answers = path.join(scene.workspace.path, 'login.json');
      await writeFile(answers, JSON.stringify({ Username: username, Secret: password }));
      const helper = path.join(bin, 'docker-credential-spy');
      const seen = `cat /proc/$$/environ /proc/$$/cmdline /proc/$PPID/cmdline >> '${person.folder}/seen'`;
      await writeFile(helper, `#!/bin/sh\n${seen}\ncat > /dev/null\ncat '${answers}'\n`);
      await chmod(helper, 0o755);
      const config = { credHelpers: { [registry.domain]: 'spy' } };
      await writeFile(path.join(dockerConfigDir, 'config.json'), JSON.stringify(config));
      const env = {
        PATH: `${bin}${path.delimiter}${process.env.PATH}`,
        TMPDIR: temp,
        TABELLION_BACKUP_PASSPHRASE: BACKUP,
      };
      return {
        ...person,
        tabellion: person.tabellion.with({ passphrases: PASSPHRASES, env }),
      };
    }

    /** The private scalars that lie in a person's folder now. */
    async function learnKeys({ trustDir }: Person): Promise<void> {
      const folder = path.join(trustDir, 'private');
      for (const name of await readdir(folder).catch(() => [])) {
        if (!name.endsWith('.key')) continue;
        const text = await readFile(path.join(folder, name), 'utf8');
        if (opened.has(text)) continue;
        opened.add(text);
        const role = /^role: (.*)$/m.exec(text)?.[1] ?? '';
        const known = [role === 'root' ? PASSPHRASES.root : PASSPHRASES.targets, CHANGED];
        const key = known
          .map(passphrase => {
            try {
              return decodePrivateKeyPem(text, passphrase).keyObject;
            } catch {
              return undefined;
            }
          })
          .find(found => found !== undefined);
        if (key === undefined) throw new Error(`${name} opens with no known passphrase`);
        const scalar = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
        secrets.addScalar(`${role} ${name.slice(0, 7)}`, scalar);
      }
    }

    /** Everything below a folder, and everything that was said. */
    async function expectNoSecrets({ folder }: Person, said: readonly string[]): Promise<void> {
      const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(
        entry => entry.isFile(),
      );
      for (const text of said) expect(secrets.in(text), text).toEqual([]);
      for (const file of files) {
        expect(file.name).not.toMatch(/^core/);
        const bytes = await readFile(path.join(file.parentPath, file.name));
        expect(secrets.in(bytes), file.name).toEqual([]);
      }
    }

    test('in output, errors, records, children, core files and the temporary folder, whatever is done', async () => {
      const owner = await withHelper('owner');
      const safe = await withHelper('safe', 'https://localhost:1');
      const temporary: string[] = [];
      const watchers = [owner, safe].map(({ folder }) =>
        watch(path.join(folder, 'tmp'), (_event, name) => temporary.push(String(name))),
      );
      const said: string[] = [];
      const run = async (
        { tabellion, folder }: Person,
        args: readonly string[],
        options: { env?: Record<string, string>; stdin?: string } = {},
      ): Promise<RunResult> => {
        const all = [...tabellion.nativeArguments(args), '--verbose'];
        const env = { ...tabellion.environment(), ...options.env };
        const result = await runProgram('sh', [...WITH_CORES, ...all], {
          ...options,
          env,
          cwd: folder,
        });
        said.push(`${args.slice(0, 2).join(' ')}\n${result.stdout}\n${result.stderr}`);
        await learnKeys(owner);
        await learnKeys(safe);
        return result;
      };
      const done = async (person: Person, args: readonly string[], options = {}) => {
        const result = await run(person, args, options);
        expect(result.code, said.at(-1)).toBe(0);
        return result.stdout;
      };
      const fails = async (args: readonly string[], env: Record<string, string> = {}) => {
        expect((await run(owner, args, { env })).code, said.at(-1)).not.toBe(0);
      };
      const wrong = Object.fromEntries(
        Object.keys(owner.tabellion.environment())
          .filter(name => name.endsWith('PASSPHRASE'))
          .map(name => [name, WRONG]),
      );
      const at = (name: string) => path.join(owner.folder, name);
      const gun = `${registry.domain}/story/app`;
      const other = 'localhost:5000/ceremony/app';

      // Made, pushed, signed; and what goes wrong with it.
      await done(owner, ['push', '--from', `oci:${layout.folder}`, `${gun}:1`, `${gun}:2`]);
      const sign = ['sign', `${gun}:3`, ...digestFlags(content('three'))];
      await fails([...sign, '--explain-passphrase'], wrong);
      await fails([...sign, '--json'], wrong);
      await fails([...sign, '--passphrase-command', `echo ${WRONG.slice(0, 3)}; exit 3`]);
      await fails(['key', 'list', `--passphrase=${WRONG}`]);
      await done(owner, [...sign, '--explain-passphrase']);
      await done(owner, ['inspect', gun, '--json']);

      // Keys: listed, made, changed, hardened, brought in and out, rotated.
      await done(owner, ['key', 'generate', 'carol']);
      const { keys } = JSON.parse(await done(owner, ['key', 'list', '--json']));
      const carol = keys.find(({ role }: { role: string }) => role.endsWith('carol')).id;
      await done(owner, ['key', 'passwd', carol], { env: { TABELLION_NEW_PASSPHRASE: CHANGED } });
      await done(owner, ['key', 'harden', '--all', '--yes'], {
        env: {
          TABELLION_KDF_ROUNDS: '4096',
          [`TABELLION_PASSPHRASE_${carol.slice(0, 7).toUpperCase()}`]: CHANGED,
        },
      });
      await fails(['key', 'check', '--offline', '--json'], wrong);
      await fails(['key', 'import', await foreignKey(), '--role', 'dora'], wrong);
      await done(owner, ['key', 'export', '-o', at('exported.pem')]);
      await done(owner, ['key', 'rotate', gun, 'targets', '--yes']);
      await done(owner, [
        ...['key', 'rotate', gun, '--compromised', '--trusted-since', new Date().toISOString()],
        ...['--keep-known', '--drop-rest', '--yes'],
      ]);

      // A backup, opened by right and by wrong.
      await done(owner, ['backup', 'create', at('b')]);
      await done(owner, ['backup', 'show', at('b'), '--json']);
      await fails(['backup', 'verify', at('b')], { TABELLION_BACKUP_PASSPHRASE: WRONG });
      await done(safe, ['backup', 'restore', at('b'), '--yes']);

      // A root key that is kept offline.
      await done(safe, ['ceremony', 'new-root', other, '-o', at('root.pem')]);
      const init = ['ceremony', 'request', 'init', other, '--certificate', at('root.pem')];
      await done(owner, [...init, '-o', at('request')]);
      await done(safe, ['ceremony', 'sign', at('request'), '-y', '-o', at('signed')]);
      await done(owner, ['ceremony', 'apply', at('signed'), '-y']);

      // A root key that is lost.
      const { repositories } = JSON.parse(await done(owner, ['inventory', '--json']));
      const lost = repositories.find(({ repository }: { repository: string }) => repository === gun)
        .rootKeyIds[0];
      await rm(path.join(owner.trustDir, 'private', `${lost}.key`));
      await done(owner, [
        ...['recover', '--lost', lost, '--provider', 'self-hosted', '--no-registry', '--yes'],
        ...['--report', at('report.md')],
      ]);

      await quitInTheMiddle(owner, [...sign.slice(0, 1), `${gun}:4`, ...sign.slice(2)], said);
      for (const watcher of watchers) watcher.close();

      expect(secrets.count).toBeGreaterThan(12);
      expect(await readFile(at('seen'), 'utf8')).toContain('docker-credential-spy');
      await expectNoSecrets(owner, said);
      await expectNoSecrets(safe, []);
      expect(temporary).toEqual([]);
    });

    test('the search finds them in every form', () => {
      const scalar = Buffer.from(Array.from({ length: 32 }, (_, index) => 200 - 3 * index));
      const planted = new Secrets();
      planted.addScalar('key', scalar);
      planted.addText('passphrase', WRONG);
      const der = Buffer.concat([Buffer.from('302041', 'hex'), scalar, Buffer.alloc(9, 7)]);
      const pem = der.toString('base64').replaceAll(/.{16}/g, '$&\n');
      for (const text of [der, pem, der.toString('base64url'), der.toString('hex').toUpperCase()]) {
        expect(planted.in(text)).toEqual(['key']);
      }
      expect(planted.in(Buffer.from(`a${WRONG}z`).toString('base64'))).toEqual(['passphrase']);
      expect(planted.in('nothing of either')).toEqual([]);
    });

    /** Ctrl-\ while the server has the request: the memory of the process goes to no file. */
    async function quitInTheMiddle(
      { tabellion, folder }: Person,
      args: readonly string[],
      said: string[],
    ): Promise<void> {
      const child = spawn('sh', [...WITH_CORES, ...tabellion.nativeArguments(args), '--verbose'], {
        env: tabellion.environment(),
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
      }
      const remove = scene.proxy.fault(/^POST /, () => {
        child.kill('SIGQUIT');
        return { hang: true };
      });
      const [code, signal] = await once(child, 'close');
      remove();
      expect({ code, signal }).toEqual({ code: 130, signal: null });
    }

    /** Of OpenSSL, under a passphrase that is never given. */
    async function foreignKey(): Promise<string> {
      const file = path.join(scene.workspace.path, 'foreign.pem');
      await runToSuccess(
        'openssl',
        [
          ...['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
          ...['-aes-256-cbc', '-pass', 'env:FOREIGN', '-out', file],
        ],
        { env: { PATH: process.env.PATH ?? '', FOREIGN } },
      );
      return file;
    }
  },
);
