import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { INPUTS } from '../given-keys.ts';
import { crashes, fails, prepare, type Scenario, works } from '../scenario.ts';
import { VECTORS } from '../side.ts';

const ABSENT = 'ab'.repeat(32);

export const keyGenerate: Scenario = {
  name: 'key-generate',
  steps: [
    works('list nothing', 'key list'),
    works('root by default', 'key generate'),
    works('another role', 'key generate -r alice'),
    works('targets', 'key generate --role targets'),
    fails('timestamp', 'key generate -r timestamp'),
    works('a delegation by name', 'key generate -r targets/releases'),
    works('the algorithm', 'key generate ecdsa -r carol'),
    works('the algorithm in capitals', 'key generate ECDSA -r dave'),
    works('an empty role', 'key generate -r ""'),
    works('list', 'key list'),
    fails('rsa', 'key generate rsa'),
    fails('an algorithm that is none', 'key generate des'),
    fails('two algorithms', 'key generate ecdsa ecdsa'),
    fails('no passphrase', 'key generate', { env: { NOTARY_ROOT_PASSPHRASE: undefined } }),
    fails('no passphrase for the role', 'key generate -r alice', {
      env: { NOTARY_DELEGATION_PASSPHRASE: undefined },
    }),
    fails('an empty passphrase', 'key generate', { env: { NOTARY_ROOT_PASSPHRASE: '' } }),
    works('a passphrase of one character', 'key generate -r eve', {
      env: { NOTARY_DELEGATION_PASSPHRASE: 'x' },
    }),
    fails('a passphrase in a pipe', 'key generate', {
      env: { NOTARY_ROOT_PASSPHRASE: undefined },
      stdin: 'a long passphrase\na long passphrase\n',
    }),
    works('to files', 'key generate -r alice -o alice'),
    works('to the same files again', 'key generate -r alice --output alice'),
    works('to a file of root', 'key generate -o root'),
    fails('to a folder that is absent', 'key generate -o absent/alice'),
    works('list after all', 'key list'),
    fails('list with an argument', 'key list x'),
    crashes('the trust folder is a file', 'key generate -d one.txt', {
      prepare: side => side.write('work/one.txt', 'one'),
    }),
  ],
};

export const keyImport: Scenario = {
  name: 'key-import',
  steps: [
    fails('no file', 'key import'),
    fails('the file is absent', 'key import absent.pem'),
    fails('the file is a folder', 'key import ../work'),
    works('a file without PEM', 'key import {inputs}/text.pem'),
    works('a key, no role', 'key import {inputs}/alice-key.pem'),
    works('list', 'key list'),
    works('SEC1', 'key import {inputs}/dave-sec1-key.pem -r dave'),
    works('PKCS#1', 'key import {inputs}/rsa-pkcs1-key.pem --role rsa'),
    works('PKCS#8 of RSA', 'key import {vectors}/import/rsa2048-plain-pkcs8.pem -r bob'),
    fails('Ed25519 of OpenSSL', 'key import {inputs}/ed25519-key.pem'),
    works('Ed25519 of Notary', 'key import {vectors}/import/ed25519-notary-96.pem -r eddy'),
    fails('targets without a GUN', 'key import {inputs}/bob-key.pem -r targets'),
    fails('snapshot without a GUN', 'key import {inputs}/bob-key.pem -r snapshot'),
    works('targets with a GUN', 'key import {inputs}/bob-key.pem -r targets -g {gun}'),
    works(
      'the GUN is dropped for a delegation',
      'key import {inputs}/carol-key.pem -r carol --gun {gun}',
    ),
    works('root', 'key import {inputs}/root-clear-key.pem -r root'),
    fails('encrypted without a path', 'key import {inputs}/carol-encrypted-key.pem -r carol'),
    fails('what generate -o wrote', 'key import {vectors}/import/generate-o-key.pem'),
    fails('DEK-Info without a path', 'key import {vectors}/import/ec-dek-aes128-no-path.pem'),
    fails('a public key', 'key import {inputs}/alice.pem'),
    fails('a certificate', 'key import {inputs}/bob.crt'),
    fails('no passphrase', 'key import {inputs}/erin-key.pem -r erin', {
      env: { NOTARY_DELEGATION_PASSPHRASE: undefined },
    }),
    works('an export of everything', 'key import {vectors}/import/export-bundle.pem'),
    works('the same export again', 'key import {vectors}/import/export-bundle.pem'),
    works('list everything', 'key list'),
    works('good and bad blocks in one file', 'key import batch.pem -r erin', {
      prepare: side => side.write('work/batch.pem', batch()),
    }),
    works('list the batch', 'key list'),
    works('the headers win', 'key import headers.pem -r other -g other', {
      prepare: side => side.write('work/headers.pem', headers()),
    }),
    works('list with headers', 'key list'),
    works('two files', 'key import {inputs}/alice-key.pem {inputs}/carol-key.pem', {
      undone: true,
    }),
    fails('one of two files is bad', 'key import {inputs}/text.pem {inputs}/alice.pem'),
    works('list at last', 'key list'),
  ],
};

