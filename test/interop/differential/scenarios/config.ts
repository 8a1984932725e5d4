import { fails, prepare, type Scenario, type StepOptions, works } from '../scenario.ts';
import { someFiles } from './files.ts';

const bare: StepOptions = { bare: true };
const HOME_CONFIG = 'home/.notary/config.json';

const plain = (more = '') =>
  `{"trust_dir": "~/.notary", "remote_server": {"url": "{server}", "root_ca": "{ca}"}${more}}`;

export const config: Scenario = {
  name: 'config',
  steps: [
    someFiles,
    works('no file: key list', 'key list', bare),
    fails('a given file is absent', 'key list -c absent.json', bare),
    fails('a given file is broken', 'key list -c broken.json', bare),
    fails('a given file is a folder', 'key list -c ../work', bare),
    prepare('the file at home', side => side.write(HOME_CONFIG, plain())),
    works('init', 'init {gun} -p', bare),
    works('add', 'add {gun} one one.txt -p', bare),
    works('list', 'list {gun}', bare),
    works('key list', 'key list', bare),
    works('flags win over it', 'list {gun} -d {dir}/trust', bare),
    works('the long flags win over it', 'key list --trustDir elsewhere', bare),
    fails('the server flag wins over it', 'publish {gun} --server {closed}', bare),
    works('a folder of the working folder', 'key list -d here', bare),
    works('a tilde in a flag is a name', 'key list -d ~/there', bare),
    prepare('a file of our own', side =>
      side.write(
        'work/own/notary.json',
        '{"trust_dir": "relative", "remote_server": {"url": "{server}", "root_ca": "ca.crt"}}',
      ),
    ),
    fails('the CA is beside the file', 'list {gun} -c own/notary.json', bare),
    prepare('the CA comes', async side => {
      await side.copy('{ca}', 'work/own/ca.crt');
    }),
    works('the CA is there', 'list {gun} -c own/notary.json', bare),
    works('keys in a relative folder', 'key list --configFile own/notary.json', bare),
    prepare('capitals', side =>
      side.write(
        'work/capitals.json',
        '{"Trust_Dir": "capitals", "REMOTE_SERVER": {"URL": "{server}", "Root_CA": "{ca}"}}',
      ),
    ),
    works('keys in capitals', 'list {gun} -c capitals.json', bare),
    prepare('an empty object', side => side.write('work/empty.json', '{}')),
    works('an empty object is a file', 'key list -c empty.json', bare),
    prepare('wrong types', side =>
      side.write('work/types.json', '{"trust_dir": 7, "remote_server": "x"}'),
    ),
    works('numbers and texts', 'key list -c types.json -d types', bare),
    prepare('unchecked TLS', side =>
      side.write(
        'work/skip.json',
        '{"trust_dir": "skip", "remote_server": {"url": "{server}", "skipTLSVerify": true}}',
      ),
    ),
    works('TLS is not checked', 'list {gun} -c skip.json', { bare: true, undone: true }),
    prepare('the broken file at home', side => side.write(HOME_CONFIG, '{"trust_dir": ')),
    fails('it is broken', 'key list', bare),
    prepare('half a pair', side =>
      side.write(
        'work/half.json',
        '{"trust_dir": "half", "remote_server": {"url": "{server}", "root_ca": "{ca}", "tls_client_key": "x.key"}}',
      ),
    ),
    fails('half a pair in the file', 'list {gun} -c half.json', bare),
    prepare('client certificate', side =>
      side.write(
        'work/client.json',
        '{"trust_dir": "client", "remote_server": {"url": "{server}", "root_ca": "{ca}", "tls_client_cert": "{client certificate}", "tls_client_key": "{client key}"}}',
      ),
    ),
    works('a client certificate in the file', 'list {gun} -c client.json', bare),
  ],
};

const OTHER = 'ab'.repeat(32);

const pinned = (pinning: string) =>
  `{"trust_dir": "pins", "remote_server": {"url": "{server}", "root_ca": "{ca}"}, "trust_pinning": ${pinning}}`;

export const pinning: Scenario = {
  name: 'pinning',
  steps: [
    someFiles,
    works('init', 'init {gun} -p'),
    works('add', 'add {gun} one one.txt -p'),
    works('list', 'list {gun}'),
    ...[
      ['the right certificate', '{"certs": {"{gun}": ["{certificate root}"]}}', true],
      ['the wrong certificate', `{"certs": {"{gun}": ["${'ab'.repeat(32)}"]}}`, false],
      ['one of two', `{"certs": {"{gun}": ["${'ab'.repeat(32)}", "{certificate root}"]}}`, true],
      ['by a prefix', '{"certs": {"example.test/*": ["{certificate root}"]}}', true],
      ['wrong by a prefix', `{"certs": {"example.test/*": ["${'ab'.repeat(32)}"]}}`, false],
      [
        'the longest prefix',
        `{"certs": {"example.test/*": ["${'ab'.repeat(32)}"], "example.test/pin*": ["{certificate root}"]}}`,
        true,
      ],
      ['another repository', `{"certs": {"example.test/other": ["${'ab'.repeat(32)}"]}}`, true],
      ['no trust on first use', '{"disable_tofu": true}', false],
      [
        'no trust on first use, but a pin',
        '{"disable_tofu": true, "certs": {"{gun}": ["{certificate root}"]}}',
        true,
      ],
      ['a CA that did not issue it', '{"ca": {"example.test/": "{ca}"}}', false],
      ['a CA that is absent', '{"ca": {"example.test/": "absent.crt"}}', false],
      ['a CA for others', '{"ca": {"example.other/": "absent.crt"}}', true],
      ['no list', '{"certs": {"{gun}": "abc"}}', false],
      ['an empty list', '{"certs": {"{gun}": []}}', false],
      ['no object', '{"certs": 7}', true],
    ].flatMap(([title, pins, good]) => [
      (good ? works : fails)(`${title}`, 'list {gun} -c pins.json', {
        bare: true,
        undone: true,
        prepare: side => side.write('work/pins.json', pinned(`${pins}`)),
      }),
    ]),
    works('a pin that comes later', 'list {gun} -c pins.json -d {dir}/trust', {
      bare: true,
      undone: true,
      prepare: side => side.write('work/pins.json', pinned(`{"certs": {"{gun}": ["${OTHER}"]}}`)),
    }),
    works('a repository with capitals', 'init {gun}/Capital -p'),
    works('a pin with capitals', 'list {gun}/Capital -c pins.json', {
      bare: true,
      undone: true,
      prepare: side =>
        side.write('work/pins.json', pinned(`{"certs": {"{gun}/Capital": ["${OTHER}"]}}`)),
    }),
  ],
};
