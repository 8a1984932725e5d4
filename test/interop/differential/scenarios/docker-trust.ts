import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { runToSuccess } from '../../support/run-program.ts';
import { addHash, content } from '../../support/scene.ts';
import { prepare, type Scenario, type Step, type StepOptions } from '../scenario.ts';
import { PASSPHRASES, type Side } from '../side.ts';

/** Docker's configuration is the side's folder, so that its trust folder is where Notary's scenarios have it. */
const ENV = {
  DOCKER_CONFIG: '{dir}',
  DOCKER_CONTENT_TRUST_SERVER: '{server}',
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: PASSPHRASES.root,
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: PASSPHRASES.targets,
};

/** Tables cut key IDs, which differ on each side. */
const SHORT_IDS = {
  pattern: /(?<=[ ,])[0-9a-f]{12}(?=[,\n]|$)/gm,
  becomes: '<short ID>',
  reason: 'new keys on each side',
};

function step(exit: Step['exit'], title: string, command: string, options: StepOptions = {}): Step {
  const { env, ...more } = options;
  return {
    title,
    command,
    exit,
    bare: true,
    chance: [SHORT_IDS],
    ...more,
    env: { ...ENV, ...env },
  };
}

const works = (title: string, command: string, options?: StepOptions): Step =>
  step(0, title, command, options);
const fails = (title: string, command: string, options?: StepOptions): Step =>
  step(1, title, command, options);

const trustedCa = prepare('the CA where docker looks for it', async side => {
  const { server, ca } = side.places;
  await mkdir(side.path('tls'), { mode: 0o700 });
  await side.write(`tls/${new URL(server).host}/ca.crt`, await readFile(ca));
});

/** Runs a real program for a side, the same one for both. */
async function run(side: Side, program: string, args: readonly string[]): Promise<void> {
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: path.join(side.folder, 'home'),
    NOTARY_TARGETS_PASSPHRASE: PASSPHRASES.targets,
    NOTARY_DELEGATION_PASSPHRASE: PASSPHRASES.targets,
  };
  for (const [name, value] of Object.entries(ENV)) env[name] = side.expand(value);
  const words = args.map(word => side.expand(word));
  await runToSuccess(program, words, { env, cwd: path.join(side.folder, 'work') });
}

/** Tags of three kinds: signed by both signers, by one, by the repository key alone. */
const tags = prepare('tags', async side => {
  const [one, two] = [content('one'), content('two')];
  const notary = async (...args: string[]): Promise<void> => {
    const flags = ['-s', '{server}', '--tlscacert', '{ca}', '-d', '{dir}/trust'];
    await run(side, 'notary', [...flags, ...args]);
  };
  const both = ['targets/alice', 'targets/bob', 'targets/releases'];
  for (const tag of ['v1.10', 'v1.9', 'v2'])
    await notary(...addHash('{gun}', tag, one, '-r', both.join(',')));
  await notary(...addHash('{gun}', 'v3', two, '-r', 'targets/alice,targets/releases'));
  await notary(...addHash('{gun}', 'admin', two));
  await notary('publish', '{gun}');
});

const USAGE: readonly (readonly [exit: 0 | 1 | 125, command: string])[] = [
  [0, ''],
  [0, '--help'],
  [0, 'key'],
  [0, 'key --help'],
  [0, 'signer'],
  [0, 'signer --help'],
  [0, 'sign --help'],
  [0, 'sign -h'],
  [0, 'inspect --help'],
  [0, 'revoke --help'],
  [0, 'key generate --help'],
  [0, 'key load --help'],
  [0, 'signer add --help'],
  [0, 'signer remove --help'],
  [1, 'bogus'],
  [1, 'help sign'],
  [1, 'key bogus'],
  [1, 'signer bogus'],
  [1, 'sign'],
  [1, 'sign a b'],
  [1, 'inspect'],
  [1, 'revoke'],
  [1, 'key generate'],
  [1, 'key load'],
  [1, 'signer add a'],
  [1, 'signer remove a'],
  [1, 'revoke -- -y'],
  [125, '--bogus'],
  [125, 'key --bogus'],
  [125, 'sign --bogus'],
  [125, 'sign -z'],
  [125, 'revoke -yz a'],
  [125, 'revoke --yes=maybe a'],
  [125, 'inspect --pretty=x a'],
  [125, 'key load --name'],
  [125, 'signer add -k x'],
];

export const dockerUsage: Scenario = {
  name: 'docker-usage',
  isReadByPrograms: false,
  steps: USAGE.map(([exit, command]) => step(exit, command || 'nothing', command)),
};

