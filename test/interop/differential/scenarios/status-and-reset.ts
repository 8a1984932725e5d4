import { fails, prepare, type Scenario, type StepOptions, works } from '../scenario.ts';
import { someFiles } from './files.ts';

export const statusAndReset: Scenario = {
  name: 'status-and-reset',
  steps: [
    someFiles,
    fails('status: no GUN', 'status'),
    fails('reset: no GUN', 'reset'),
    fails('reset: nothing said', 'reset {gun}'),
    works('reset what is not there', 'reset {gun} --all'),
    works('reset a number of nothing', 'reset {gun} -n 3'),
    works('stage without a repository', 'add {gun} zero one.txt'),
    works('stage a second', 'add {gun} first two.txt'),
    works('stage a removal', 'remove {gun} second'),
    works('stage a witness', 'witness {gun} targets'),
    works(
      'stage a delegation',
      'delegation add {gun} targets/alice {inputs}/alice.pem --all-paths',
    ),
    works('stage a removal from a delegation', 'delegation remove {gun} targets/alice --paths x,y'),
    works('stage a whole role', 'delegation remove {gun} targets/alice -y'),
    works('stage a purge', 'delegation purge {gun} --key abc'),
    works('status', 'status {gun}'),
    works('status with more arguments', 'status {gun} more'),
    works('reset one', 'reset {gun} -n 1'),
    works('status after one', 'status {gun}'),
    works('reset two', 'reset {gun} -n 0,2'),
    works('status after two', 'status {gun}'),
    works('reset repeated flags', 'reset {gun} -n 0 --number 1'),
    works('status after repeated flags', 'status {gun}'),
    works('reset a number twice', 'reset {gun} -n 0,0'),
    works('reset a number that is not there', 'reset {gun} -n 77'),
    works('reset a negative number', 'reset {gun} -n -1'),
    fails('reset what is no number', 'reset {gun} -n one'),
    fails('reset the empty number', 'reset {gun} -n ""'),
    works('reset all and a number', 'reset {gun} --all -n 0'),
    works('status of nothing', 'status {gun}'),
    prepare('a change file that is broken', async side => {
      const folder = 'trust/tuf/{gun}/changelist';
      await side.write(`${folder}/00000000000000000001_broken.change`, '{"action":', 0o600);
      await side.write(
        `${folder}/00000000000000000002_other.change`,
        '{"action":"create","role":"targets","type":"unheard","path":"x","data":null}',
        0o600,
      );
    }),
    works('status with a broken file', 'status {gun}'),
    works('stage another', 'add {gun} last one.txt'),
    works('status with a broken file and another', 'status {gun}'),
    works('reset the one after the broken', 'reset {gun} -n 1'),
    works('status after that', 'status {gun}'),
    fails('publish with a broken file', 'publish {gun}'),
    works('reset all with a broken file', 'reset {gun} --all'),
    works('status at last', 'status {gun}'),
  ],
};

/** Changes that no command writes but that the changelist's format has. */
export const unusualChanges: Scenario = {
  name: 'unusual-changes',
  steps: [
    works('init', 'init {gun} -p'),
    ...[
      [
        'an unknown type',
        '{"action":"create","role":"targets","type":"unheard","path":"x","data":null}',
      ],
      [
        'an unknown action',
        '{"action":"update","role":"targets","type":"target","path":"x","data":null}',
      ],
      [
        'an unknown scope',
        '{"action":"create","role":"elsewhere","type":"target","path":"x","data":null}',
      ],
      [
        'a root change of another kind',
        '{"action":"delete","role":"root","type":"role","path":"targets","data":null}',
      ],
      [
        'a target without data',
        '{"action":"create","role":"targets","type":"target","path":"x","data":null}',
      ],
      [
        'a target with broken data',
        '{"action":"create","role":"targets","type":"target","path":"x","data":"e30x"}',
      ],
      [
        'a delegation without a name',
        '{"action":"create","role":"","type":"delegation","path":"","data":null}',
      ],
      [
        'a delegation without data',
        '{"action":"create","role":"targets/a","type":"delegation","path":"","data":null}',
      ],
      ['an empty object', '{}'],
    ].flatMap(([title = '', change = '']) => {
      const staged: StepOptions = {
        prepare: side =>
          side.write('trust/tuf/{gun}/changelist/00000000000000000001_hand.change', change, 0o600),
        undone: true,
      };
      return [
        works(`${title}: status`, 'status {gun}', staged),
        fails(`${title}: publish`, 'publish {gun}', staged),
      ];
    }),
    works('members in capitals', 'status {gun}', {
      prepare: side =>
        side.write(
          'trust/tuf/{gun}/changelist/00000000000000000001_hand.change',
          '{"Action":"delete","ROLE":"targets","Type":"target","path":"x","data":null}',
          0o600,
        ),
      undone: true,
    }),
    works('list', 'list {gun}'),
  ],
};