/** Where Notary overwrites or believes what it reads. */
export const keyImportUnsafe: Scenario = {
  name: 'key-import-unsafe',
  steps: [
    works('alice', 'key import {inputs}/alice-key.pem -r alice'),
    works('the same key again', 'key import {inputs}/alice-key.pem -r alice'),
    works('the same key for another role', 'key import {inputs}/alice-key.pem -r other', {
      undone: true,
    }),
    works('list', 'key list'),
    fails('one of two files is absent', 'key import {inputs}/bob-key.pem absent.pem -r bob', {
      undone: true,
    }),
    works('a path of the old layout', 'key import old.pem', {
      prepare: side => side.write('work/old.pem', oldPath()),
      undone: true,
    }),
    works('a path that climbs out', 'key import climb.pem', {
      prepare: side => side.write('work/climb.pem', climbing()),
      undone: true,
    }),
  ],
};

function input(name: string): string {
  return readFileSync(path.join(INPUTS, name), 'utf8');
}

/** A good block, one that is a public key, and one that is encrypted. */
function batch(): string {
  return [input('erin-key.pem'), input('alice.pem'), input('carol-encrypted-key.pem')].join(
    'text between\n',
  );
}

function withHeaders(name: string, ...lines: string[]): string {
  return input(name).replace(/^(-----BEGIN .*-----\n)/, `$1${lines.join('\n')}\n\n`);
}

function headers(): string {
  return withHeaders(
    'frank-key.pem',
    'gun: example.test/by-header',
    'role: snapshot',
    'note: kept',
  );
}

function oldPath(): string {
  return withHeaders(
    'grace-key.pem',
    `path: tuf_keys/example.test/old/${ABSENT}_targets`,
    'role: targets',
  );
}

function climbing(): string {
  return withHeaders('dave-sec1-key.pem', `path: ../../${'cd'.repeat(32)}`, 'role: climber');
}

export const keyExport: Scenario = {
  name: 'key-export',
  steps: [
    works('nothing to standard output', 'key export'),
    works('nothing to a file', 'key export -o nothing.pem'),
    works('init', 'init {gun} -p'),
    works('init another', 'init {gun}/other -p'),
    works('a delegation key', 'key import {inputs}/alice-key.pem -r alice'),
    works('one key', 'key export --key {key targets}'),
    works('one key by another flag order', 'key export -o one.pem --key {key root}'),
    works('two keys by two flags', 'key export --key {given alice} --key {given alice}'),
    works('a GUN', 'key export --gun {gun}', { anyOrder: 'keys stand in the order of random IDs' }),
    works('two GUNs', 'key export --gun {gun} --gun {gun}/other', {
      anyOrder: 'keys stand in the order of random IDs',
    }),
    works('the empty GUN', 'key export --gun ""', {
      anyOrder: 'keys stand in the order of random IDs',
    }),
    works('an unknown key', `key export --key ${ABSENT}`),
    works('a key by part of its ID', 'key export --key abc'),
    works('a GUN without keys', 'key export --gun {gun}/nobody'),
    works('to a file that is there', 'key export --key {given alice} -o there.pem', {
      prepare: side =>
        side.write('work/there.pem', 'a long text that was there before\n'.repeat(50)),
    }),
    fails('both kinds of flag', 'key export --gun {gun} --key {given alice}'),
    fails('an argument', 'key export {gun}'),
    fails('to a folder', 'key export -o ../work'),
    fails('to a folder that is absent', 'key export -o absent/file'),
    prepare('a file that is no key', side => side.write(`trust/private/${ABSENT}.key`, 'text')),
    works('an export of the delegation key beside it', 'key export --key {given alice}'),
    works('list beside it', 'key list'),
  ],
};

const OLD_LAYOUT = path.join(VECTORS, 'legacy', 'tree-before', 'private');

/** A store of keys as Notary laid it out before 0.4. */
export const oldLayout: Scenario = {
  name: 'key-old-layout',
  steps: [
    prepare('keys in folders', async side => {
      for (const file of readdirSync(OLD_LAYOUT, { recursive: true, encoding: 'utf8' })) {
        if (!file.endsWith('.key')) continue;
        await side.write(`trust/private/${file}`, readFileSync(path.join(OLD_LAYOUT, file)), 0o600);
      }
    }),
    works('list', 'key list'),
    works('list again', 'key list'),
  ],
};

