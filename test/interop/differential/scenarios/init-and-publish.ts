import { fails, type Scenario, works } from '../scenario.ts';
import { someFiles } from './files.ts';

export const initAndPublish: Scenario = {
  name: 'init-and-publish',
  readBack: ['example.test/init-and-publish/second', 'example.test/init-and-publish/at-once'],
  steps: [
    someFiles,
    works('nothing is there: status', 'status {gun}'),
    fails('nothing is there: list', 'list {gun}'),
    fails('nothing is there: lookup', 'lookup {gun} one'),
    fails('nothing is there: delegation list', 'delegation list {gun}'),
    works('init', 'init {gun}'),
    works('status after init', 'status {gun}'),
    works('keys after init', 'key list'),
    fails('list what is not published', 'list {gun}'),
    works('publish', 'publish {gun}'),
    works('list nothing', 'list {gun}'),
    works('publish nothing more', 'publish {gun}'),
    works('add and publish', 'add {gun} one one.txt -p'),
    works('list one', 'list {gun}'),
    works('a second repository under the same root key', 'init {gun}/second'),
    works('publish the second', 'publish {gun}/second'),
    works('list the second', 'list {gun}/second'),
    works('init and publish at once', 'init -p {gun}/at-once'),
    works('list it', 'list {gun}/at-once'),
    works('keys of three repositories', 'key list'),
    fails('init over what is published', 'init {gun}/at-once -p', { undone: true }),
    works('delete the copy', 'delete {gun}/at-once'),
    works('list it again', 'list {gun}/at-once'),
    fails('init without a server', 'init {gun}/offline -s {closed}', { undone: true }),
    fails('publish without a server', 'publish {gun} -s {closed}'),
    fails('no GUN to init', 'init'),
    fails('no GUN to publish', 'publish'),
    works('further arguments of publish are ignored', 'publish {gun} more of them'),
  ],
};

/** Whatever publishes makes a repository that nobody knows. */
export const unknownRepositories: Scenario = {
  name: 'unknown-repositories',
  steps: [
    someFiles,
    works('publish', 'publish {gun}/published'),
    works('list after publish', 'list {gun}/published'),
    works('add and publish', 'add {gun}/added one one.txt -p'),
    works('list after add', 'list {gun}/added'),
    works('remove and publish', 'remove {gun}/removed one -p'),
    works('list after remove', 'list {gun}/removed'),
    works(
      'a delegation',
      'delegation add {gun}/delegated targets/alice {inputs}/alice.pem --all-paths -p',
    ),
    works('list after the delegation', 'delegation list {gun}/delegated'),
    fails('witness', 'witness {gun}/witnessed targets/alice -p', { undone: true }),
    works('rotate', 'key rotate {gun}/rotated targets', { undone: true }),
    works('keys', 'key list'),
  ],
  readBack: ['published', 'added', 'removed', 'delegated'].map(
    name => `example.test/unknown-repositories/${name}`,
  ),
};

export const initWithRootKey: Scenario = {
  name: 'init-root-key',
  steps: [
    fails('the key file is absent', 'init {gun} --rootkey absent.pem'),
    fails('the key is not encrypted', 'init {gun} --rootkey {inputs}/root-clear-key.pem'),
    fails('the file is no PEM', 'init {gun} --rootkey {inputs}/text.pem'),
    fails('the file is a public key', 'init {gun} --rootkey {inputs}/alice.pem'),
    fails('the passphrase is wrong', 'init {gun} --rootkey {inputs}/root-encrypted-key.pem', {
      env: { NOTARY_ROOT_PASSPHRASE: 'not this one' },
    }),
    fails('there is no passphrase', 'init {gun} --rootkey {inputs}/root-encrypted-key.pem', {
      env: { NOTARY_ROOT_PASSPHRASE: undefined },
    }),
    works('nothing was stored', 'key list'),
    works('a given root key', 'init {gun} --rootkey {inputs}/root-encrypted-key.pem'),
    works('keys', 'key list'),
    works('publish', 'publish {gun}'),
    works('list', 'list {gun}'),
    works('the same key again', 'init {gun}/again --rootkey {inputs}/root-encrypted-key.pem -p'),
    works('keys of two', 'key list'),
  ],
  readBack: ['example.test/init-root-key/again'],
};

export const initWithRootCertificate: Scenario = {
  name: 'init-root-certificate',
  steps: [
    fails('certificate file is absent', 'init {gun} --rootcert absent.crt'),
    fails('certificate file is no PEM', 'init {gun} --rootcert {inputs}/text.pem'),
    fails('certificate without its key', 'init {gun} --rootcert {inputs}/root.crt'),
    fails(
      'certificate of another key',
      'init {gun} --rootkey {inputs}/root-encrypted-key.pem --rootcert {inputs}/other-root.crt',
      { undone: true },
    ),
    works('keys after the failures', 'key list'),
    works(
      'key and certificate',
      'init {gun} --rootkey {inputs}/root-encrypted-key.pem --rootcert {inputs}/root.crt',
    ),
    works('publish', 'publish {gun}'),
    works('list', 'list {gun}'),
    works('delegations', 'delegation list {gun}'),
    fails(
      'a certificate of another repository',
      'init {gun}/again --rootcert {inputs}/root.crt -p',
      { undone: true },
    ),
    works('keys', 'key list'),
  ],
};
