/** Known differences in staging and publishing. */
import type { KnownDifference } from '../known-differences.ts';
import { meant } from './meant.ts';

export const STAGING_DIFFERENCES: readonly KnownDifference[] = [
  ...meant(
    'Broken change files keep their numbers',
    '`reset -n` takes the numbers that `status` shows',
    {
      'status-and-reset/status with a broken file': {
        stdout: {
          notary: [
            'Unpublished changes for example.test/status-and-reset:',
            '',
            '#    ACTION    SCOPE      TYPE       PATH',
            '-    ------    -----      ----       ----',
            '0    create    targets    unheard    x',
          ],
          tabellion: ['No unpublished changes for example.test/status-and-reset'],
        },
        stderr: {
          notary: [
            'time="<time>" level=warning msg="unexpected end of JSON input"',
            'time="<time>" level=warning msg="unexpected end of JSON input"',
          ],
          tabellion: [
            'time="<time>" level=warning msg="change 0 (00000000000000000001_broken.change) cannot be read: A staged change cannot be read: its change is not JSON (Unexpected end of JSON input)"',
            'time="<time>" level=warning msg="change 1 (00000000000000000002_other.change) cannot be read: A staged change cannot be read: its type is not known"',
          ],
        },
      },
      'status-and-reset/status with a broken file and another': {
        stdout: {
          notary: [
            '#    ACTION    SCOPE      TYPE       PATH',
            '-    ------    -----      ----       ----',
            '0    create    targets    unheard    x',
            '1    create    targets    target     last',
          ],
          tabellion: [
            '#    ACTION    SCOPE      TYPE      PATH',
            '-    ------    -----      ----      ----',
            '2    create    targets    target    last',
          ],
        },
        stderr: {
          notary: [
            'time="<time>" level=warning msg="unexpected end of JSON input"',
            'time="<time>" level=warning msg="unexpected end of JSON input"',
          ],
          tabellion: [
            'time="<time>" level=warning msg="change 0 (00000000000000000001_broken.change) cannot be read: A staged change cannot be read: its change is not JSON (Unexpected end of JSON input)"',
            'time="<time>" level=warning msg="change 1 (00000000000000000002_other.change) cannot be read: A staged change cannot be read: its type is not known"',
          ],
        },
      },
      'status-and-reset/status after that': {
        stdout: {
          notary: ['0    create    targets    target    last'],
          tabellion: ['1    create    targets    target    last'],
        },
        stderr: {
          notary: [
            'time="<time>" level=warning msg="unexpected end of JSON input"',
            'time="<time>" level=warning msg="unexpected end of JSON input"',
          ],
          tabellion: [
            'time="<time>" level=warning msg="change 0 (00000000000000000001_broken.change) cannot be read: A staged change cannot be read: its change is not JSON (Unexpected end of JSON input)"',
          ],
        },
      },
      'status-and-reset/publish with a broken file': {
        stdout: {
          notary: ['* fatal: unexpected end of JSON input'],
          tabellion: [
            '* fatal: The staged file 00000000000000000001_broken.change is no change: A staged change cannot be read: its change is not JSON (Unexpected end of JSON input)',
          ],
        },
      },
      'unusual-changes/an unknown type: status': {
        stdout: {
          notary: [
            'Unpublished changes for example.test/unusual-changes:',
            '',
            '#    ACTION    SCOPE      TYPE       PATH',
            '-    ------    -----      ----       ----',
            '0    create    targets    unheard    x',
          ],
          tabellion: ['No unpublished changes for example.test/unusual-changes'],
        },
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="change 0 (00000000000000000001_hand.change) cannot be read: A staged change cannot be read: its type is not known"',
          ],
        },
      },
      'unusual-changes/an unknown type: publish': {
        stdout: {
          notary: ['* fatal: only target meta and delegations changes supported'],
          tabellion: [
            '* fatal: The staged file 00000000000000000001_hand.change is no change: A staged change cannot be read: its type is not known',
          ],
        },
      },
      'unusual-changes/an empty object: status': {
        stdout: {
          notary: [
            'Unpublished changes for example.test/unusual-changes:',
            '',
            '#    ACTION    SCOPE    TYPE    PATH',
            '-    ------    -----    ----    ----',
            '0                               ',
          ],
          tabellion: ['No unpublished changes for example.test/unusual-changes'],
        },
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="change 0 (00000000000000000001_hand.change) cannot be read: A staged change cannot be read: its action is not known"',
          ],
        },
      },
      'unusual-changes/an empty object: publish': {
        stdout: {
          notary: ['* fatal: scope not supported: '],
          tabellion: [
            '* fatal: The staged file 00000000000000000001_hand.change is no change: A staged change cannot be read: its action is not known',
          ],
        },
      },
      'unusual-changes/members in capitals': {
        stdout: {
          notary: [
            'Unpublished changes for example.test/unusual-changes:',
            '',
            '#    ACTION    SCOPE      TYPE      PATH',
            '-    ------    -----      ----      ----',
            '0    delete    targets    target    x',
          ],
          tabellion: ['No unpublished changes for example.test/unusual-changes'],
        },
        stderr: {
          notary: [],
          tabellion: [
            'time="<time>" level=warning msg="change 0 (00000000000000000001_hand.change) cannot be read: A staged change cannot be read: its action is not known"',
          ],
        },
      },
    },
  ),
  ...meant(
    'Broken change files keep their numbers',
    'what is wrong with a change is told in words',
    {
      'unusual-changes/a target without data: publish': {
        stdout: {
          notary: ['* fatal: unexpected end of JSON input'],
          tabellion: [
            '* fatal: A staged change cannot be read: its target is not JSON (Unexpected end of JSON input)',
          ],
        },
      },
      'unusual-changes/a target with broken data: publish': {
        stdout: {
          notary: ["* fatal: invalid character '1' after top-level value"],
          tabellion: [
            '* fatal: A staged change cannot be read: its target is not JSON (Unexpected non-whitespace character after JSON at position 2)',
          ],
        },
      },
      'unusual-changes/a delegation without data: publish': {
        stdout: {
          notary: ['* fatal: unexpected end of JSON input'],
          tabellion: ['* fatal: tuf: invalid role targets/a.'],
        },
      },
    },
  ),
  ...meant('A missing snapshot key is named', "the server's words do not say what to do", {
    'missing-keys/publish without the snapshot key': {
      stdout: {
        notary: [
          '* fatal: An error occurred during validation: rpc error: code = NotFound desc = key <snapshot key 1> not found',
        ],
        tabellion: [
          '* fatal: signing keys not available: need 1 keys from 1 possible keys (<snapshot key 1>)',
        ],
      },
    },
  }),
  ...meant(
    'Sizes and custom data that cannot be verified are refused',
    'what is staged could never be published or verified',
    {
      'strange-names/a tab: add': {
        stdout: {
          notary: [
            'Addition of target "a	b" to repository "example.test/strange-names" staged for next publish.',
            'Auto-publishing changes to example.test/strange-names',
            "* fatal: json: error calling MarshalJSON for type *json.RawMessage: invalid character '\\t' in string literal",
          ],
          tabellion: ['* fatal: “a\\u0009b” cannot be signed: Notary cannot write such a name'],
        },
        disk: {
          notary: [
            '+ trust/tuf/example.test/strange-names/changelist/<change 1> 0600 in 0700',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: {',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "form": "action, role, type, path, data; compact",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "action": "create",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "role": "targets",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "type": "target",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "path": "a\\tb",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "data": "{\\"length\\":4,\\"hashes\\":{\\"sha256\\":\\"LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=\\",\\"sha512\\":\\"B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ==\\"}}"',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: }',
          ],
          tabellion: [],
        },
      },
      'strange-names/custom data {"a": "x<y"}': {
        stdout: {
          notary: [
            'Addition of target "custom0" to repository "example.test/strange-names" staged for next publish.',
            'Auto-publishing changes to example.test/strange-names',
            '* fatal: The targets metadata is invalid: valid signatures did not meet threshold for targets',
          ],
          tabellion: [
            '* fatal: The custom data of “custom0” holds a number that is no integer up to 2^53, one of < > &, or a control character, and Notary could not sign it again',
          ],
        },
        disk: {
          notary: [
            '+ trust/tuf/example.test/strange-names/changelist/<change 1> 0600 in 0700',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: {',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "form": "action, role, type, path, data; compact",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "action": "create",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "role": "targets",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "type": "target",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "path": "custom0",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "data": "{\\"length\\":4,\\"hashes\\":{\\"sha256\\":\\"LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=\\",\\"sha512\\":\\"B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ==\\"},\\"custom\\":{\\"a\\":\\"x\\\\u003cy\\"}}"',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: }',
          ],
          tabellion: [],
        },
      },
      'strange-names/custom data {"a": "x&y"}': {
        stdout: {
          notary: [
            'Addition of target "custom1" to repository "example.test/strange-names" staged for next publish.',
            'Auto-publishing changes to example.test/strange-names',
            '* fatal: The targets metadata is invalid: valid signatures did not meet threshold for targets',
          ],
          tabellion: [
            '* fatal: The custom data of “custom1” holds a number that is no integer up to 2^53, one of < > &, or a control character, and Notary could not sign it again',
          ],
        },
        disk: {
          notary: [
            '+ trust/tuf/example.test/strange-names/changelist/<change 1> 0600 in 0700',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: {',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "form": "action, role, type, path, data; compact",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "action": "create",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "role": "targets",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "type": "target",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "path": "custom1",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "data": "{\\"length\\":4,\\"hashes\\":{\\"sha256\\":\\"LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=\\",\\"sha512\\":\\"B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ==\\"},\\"custom\\":{\\"a\\":\\"x\\\\u0026y\\"}}"',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: }',
          ],
          tabellion: [],
        },
      },
      'strange-names/custom data {"a": 1.50}': {
        stdout: {
          notary: [
            'Addition of target "custom2" to repository "example.test/strange-names" staged for next publish.',
            'Auto-publishing changes to example.test/strange-names',
            '* fatal: The targets metadata is invalid: json: unsupported value: 1.5',
          ],
          tabellion: [
            '* fatal: The custom data of “custom2” holds a number that is no integer up to 2^53, one of < > &, or a control character, and Notary could not sign it again',
          ],
        },
        disk: {
          notary: [
            '+ trust/tuf/example.test/strange-names/changelist/<change 1> 0600 in 0700',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: {',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "form": "action, role, type, path, data; compact",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "action": "create",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "role": "targets",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "type": "target",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "path": "custom2",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "data": "{\\"length\\":4,\\"hashes\\":{\\"sha256\\":\\"LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=\\",\\"sha512\\":\\"B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ==\\"},\\"custom\\":{\\"a\\":1.50}}"',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: }',
          ],
          tabellion: [],
        },
      },
      'strange-names/custom data {"a": "\\u003c"}': {
        stdout: {
          notary: [
            'Addition of target "custom3" to repository "example.test/strange-names" staged for next publish.',
            'Auto-publishing changes to example.test/strange-names',
            '* fatal: The targets metadata is invalid: valid signatures did not meet threshold for targets',
          ],
          tabellion: [
            '* fatal: The custom data of “custom3” holds a number that is no integer up to 2^53, one of < > &, or a control character, and Notary could not sign it again',
          ],
        },
        disk: {
          notary: [
            '+ trust/tuf/example.test/strange-names/changelist/<change 1> 0600 in 0700',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: {',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "form": "action, role, type, path, data; compact",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "action": "create",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "role": "targets",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "type": "target",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "path": "custom3",',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>:  "data": "{\\"length\\":4,\\"hashes\\":{\\"sha256\\":\\"LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=\\",\\"sha512\\":\\"B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ==\\"},\\"custom\\":{\\"a\\":\\"\\\\u003c\\"}}"',
            '    trust/tuf/example.test/strange-names/changelist/<change 1>: }',
          ],
          tabellion: [],
        },
      },
      'target-errors/add the empty name': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [
            'Addition of target "" to repository "example.test/target-errors" staged for next publish.',
          ],
          tabellion: ['', '* fatal: “” cannot be signed: Notary cannot write such a name'],
        },
        disk: {
          notary: [
            '+ trust/tuf/example.test/target-errors/changelist/<change 1> 0600 in 0700',
            '    trust/tuf/example.test/target-errors/changelist/<change 1>: {',
            '    trust/tuf/example.test/target-errors/changelist/<change 1>:  "form": "action, role, type, path, data; compact",',
            '    trust/tuf/example.test/target-errors/changelist/<change 1>:  "action": "create",',
            '    trust/tuf/example.test/target-errors/changelist/<change 1>:  "role": "targets",',
            '    trust/tuf/example.test/target-errors/changelist/<change 1>:  "type": "target",',
            '    trust/tuf/example.test/target-errors/changelist/<change 1>:  "path": "",',
            '    trust/tuf/example.test/target-errors/changelist/<change 1>:  "data": "{\\"length\\":4,\\"hashes\\":{\\"sha256\\":\\"LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=\\",\\"sha512\\":\\"B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ==\\"}}"',
            '    trust/tuf/example.test/target-errors/changelist/<change 1>: }',
          ],
          tabellion: [],
        },
      },
      'targets/addhash negative after two hyphens': {
        exit: { notary: ['exit 0'], tabellion: ['exit 1'] },
        stdout: {
          notary: [
            'Addition of target "negative" by sha256 hash to repository "example.test/targets" staged for next publish.',
          ],
          tabellion: ['', '* fatal: invalid byte size of target data: -5'],
        },
        disk: {
          notary: [
            '+ trust/tuf/example.test/targets/changelist/<change 16> 0600 in 0700',
            '    trust/tuf/example.test/targets/changelist/<change 16>: {',
            '    trust/tuf/example.test/targets/changelist/<change 16>:  "form": "action, role, type, path, data; compact",',
            '    trust/tuf/example.test/targets/changelist/<change 16>:  "action": "create",',
            '    trust/tuf/example.test/targets/changelist/<change 16>:  "role": "targets",',
            '    trust/tuf/example.test/targets/changelist/<change 16>:  "type": "target",',
            '    trust/tuf/example.test/targets/changelist/<change 16>:  "path": "negative",',
            '    trust/tuf/example.test/targets/changelist/<change 16>:  "data": "{\\"length\\":-5,\\"hashes\\":{\\"sha256\\":\\"LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=\\"}}"',
            '    trust/tuf/example.test/targets/changelist/<change 16>: }',
          ],
          tabellion: [],
        },
      },
    },
  ),
  ...meant(
    'Sizes and custom data that cannot be verified are refused',
    'members in another order are sorted before they are signed',
    {
      'unordered-custom-data/add': {
        exit: { notary: ['exit 1'], tabellion: ['exit 0'] },
        stdout: {
          notary: [
            '',
            '* fatal: The targets metadata is invalid: valid signatures did not meet threshold for targets',
          ],
          tabellion: [
            'Successfully published changes for repository example.test/unordered-custom-data',
          ],
        },
        disk: {
          notary: [
            '+ trust/tuf/example.test/unordered-custom-data/changelist/<change 1> 0600 in 0700',
            '    trust/tuf/example.test/unordered-custom-data/changelist/<change 1>: {',
            '    trust/tuf/example.test/unordered-custom-data/changelist/<change 1>:  "form": "action, role, type, path, data; compact",',
            '    trust/tuf/example.test/unordered-custom-data/changelist/<change 1>:  "action": "create",',
            '    trust/tuf/example.test/unordered-custom-data/changelist/<change 1>:  "role": "targets",',
            '    trust/tuf/example.test/unordered-custom-data/changelist/<change 1>:  "type": "target",',
            '    trust/tuf/example.test/unordered-custom-data/changelist/<change 1>:  "path": "one",',
            '    trust/tuf/example.test/unordered-custom-data/changelist/<change 1>:  "data": "{\\"length\\":4,\\"hashes\\":{\\"sha256\\":\\"LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=\\",\\"sha512\\":\\"B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ==\\"},\\"custom\\":{\\"b\\":1,\\"a\\":2}}"',
            '    trust/tuf/example.test/unordered-custom-data/changelist/<change 1>: }',
          ],
          tabellion: [],
        },
      },
      'unordered-custom-data/end': {
        server: {
          notary: [
            'example.test/unordered-custom-data timestamp:   "version": 1',
            'example.test/unordered-custom-data snapshot:   "version": 2',
            'example.test/unordered-custom-data targets:   "targets": {},',
            'example.test/unordered-custom-data targets:   "version": 2',
          ],
          tabellion: [
            'example.test/unordered-custom-data timestamp:   "version": 2',
            'example.test/unordered-custom-data snapshot:   "version": 3',
            'example.test/unordered-custom-data targets:   "targets": {',
            'example.test/unordered-custom-data targets:    "one": {',
            'example.test/unordered-custom-data targets:     "custom": {',
            'example.test/unordered-custom-data targets:      "a": 2,',
            'example.test/unordered-custom-data targets:      "b": 1',
            'example.test/unordered-custom-data targets:     },',
            'example.test/unordered-custom-data targets:     "hashes": {',
            'example.test/unordered-custom-data targets:      "sha256": "LIsI2lzmA5jh8Zrw5dzMdE3ydLgmq+WF6rpoxSVDSAY=",',
            'example.test/unordered-custom-data targets:      "sha512": "B+QcyxZtIaUyfVoq4btIGSuEcOE1cmbJ0RnClMselZeFaUcsneZPttk8vU3QrtC/HnxH/Rkg3hewOKCKhetPoQ=="',
            'example.test/unordered-custom-data targets:     },',
            'example.test/unordered-custom-data targets:     "length": 4',
            'example.test/unordered-custom-data targets:    }',
            'example.test/unordered-custom-data targets:   },',
            'example.test/unordered-custom-data targets:   "version": 3',
          ],
        },
      },
      'unordered-custom-data/end, notary reads what tabellion notary wrote': {
        reading: {
          notary: [
            'list example.test/unordered-custom-data: ',
            'list example.test/unordered-custom-data: No targets present in this repository.',
            'list example.test/unordered-custom-data: ',
          ],
          tabellion: [
            'list example.test/unordered-custom-data: NAME    DIGEST                                                              SIZE (BYTES)    ROLE',
            'list example.test/unordered-custom-data: ----    ------                                                              ------------    ----',
            'list example.test/unordered-custom-data: one     2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
          ],
        },
      },
    },
  ),
  ...meant('A role without keys is warned about once', 'the same warning twice says no more', {
    'delegation-errors/remove: the last key': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="role targets/parent has fewer keys than its threshold of 1; it will not be usable until keys are added to it"',
        ],
        tabellion: [],
      },
    },
    'delegations/remove all paths and a key': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="role targets/all has fewer keys than its threshold of 1; it will not be usable until keys are added to it"',
        ],
        tabellion: [],
      },
    },
    'witness/without any key': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="role targets/team has fewer keys than its threshold of 1; it will not be usable until keys are added to it"',
        ],
        tabellion: [],
      },
    },
  }),
  ...meant('A role without keys is warned about once', 'the commands that read warn of it', {
    'delegation-order/list without them': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="Error getting targets/z/deep: valid signatures did not meet threshold for targets/z/deep"',
        ],
        tabellion: [
          'time="<time>" level=warning msg="Error getting targets/z/deep: valid signatures did not meet threshold for targets/z/deep"',
        ],
      },
    },
    'delegations/remove the nested role': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="Error getting targets/alice/deep: valid signatures did not meet threshold for targets/alice/deep"',
          'time="<time>" level=warning msg="Error getting targets/bob: valid signatures did not meet threshold for targets/bob"',
          'time="<time>" level=warning msg="Error getting targets/both: valid signatures did not meet threshold for targets/both"',
        ],
        tabellion: [],
      },
    },
    'delegations/remove a whole role': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="Error getting targets/bob: valid signatures did not meet threshold for targets/bob"',
          'time="<time>" level=warning msg="Error getting targets/both: valid signatures did not meet threshold for targets/both"',
        ],
        tabellion: [],
      },
    },
    'delegations/publish the role anew': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="Error getting targets/bob: valid signatures did not meet threshold for targets/bob"',
          'time="<time>" level=warning msg="Error getting targets/both: valid signatures did not meet threshold for targets/both"',
        ],
        tabellion: [],
      },
    },
    'witness/witness the delegation': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="Error getting targets/team: valid signatures did not meet threshold for targets/team"',
        ],
        tabellion: [],
      },
    },
    'witness/publish without any key': {
      stderr: {
        notary: [
          'time="<time>" level=warning msg="Error getting targets/team: valid signatures did not meet threshold for targets/team"',
        ],
        tabellion: [],
      },
    },
  }),
  ...meant('`delete` leaves collections below', "another collection's data is not asked for", {
    'delete-nested/delete': {
      disk: {
        notary: ['- trust/tuf/example.test/delete-nested/below/changelist/<change 1>'],
        tabellion: [],
      },
    },
    'delete-nested/status of the one below': {
      stdout: {
        notary: ['No unpublished changes for example.test/delete-nested/below'],
        tabellion: [
          'Unpublished changes for example.test/delete-nested/below:',
          '',
          '#    ACTION    SCOPE      TYPE      PATH',
          '-    ------    -----      ----      ----',
          '0    create    targets    target    one',
        ],
      },
    },
    'delete-nested/delete the one below': {
      disk: {
        notary: [],
        tabellion: ['- trust/tuf/example.test/delete-nested/below/changelist/<change 1>'],
      },
    },
  }),
];
