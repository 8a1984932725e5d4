import { fails, type Scenario, works } from '../scenario.ts';
import { someFiles } from './files.ts';

const STEPS = {
  pattern: /^.*level=(?:debug|info).*\n/gm,
  becomes: '',
  reason: 'the steps that -D tells are those of each program',
};

/** Servers that are away, that answer nonsense, or whose certificate is not trusted; with and without a copy. */
export const offline: Scenario = {
  name: 'offline',
  steps: [
    someFiles,
    works('init', 'init {gun} -p'),
    works('a delegation', 'delegation add {gun} targets/alice {inputs}/alice.pem --all-paths -p'),
    works('a target', 'add {gun} one one.txt -p'),
    ...[
      ['refused', '{closed}'],
      ['unknown host', '{nowhere}'],
      ['status 500', '{odd}/status-500'],
      ['status 404', '{odd}/status-404'],
      ['status 403', '{odd}/status-403'],
      ['no scheme', 'localhost:1'],
      ['another scheme', 'ftp://localhost:1'],
      ['no URL', '%zz'],
    ].map(([title, url]) => fails(`without a copy: ${title}`, `list {gun}/none -s ${url}`)),
    ...['metadata-500', 'metadata-403', 'metadata-401', 'html', 'redirect', 'cut'].map(kind =>
      fails(`without a copy: ${kind}`, `list {gun}/none -s {odd}/${kind}`),
    ),
    works('list, so that there is a copy', 'list {gun}'),
    ...['list {gun}', 'lookup {gun} one', 'delegation list {gun}'].map(command =>
      works(`refused: ${command}`, `${command} -s {closed}`),
    ),
    fails('refused: lookup unknown', 'lookup {gun} unknown -s {closed}'),
    works('status 503', 'list {gun} -s {odd}/status-503'),
    works('metadata 401', 'list {gun} -s {odd}/metadata-401'),
    works('untrusted', 'list {gun} --tlscacert {inputs}/alice.crt'),
    fails('untrusted, publish', 'publish {gun} --tlscacert {inputs}/alice.crt'),
    fails('untrusted, delete', 'delete {gun} --remote --tlscacert {inputs}/alice.crt'),
    fails('untrusted, without a copy', 'list {gun}/none --tlscacert {inputs}/alice.crt'),
    fails('publish: status 500', 'publish {gun} -s {odd}/status-500'),
    fails('publish: metadata 500', 'publish {gun} -s {odd}/metadata-500'),
    fails('publish: html', 'publish {gun} -s {odd}/html'),
    works('a slash at the end of the URL, status', 'status {gun} -s {server}/'),
    works('staging needs no server', 'add {gun} two two.txt -s {closed}'),
    works('status needs no server', 'status {gun} -s {closed}'),
    works('key list needs no server', 'key list -s {closed}'),
    works('verbose', 'list {gun} -v'),
    works('debug', 'list {gun} -D', { chance: [STEPS] }),
    works('debug in full, and verbose', '--debug -v lookup {gun} one', { chance: [STEPS] }),
    fails('a slash at the end of the URL', 'list {gun}/none -s {server}/'),
    works('verbose while it is away', 'list {gun} -s {closed} -v'),
    works('publish at last', 'publish {gun}'),
    works('list at last', 'list {gun}'),
  ],
};

/** Somebody else's repository: only the server and the copy, no keys. */
export const tls: Scenario = {
  name: 'tls',
  steps: [
    works('init', 'init {gun} -p'),
    fails('a certificate without its key', 'list {gun} --tlscert "{client certificate}"'),
    fails('a key without its certificate', 'list {gun} --tlskey "{client key}"'),
    works('both', 'list {gun} --tlscert "{client certificate}" --tlskey "{client key}"'),
    fails('the certificate is absent', 'list {gun} --tlscert absent.crt --tlskey "{client key}"'),
    fails(
      'the key is of another certificate',
      'list {gun} --tlscert {inputs}/bob.crt --tlskey "{client key}"',
    ),
    fails('the CA is absent', 'list {gun} --tlscacert absent.crt'),
    fails('the CA is no PEM', 'list {gun} --tlscacert {inputs}/text.pem'),
    fails('the CA is a key', 'list {gun} --tlscacert {inputs}/alice-key.pem'),
    fails('the CA is a folder', 'list {gun} --tlscacert ../work'),
    works('the CA is not needed', 'status {gun} --tlscacert absent.crt'),
    fails('half a pair, publish', 'publish {gun} --tlskey "{client key}"'),
    fails('half a pair, init', 'init {gun}/more --tlskey "{client key}"'),
    fails('half a pair, delete', 'delete {gun} --remote --tlskey "{client key}"'),
    fails('half a pair, rotate', 'key rotate {gun} targets --tlskey "{client key}"'),
  ],
};