export const keyPasswd: Scenario = {
  name: 'key-passwd',
  steps: [
    works('a key', 'key generate -r alice'),
    works('a root key', 'key generate'),
    fails('no argument', 'key passwd'),
    fails('too short', 'key passwd abc'),
    fails('not there', `key passwd ${ABSENT}`),
    fails('no hex', `key passwd ${'z'.repeat(64)}`),
    fails('part of the ID', 'key passwd 1234567'),
    works('the same passphrase', 'key passwd {key alice}'),
    fails('wrong passphrase', 'key passwd {key alice}', {
      env: { NOTARY_DELEGATION_PASSPHRASE: 'not this one' },
    }),
    fails('no passphrase', 'key passwd {key root}', { env: { NOTARY_ROOT_PASSPHRASE: undefined } }),
    works('list', 'key list'),
    works('a clear key under another name', `key passwd ${'cd'.repeat(32)}`, {
      prepare: side =>
        side.write(`trust/private/${'cd'.repeat(32)}.key`, input('bob-key.pem'), 0o600),
      undone: true,
    }),
    works('list a clear key under another name', 'key list', {
      prepare: side =>
        side.write(`trust/private/${'cd'.repeat(32)}.key`, input('bob-key.pem'), 0o600),
      undone: true,
    }),
    fails('the file is no PEM', `key passwd ${ABSENT}`, {
      prepare: side => side.write(`trust/private/${ABSENT}.key`, 'text', 0o600),
      undone: true,
    }),
  ],
};

export const keyRemove: Scenario = {
  name: 'key-remove',
  steps: [
    works('alice', 'key generate -r alice'),
    works('bob', 'key generate -r bob'),
    works('carol', 'key generate -r carol'),
    works('init', 'init {gun}'),
    fails('no argument', 'key remove'),
    fails('too short', 'key remove abc'),
    fails('not there', `key remove ${ABSENT}`, { stdin: 'yes\n' }),
    works('no', 'key remove {key alice}', { stdin: 'no\n' }),
    works('end of input', 'key remove {key alice}'),
    works('yes', 'key remove {key alice}', { stdin: 'yes\n' }),
    works('Y', 'key remove {key bob}', { stdin: 'Y\n' }),
    works('some word', 'key remove {key carol}', { stdin: 'sure\n' }),
    fails('again', 'key remove {key alice}', { stdin: 'yes\n' }),
    works('a targets key in use', 'key remove {key targets}', { stdin: 'yes\n' }),
    works('list', 'key list'),
    fails('publish without the targets key', 'publish {gun}'),
  ],
};

export const prompts: Scenario = {
  name: 'prompts',
  steps: [
    works('a new root key', 'key generate', {
      env: { NOTARY_ROOT_PASSPHRASE: undefined },
      terminal: [
        ['Enter passphrase for new root key', 'a new passphrase'],
        ['Repeat passphrase for new root key', 'a new passphrase'],
      ],
    }),
    works('too short, then different, then right', 'key generate -r alice', {
      env: { NOTARY_DELEGATION_PASSPHRASE: undefined },
      terminal: [
        ['Enter passphrase for new alice key', 'short'],
        ['Enter passphrase for new alice key', 'long enough'],
        ['Repeat passphrase for new alice key', 'another one'],
        ['Enter passphrase for new alice key', 'long enough'],
        ['Repeat passphrase for new alice key', 'long enough'],
      ],
    }),
    works('wrong, then right', 'key passwd {key alice}', {
      env: { NOTARY_DELEGATION_PASSPHRASE: undefined },
      terminal: [
        ['Enter passphrase for alice key', 'wrong'],
        ['Enter passphrase for alice key', 'long enough'],
        ['Enter passphrase for new alice key', '  a better one  '],
        ['Repeat passphrase for new alice key', 'a better one'],
      ],
    }),
    works('init with the root key', 'init {gun}', {
      env: {
        NOTARY_ROOT_PASSPHRASE: undefined,
        NOTARY_TARGETS_PASSPHRASE: undefined,
        NOTARY_SNAPSHOT_PASSPHRASE: undefined,
      },
      terminal: [
        ['Enter passphrase for root key', 'a new passphrase'],
        ['Enter passphrase for new targets key', 'targets passphrase'],
        ['Repeat passphrase for new targets key', 'targets passphrase'],
        ['Enter passphrase for new snapshot key', 'snapshot passphrase'],
        ['Repeat passphrase for new snapshot key', 'snapshot passphrase'],
      ],
    }),
    works('publish', 'publish {gun}', {
      env: {
        NOTARY_ROOT_PASSPHRASE: undefined,
        NOTARY_TARGETS_PASSPHRASE: undefined,
        NOTARY_SNAPSHOT_PASSPHRASE: undefined,
      },
      terminal: [
        ['Enter passphrase for targets key', 'targets passphrase'],
        ['Enter passphrase for snapshot key', 'snapshot passphrase'],
      ],
    }),
    works('import', 'key import {inputs}/bob-key.pem -r bob', {
      env: { NOTARY_DELEGATION_PASSPHRASE: undefined },
      terminal: [
        ['Enter passphrase for new bob key', 'bobs passphrase'],
        ['Repeat passphrase for new bob key', 'bobs passphrase'],
      ],
    }),
    fails('wrong until it gives up', 'key passwd {given bob}', {
      env: { NOTARY_DELEGATION_PASSPHRASE: undefined },
      terminal: ['1', '2', '3', '4'].map(
        digit => ['Enter passphrase for bob key', `wrong ${digit}`] as const,
      ),
    }),
    works('list', 'key list'),
  ],
};
