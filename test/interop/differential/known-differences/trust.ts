/** Known differences in what is trusted and accepted. */
import type { KnownDifference } from '../known-differences.ts';
import { meant } from './meant.ts';

export const TRUST_DIFFERENCES: readonly KnownDifference[] = [
  ...meant(
    'A server that cannot be believed is not “offline”',
    'whoever can disturb the connection could hold people on old data',
    {
      'offline/status 503': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [
            'NAME    DIGEST                                                              SIZE (BYTES)    ROLE',
            '----    ------                                                              ------------    ----',
            'one     2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
          ],
          tabellion: ['', '* fatal: client is offline'],
        },
        stderr: {
          notary: [
            'time="<time>" level=warning msg="Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely"',
          ],
          tabellion: [],
        },
      },
      'offline/metadata 401': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [
            'NAME    DIGEST                                                              SIZE (BYTES)    ROLE',
            '----    ------                                                              ------------    ----',
            'one     2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
          ],
          tabellion: [
            '',
            '* fatal: you are not authorized to perform this operation: server returned 401.',
          ],
        },
        stderr: {
          notary: [
            'time="<time>" level=warning msg="Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely"',
          ],
          tabellion: [],
        },
      },
      'offline/untrusted': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [
            'NAME    DIGEST                                                              SIZE (BYTES)    ROLE',
            '----    ------                                                              ------------    ----',
            'one     2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
          ],
          tabellion: ['', '* fatal: client is offline'],
        },
        stderr: {
          notary: [
            'time="<time>" level=warning msg="Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely"',
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant('TLS is always verified', 'passwords and tokens are sent over that connection', {
    'config/TLS is not checked': {
      exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
      stdout: {
        notary: [
          'NAME    DIGEST                                                              SIZE (BYTES)    ROLE',
          '----    ------                                                              ------------    ----',
          'one     2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
        ],
        tabellion: ['', '* fatal: client is offline'],
      },
      stderr: {
        notary: [],
        tabellion: [
          'time="<time>" level=warning msg="remote_server.skipTLSVerify is not honoured: TLS certificates are always verified"',
          'time="<time>" level=error msg="could not reach <server>: Get \\"<server>/v2/\\": x509: certificate signed by unknown authority"',
        ],
      },
    },
  }),
  ...meant(
    'Deleted delegations do not come back',
    'what a removed role once signed must not be listed any more',
    {
      'orphaned-delegation/delegations': {
        cache: {
          notary: [
            'snapshot.json:    },',
            'snapshot.json:    "targets/a/deep": {',
            'snapshot.json:     "is": "sha256 of the file, sha512 of the file, the length of the file"',
            'trust/tuf/example.test/orphaned-delegation/metadata/targets/a/deep.json 0600 in 0700',
            'targets/a/deep.json: {',
            'targets/a/deep.json:  "file": "signed, signatures; compact",',
            'targets/a/deep.json:  "signatures": [',
            'targets/a/deep.json:   "keyid, method, sig: ecdsa by <bob>"',
            'targets/a/deep.json:  ],',
            'targets/a/deep.json:  "signed": {',
            'targets/a/deep.json:   "_type": "Targets",',
            'targets/a/deep.json:   "delegations": {',
            'targets/a/deep.json:    "keys": {},',
            'targets/a/deep.json:    "roles": []',
            'targets/a/deep.json:   },',
            'targets/a/deep.json:   "expires": "in 1095 days, UTC",',
            'targets/a/deep.json:   "targets": {',
            'targets/a/deep.json:    "one": {',
            'targets/a/deep.json:     "hashes": {',
            'targets/a/deep.json:      "sha256": "LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=",',
            'targets/a/deep.json:      "sha512": "B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ=="',
            'targets/a/deep.json:     },',
            'targets/a/deep.json:     "length": 4',
            'targets/a/deep.json:    }',
            'targets/a/deep.json:   },',
            'targets/a/deep.json:   "version": 1',
            'targets/a/deep.json:  }',
            'targets/a/deep.json: }',
          ],
          tabellion: [],
        },
      },
      'orphaned-delegation/end': {
        server: {
          notary: [
            'example.test/orphaned-delegation snapshot:    },',
            'example.test/orphaned-delegation snapshot:    "targets/a/deep": {',
            'example.test/orphaned-delegation snapshot:     "is": "sha256 of the file, sha512 of the file, the length of the file"',
            'example.test/orphaned-delegation targets/a/deep: {',
            'example.test/orphaned-delegation targets/a/deep:  "file": "signed, signatures; compact",',
            'example.test/orphaned-delegation targets/a/deep:  "signatures": [',
            'example.test/orphaned-delegation targets/a/deep:   "keyid, method, sig: ecdsa by <bob>"',
            'example.test/orphaned-delegation targets/a/deep:  ],',
            'example.test/orphaned-delegation targets/a/deep:  "signed": {',
            'example.test/orphaned-delegation targets/a/deep:   "_type": "Targets",',
            'example.test/orphaned-delegation targets/a/deep:   "delegations": {',
            'example.test/orphaned-delegation targets/a/deep:    "keys": {},',
            'example.test/orphaned-delegation targets/a/deep:    "roles": []',
            'example.test/orphaned-delegation targets/a/deep:   },',
            'example.test/orphaned-delegation targets/a/deep:   "expires": "in 1095 days, UTC",',
            'example.test/orphaned-delegation targets/a/deep:   "targets": {',
            'example.test/orphaned-delegation targets/a/deep:    "one": {',
            'example.test/orphaned-delegation targets/a/deep:     "hashes": {',
            'example.test/orphaned-delegation targets/a/deep:      "sha256": "LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=",',
            'example.test/orphaned-delegation targets/a/deep:      "sha512": "B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ=="',
            'example.test/orphaned-delegation targets/a/deep:     },',
            'example.test/orphaned-delegation targets/a/deep:     "length": 4',
            'example.test/orphaned-delegation targets/a/deep:    }',
            'example.test/orphaned-delegation targets/a/deep:   },',
            'example.test/orphaned-delegation targets/a/deep:   "version": 1',
            'example.test/orphaned-delegation targets/a/deep:  }',
            'example.test/orphaned-delegation targets/a/deep: }',
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant(
    'Deleted delegations do not come back',
    'adding to a role that is not trusted any more would drop what it holds',
    {
      'invalid-delegation/adding to it': {
        stdout: {
          notary: ['* fatal: trust server rejected operation.'],
          tabellion: [
            '* fatal: targets/team is not trusted as it stands (The targets/team metadata has 0 valid signatures of the 1 it needs), and adding to it would drop the 1 targets and 0 delegations that it holds',
          ],
        },
        stderr: {
          notary: [
            'time="<time>" level=warning msg="Error getting targets/team: valid signatures did not meet threshold for targets/team"',
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant(
    'A role without keys is warned about once',
    'a pinned authority that is near its end is not warned about',
    {
      'pinning/a CA that did not issue it': {
        stderr: {
          notary: [
            'time="<time>" level=warning msg="certificate with CN Tabellion interop CA is near expiry"',
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant('Configuration files', 'pins must not be dropped because of a slip', {
    'pinning/no object': {
      exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
      stdout: {
        notary: [
          'NAME    DIGEST                                                              SIZE (BYTES)    ROLE',
          '----    ------                                                              ------------    ----',
          'one     2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
        ],
        tabellion: [
          '',
          '* fatal: error opening config file: The configuration file “pins.json” cannot be used: trust_pinning.certs is not an object',
        ],
      },
    },
  }),
  ...meant('Configuration files', 'what a file says in a type that does not fit is an error', {
    'config/numbers and texts': {
      exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
      stdout: {
        notary: ['No signing keys found.', ''],
        tabellion: [
          '* fatal: error opening config file: The configuration file “types.json” cannot be used: remote_server is not an object',
        ],
      },
    },
  }),
  ...meant('Credentials', 'Notary cannot read from a server that offers Basic alone', {
    'credentials/a server that wants Basic: list': {
      stdout: {
        notary: ['* fatal: no basic auth credentials'],
        tabellion: ['* fatal: <odd host> does not have trust data for example.test/credentials'],
      },
    },
  }),
  ...meant('Server addresses', "with a slash at the end every command of Notary's fails", {
    'offline/a slash at the end of the URL': {
      stdout: {
        notary: ['* fatal: unable to reach trust server at this time: 301.'],
        tabellion: ['* fatal: <host> does not have trust data for example.test/offline/none'],
      },
    },
  }),
  ...meant('Credentials', 'text with a colon is never Base64, so the two cannot be confused', {
    'credentials/in clear': {
      exit: { notary: ['exit 1'], tabellion: ['exit 0'] },
      stdout: {
        notary: [
          '',
          '* fatal: you are not authorized to perform this operation: server returned 401.',
        ],
        tabellion: ['Successfully published changes for repository example.test/credentials'],
      },
      stderr: {
        notary: [
          'time="<time>" level=error msg="Could not base64-decode authentication string"',
          'time="<time>" level=error msg="Could not publish Repository since we could not update: you are not authorized to perform this operation: server returned 401."',
        ],
        tabellion: [],
      },
    },
  }),
  ...meant(
    'Pins are compared exactly, and on every load',
    'a pin that is ignored protects nobody',
    {
      'pinning/a pin that comes later': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [
            'NAME    DIGEST                                                              SIZE (BYTES)    ROLE',
            '----    ------                                                              ------------    ----',
            'one     2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
          ],
          tabellion: [
            '',
            '* fatal: could not validate the path to a trusted root: unable to match any certificates to trust_pinning config',
          ],
        },
      },
      'pinning/a pin with capitals': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: ['No targets present in this repository.', ''],
          tabellion: [
            '* fatal: could not validate the path to a trusted root: unable to match any certificates to trust_pinning config',
          ],
        },
      },
    },
  ),
  ...meant(
    'Names that lead out of the trust directory are refused',
    'Notary removes the whole trust directory with all private keys',
    {
      'delete-one/a name that leads out': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: ['Successfully deleted local trust data for repository ..'],
          tabellion: ['', '* fatal: “..” cannot name a repository: it has the part “..”'],
        },
        disk: {
          notary: [
            '- trust/private/<root key 1>.key',
            '- trust/private/<snapshot key 1>.key',
            '- trust/private/<snapshot key 2>.key',
            '- trust/private/<targets key 1>.key',
            '- trust/private/<targets key 2>.key',
          ],
          tabellion: [],
        },
      },
    },
  ),
];
