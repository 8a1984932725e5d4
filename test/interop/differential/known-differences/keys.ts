/** Known differences in keys. */
import type { KnownDifference } from '../known-differences.ts';
import { keyFile, meant } from './meant.ts';

export const KEY_DIFFERENCES: readonly KnownDifference[] = [
  ...meant(
    'An old key is removed last',
    'a rotation that fails neither leaves a new key behind nor removes the old one',
    {
      'rotation-errors/no server': {
        disk: {
          notary: [
            ...keyFile('<targets key 2>', ['gun: example.test/rotation-errors', 'role: targets']),
          ],
          tabellion: [],
        },
      },
      'rotation-errors/no passphrase for root': {
        disk: {
          notary: [
            '- trust/private/<targets key 1>.key',
            ...keyFile('<targets key 2>', ['gun: example.test/rotation-errors', 'role: targets']),
          ],
          tabellion: [],
        },
      },
      'rotation-errors/wrong passphrase for root': {
        disk: { notary: ['- trust/private/<snapshot key 1>.key'], tabellion: [] },
      },
      'rotation-errors/targets without the root key': {
        disk: {
          notary: [
            '- trust/private/<targets key 1>.key',
            ...keyFile('<targets key 2>', ['gun: example.test/rotation-errors', 'role: targets']),
          ],
          tabellion: [],
        },
      },
      'rotation-errors/root without the root key': {
        disk: { notary: [...keyFile('<root key 2>', ['role: root'])], tabellion: [] },
      },
    },
  ),
  ...meant(
    '`init` does not overwrite a collection',
    'the cached root is what everything else is trusted by',
    {
      'init-and-publish/init over what is published': {
        stdout: {
          notary: [
            'Auto-publishing changes to example.test/init-and-publish/at-once',
            '* fatal: could not rotate trust to a new trusted root: failed to validate data with current trusted certificates',
          ],
          tabellion: ['* fatal: example.test/init-and-publish/at-once exists already on <server>'],
        },
        stderr: {
          notary: [
            'time="<time>" level=error msg="Could not publish Repository since we could not update: could not rotate trust to a new trusted root: failed to validate data with current trusted certificates"',
          ],
          tabellion: [],
        },
        disk: {
          notary: [
            ...keyFile('<snapshot key 4>', [
              'gun: example.test/init-and-publish/at-once',
              'role: snapshot',
            ]),
            ...keyFile('<targets key 4>', [
              'gun: example.test/init-and-publish/at-once',
              'role: targets',
            ]),
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant(
    '`init` does not overwrite a collection',
    'keys are made after the server has answered, so that a failure leaves none behind',
    {
      'credentials/init as nobody': {
        disk: {
          notary: [
            ...keyFile('<root key 1>', ['role: root']),
            ...keyFile('<snapshot key 1>', ['gun: example.test/credentials', 'role: snapshot']),
            ...keyFile('<targets key 1>', ['gun: example.test/credentials', 'role: targets']),
          ],
          tabellion: [],
        },
      },
      'init-and-publish/init without a server': {
        disk: {
          notary: [
            ...keyFile('<snapshot key 4>', [
              'gun: example.test/init-and-publish/offline',
              'role: snapshot',
            ]),
            ...keyFile('<targets key 4>', [
              'gun: example.test/init-and-publish/offline',
              'role: targets',
            ]),
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant('Rotation does not make a collection', 'nobody rotates the keys of something new', {
    'unknown-repositories/rotate': {
      exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
      stdout: {
        notary: [
          'Successfully rotated targets key for repository example.test/unknown-repositories/rotated',
        ],
        tabellion: [
          '',
          '* fatal: <host> does not have trust data for example.test/unknown-repositories/rotated',
        ],
      },
      disk: {
        notary: [
          ...keyFile('<snapshot key 5>', [
            'gun: example.test/unknown-repositories/rotated',
            'role: snapshot',
          ]),
          ...keyFile('<targets key 5>', [
            'gun: example.test/unknown-repositories/rotated',
            'role: targets',
          ]),
        ],
        tabellion: [],
      },
    },
  }),
  ...meant(
    'A root certificate must fit the collection',
    'with such a certificate nobody could use the collection',
    {
      'init-root-certificate/certificate of another key': {
        disk: { notary: [...keyFile('<root-clear>', ['role: root'])], tabellion: [] },
      },
      'init-root-certificate/a certificate of another repository': {
        stdout: {
          notary: [
            'Auto-publishing changes to example.test/init-root-certificate/again',
            '* fatal: could not validate the path to a trusted root: unable to retrieve valid leaf certificates',
          ],
          tabellion: [
            '* fatal: The root certificate <inputs>/root.crt cannot be used: it is for “example.test/init-root-certificate”, not for example.test/init-root-certificate/again',
          ],
        },
        stderr: {
          notary: [
            'time="<time>" level=error msg="Could not publish Repository since we could not update: could not validate the path to a trusted root: unable to retrieve valid leaf certificates"',
          ],
          tabellion: [],
        },
        disk: {
          notary: [
            ...keyFile('<snapshot key 2>', [
              'gun: example.test/init-root-certificate/again',
              'role: snapshot',
            ]),
            ...keyFile('<targets key 2>', [
              'gun: example.test/init-root-certificate/again',
              'role: targets',
            ]),
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant(
    'Import does not overwrite a key with another role',
    'the key would be lost for what it was',
    {
      'key-import-unsafe/the same key for another role': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [],
          tabellion: ['* fatal: failed to import all keys: invalid key pem block', ''],
        },
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="failed to import key 1 to store: The alice key <alice> is stored already, so it cannot be imported as a other key too"',
          ],
        },
        disk: { notary: [...keyFile('<alice>', ['role: other'], '~')], tabellion: [] },
      },
      'key-import/two files': {
        disk: {
          notary: [...keyFile('<carol-encrypted>', ['role: delegation'], '~')],
          tabellion: [],
        },
      },
    },
  ),
  ...meant(
    'Import does not overwrite a key with another role',
    'a block whose key is not the one that its path names is refused',
    {
      'key-import-unsafe/a path of the old layout': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [],
          tabellion: ['* fatal: failed to import all keys: invalid key pem block', ''],
        },
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="failed to import key 1 to store: Its “path” header says that it is abababababababababababababababababababababababababababababababab, but the key inside is <grace>"',
          ],
        },
        disk: {
          notary: [
            '+ trust/private/abababababababababababababababababababababababababababababababab_targets.key 0600 in 0700',
            '    trust/private/abababababababababababababababababababababababababababababababab_targets.key: -----BEGIN ENCRYPTED PRIVATE KEY-----',
            '    trust/private/abababababababababababababababababababababababababababababababab_targets.key: gun: example.test/old',
            '    trust/private/abababababababababababababababababababababababababababababababab_targets.key: role: targets',
            '    trust/private/abababababababababababababababababababababababababababababababab_targets.key: ',
            '    trust/private/abababababababababababababababababababababababababababababababab_targets.key: <as stored: <targets key 1>>',
            '    trust/private/abababababababababababababababababababababababababababababababab_targets.key: -----END ENCRYPTED PRIVATE KEY-----',
            '    trust/private/abababababababababababababababababababababababababababababababab_targets.key: ',
          ],
          tabellion: [],
        },
      },
      'key-import-unsafe/a path that climbs out': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [],
          tabellion: ['* fatal: failed to import all keys: invalid key pem block', ''],
        },
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="failed to import key 1 to store: Its “path” header says that it is cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd, but the key inside is <dave-sec1>"',
          ],
        },
        disk: {
          notary: [
            ...keyFile('<climber key 1>', ['role: climber']),
            '    work/climb.pem: path: ../../<climber key 1>',
          ],
          tabellion: [
            '    work/climb.pem: path: ../../cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',
          ],
        },
      },
    },
  ),
  ...meant('A new passphrase never weakens a key', 'headers that Notary does not know stay', {
    'key-import/the headers win': {
      disk: { notary: [], tabellion: ['    trust/private/<frank>.key: note: kept'] },
    },
  }),
  ...meant(
    'Export takes every `--gun`',
    'the file is replaced in one step, readable by its owner alone',
    {
      'key-export/to a file that is there': {
        disk: {
          notary: ['+ work/there.pem 0644 in 0755'],
          tabellion: ['+ work/there.pem 0600 in 0755'],
        },
      },
    },
  ),
  ...meant('Export takes every `--gun`', 'an incomplete backup is none', {
    'key-export/two GUNs': {
      stdout: {
        notary: [],
        tabellion: [
          '',
          '',
          '-----BEGIN ENCRYPTED PRIVATE KEY-----',
          '-----BEGIN ENCRYPTED PRIVATE KEY-----',
          '-----END ENCRYPTED PRIVATE KEY-----',
          '-----END ENCRYPTED PRIVATE KEY-----',
          '<as stored: <snapshot key 2>>',
          '<as stored: <targets key 2>>',
          'gun: example.test/key-export/other',
          'gun: example.test/key-export/other',
          'path: <snapshot key 2>',
          'path: <targets key 2>',
          'role: snapshot',
          'role: targets',
        ],
      },
    },
  }),
  ...meant(
    'The old layout of keys is read where it is',
    'Notary deletes folders that it did not convert',
    {
      'key-old-layout/list': {
        disk: {
          notary: [
            '+ trust/private/<delegation key 1>.key 0600 in 0700',
            '    trust/private/<delegation key 1>.key: -----BEGIN EC PRIVATE KEY-----',
            '    trust/private/<delegation key 1>.key: Proc-Type: 4,ENCRYPTED',
            '    trust/private/<delegation key 1>.key: DEK-Info: AES-256-CBC,53E42DDCA6252250FAADFE08530F2CD6',
            '    trust/private/<delegation key 1>.key: role: delegation',
            '    trust/private/<delegation key 1>.key: ',
            '    trust/private/<delegation key 1>.key: <as stored: <delegation key 1>>',
            '    trust/private/<delegation key 1>.key: -----END EC PRIVATE KEY-----',
            '    trust/private/<delegation key 1>.key: ',
            '+ trust/private/<root key 1>.key 0600 in 0700',
            '    trust/private/<root key 1>.key: -----BEGIN EC PRIVATE KEY-----',
            '    trust/private/<root key 1>.key: Proc-Type: 4,ENCRYPTED',
            '    trust/private/<root key 1>.key: DEK-Info: AES-256-CBC,4F0989BCED9003FD9C9DABE41A4FDB51',
            '    trust/private/<root key 1>.key: role: root',
            '    trust/private/<root key 1>.key: ',
            '    trust/private/<root key 1>.key: <as stored: <root key 1>>',
            '    trust/private/<root key 1>.key: -----END EC PRIVATE KEY-----',
            '    trust/private/<root key 1>.key: ',
            '+ trust/private/<snapshot key 1>.key 0600 in 0700',
            '    trust/private/<snapshot key 1>.key: -----BEGIN EC PRIVATE KEY-----',
            '    trust/private/<snapshot key 1>.key: Proc-Type: 4,ENCRYPTED',
            '    trust/private/<snapshot key 1>.key: DEK-Info: AES-256-CBC,48761E1CF09E31558B785247751F89C0',
            '    trust/private/<snapshot key 1>.key: gun: localhost_5000/speca/legacy',
            '    trust/private/<snapshot key 1>.key: role: snapshot',
            '    trust/private/<snapshot key 1>.key: ',
            '    trust/private/<snapshot key 1>.key: <as stored: <snapshot key 1>>',
            '    trust/private/<snapshot key 1>.key: -----END EC PRIVATE KEY-----',
            '    trust/private/<snapshot key 1>.key: ',
            '+ trust/private/<targets key 1>.key 0600 in 0700',
            '    trust/private/<targets key 1>.key: -----BEGIN EC PRIVATE KEY-----',
            '    trust/private/<targets key 1>.key: Proc-Type: 4,ENCRYPTED',
            '    trust/private/<targets key 1>.key: DEK-Info: AES-256-CBC,0A1A0C7B7E8EA2588D514BD041FDA860',
            '    trust/private/<targets key 1>.key: gun: localhost_5000/speca/legacy',
            '    trust/private/<targets key 1>.key: role: targets',
            '    trust/private/<targets key 1>.key: ',
            '    trust/private/<targets key 1>.key: <as stored: <targets key 1>>',
            '    trust/private/<targets key 1>.key: -----END EC PRIVATE KEY-----',
            '    trust/private/<targets key 1>.key: ',
            '- trust/private/root_keys/4719e20e14cbd482715b2f6b337c2b14c5575c47e9d880191cc5523fc94430d0_root.key',
            '- trust/private/tuf_keys/89426d07b5aba47af9c042c2ccb9dcc28abe1d6717732e8c690cd33874bfae7c_delegation.key',
            '- trust/private/tuf_keys/localhost_5000/speca/legacy/95e0b26ce462e71809ecebcd04ed22099475fd2ccf1a78f76f6a574d43694c7a_targets.key',
            '- trust/private/tuf_keys/localhost_5000/speca/legacy/f34fe718d17f67d7a9a10d7d5d52e6d302253d880eb2097ecb288f99134642da_snapshot.key',
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant('A key under a false name stays', 'a second file would be a second key to lose', {
    'key-passwd/a clear key under another name': {
      exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
      stdout: {
        notary: ['Successfully updated passphrase for key ID: < key 1>'],
        tabellion: ['* fatal: could not retrieve local key for key ID provided: < key 1>'],
      },
      disk: {
        notary: [
          '+ trust/private/<bob>.key 0600 in 0700',
          '    trust/private/<bob>.key: -----BEGIN ENCRYPTED PRIVATE KEY-----',
          '    trust/private/<bob>.key: <as stored: <bob>>',
          '    trust/private/<bob>.key: -----END ENCRYPTED PRIVATE KEY-----',
          '    trust/private/<bob>.key: ',
        ],
        tabellion: [],
      },
    },
  }),
  ...meant('A key file is not read twice', '“no” leaves nothing behind', {
    'rotation-given-keys/root, but no': {
      disk: { notary: [...keyFile('<second-root-encrypted>', ['role: root'])], tabellion: [] },
    },
    'rotation-given-keys/one of two is absent': {
      disk: {
        notary: [...keyFile('<alice>', ['gun: example.test/rotation-given-keys', 'role: targets'])],
        tabellion: [],
      },
    },
  }),
  ...meant(
    'Removing a key says what still needs it',
    'a key that is still needed is not removed unawares',
    {
      'key-remove/a targets key in use': {
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="key <targets key 1> still signs for targets in example.test/key-remove"',
          ],
        },
      },
      'missing-keys/the targets key goes': {
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="key <targets key 1> still signs for targets in example.test/missing-keys"',
          ],
        },
      },
      'missing-keys/the snapshot key goes': {
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="key <snapshot key 1> still signs for snapshot in example.test/missing-keys"',
          ],
        },
      },
      'rotation-errors/the root key goes': {
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="key <root key 1> still signs for root in example.test/rotation-errors"',
          ],
        },
      },
    },
  ),
];