export const dockerKeys: Scenario = {
  name: 'docker-keys',
  isReadByPrograms: false,
  steps: [
    works('generate', 'key generate alice'),
    fails('generate again', 'key generate alice'),
    works('generate in a folder', 'key generate bob --dir .'),
    fails('generate where no folder is', 'key generate carol --dir absent'),
    fails('generate with capitals', 'key generate Carol'),
    fails('generate without a name', "key generate ''"),
    prepare('key files', async side => {
      const key = await readFile(side.expand('{inputs}/dave-sec1-key.pem'));
      await side.write('work/key.pem', key, 0o600);
      await side.write('work/open.pem', key, 0o644);
      await side.write('work/text.pem', 'hello\n', 0o600);
      await side.write('work/empty.pem', '', 0o600);
    }),
    works('load', 'key load key.pem --name dave'),
    works('load again', 'key load key.pem --name dave'),
    fails('load what others can read', 'key load open.pem'),
    fails('load what is not there', 'key load absent.pem'),
    fails('load a public key', 'key load alice.pub'),
    fails('load a text', 'key load text.pem'),
    fails('load nothing', 'key load empty.pem'),
    fails('load under a name with capitals', 'key load key.pem --name Dave'),
    works('load under another name', 'key load key.pem --name erin', { undone: true }),
  ],
};

export const dockerInspect: Scenario = {
  name: 'docker-inspect',
  isReadByPrograms: false,
  steps: [
    trustedCa,
    works('alice', 'key generate alice'),
    works('bob', 'key generate bob'),
    prepare('a repository', async side => {
      const add = ['trust', 'signer', 'add', '--key', 'alice.pub', 'alice', '{gun}'];
      await run(side, 'docker', add);
    }),
    fails('inspect what nobody signed', 'inspect {gun}-absent'),
    fails('pretty of what nobody signed', 'inspect --pretty {gun}-absent'),
    works('inspect before any tag', 'inspect {gun}'),
    works('pretty before any tag', 'inspect --pretty {gun}'),
    works('the second signer', 'signer add --key bob.pub bob {gun}'),
    fails('no key', 'signer add carol {gun}'),
    fails('a key that is not there', 'signer add --key absent carol {gun}'),
    fails('a private key', 'signer add --key {inputs}/carol-key.pem carol {gun}'),
    fails('a name with capitals', 'signer add --key bob.pub Carol {gun}'),
    fails('a name that is taken', 'signer add --key bob.pub releases {gun}'),
    fails('a repository that can be none', 'signer add --key bob.pub carol UPPER'),
    tags,
    works('inspect', 'inspect {gun}'),
    works('pretty', 'inspect --pretty {gun}'),
    works('one tag', 'inspect {gun}:v1.9'),
    works('one tag, pretty', 'inspect --pretty {gun}:v1.9'),
    works('a tag that is not signed', 'inspect {gun}:absent'),
    fails('several, one of which is not signed', 'inspect {gun}:v3 {gun}-absent {gun}:v2'),
    fails('pretty of several', 'inspect --pretty {gun}:v3 {gun}-absent {gun}:v2'),
    fails('a reference that is none', 'inspect UPPER'),
    works('several, pretty', 'inspect --pretty {gun}:v3 {gun}:v2'),
    fails('sign without a tag', 'sign {gun}'),
    fails('a server by http', 'inspect {gun}', {
      env: { DOCKER_CONTENT_TRUST_SERVER: 'http://localhost:1' },
    }),
  ],
};

export const dockerRevoke: Scenario = {
  name: 'docker-revoke',
  isReadByPrograms: false,
  steps: [
    trustedCa,
    works('alice', 'key generate alice'),
    works('bob', 'key generate bob'),
    prepare('a repository', async side => {
      for (const name of ['alice', 'bob'])
        await run(side, 'docker', [
          'trust',
          'signer',
          'add',
          '--key',
          `${name}.pub`,
          name,
          '{gun}',
        ]);
    }),
    tags,
    works('one tag', 'revoke {gun}:v3'),
    fails('the same again', 'revoke {gun}:v3'),
    fails('what nobody signed', 'revoke {gun}-absent:v1'),
    fails('all of what nobody signed', 'revoke --yes {gun}-absent'),
    fails('a reference that is none', 'revoke UPPER'),
    works('all, but no', 'revoke {gun}', { stdin: 'n\n' }),
    works('all, but nobody answers', 'revoke {gun}'),
    works('what is left', 'inspect --pretty {gun}'),
    fails('remove nobody', 'signer remove carol {gun} {gun}-absent UPPER'),
    fails('remove releases', 'signer remove releases {gun}'),
    fails('inspect at an unreachable server', 'inspect {gun}-absent', {
      env: { DOCKER_CONTENT_TRUST_SERVER: '{closed}' },
    }),
  ],
};
