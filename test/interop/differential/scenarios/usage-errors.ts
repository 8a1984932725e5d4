import { fails, type Scenario, type StepOptions, works } from '../scenario.ts';

const bare: StepOptions = { bare: true };

/** The numbers are those of whatever is installed. */
const VERSIONS = {
  pattern: /\d+\.\d+\.\d+/g,
  becomes: '<version>',
  reason: 'another release is not another behaviour',
};

const COMMANDS = [
  'init',
  'add',
  'addhash',
  'remove',
  'list',
  'lookup',
  'publish',
  'status',
  'reset',
  'verify',
  'delete',
  'witness',
  'delegation',
  'delegation add',
  'delegation remove',
  'delegation list',
  'delegation purge',
  'key',
  'key list',
  'key generate',
  'key import',
  'key export',
  'key passwd',
  'key remove',
  'key rotate',
  'version',
];

export const usageErrors: Scenario = {
  name: 'usage-errors',
  steps: [
    works('nothing', '', bare),
    fails('an unknown command', 'bogus', bare),
    fails('a command that is nearly right', 'lst', bare),
    fails('an unknown flag', '--bogus', bare),
    fails('an unknown flag of a command', 'list {gun} --bogus', bare),
    fails('an unknown short flag', 'list {gun} -x', bare),
    fails('unknown short flags together', 'list {gun} -vx', bare),
    fails('a flag of another command', 'list {gun} -p', bare),
    fails('a flag without its value', 'list {gun} -r', bare),
    fails('a long flag without its value', 'list {gun} --roles', bare),
    fails('a switch with a value that is none', 'list {gun} --verbose=maybe', bare),
    works('a switch with a value', 'status {gun} --verbose=false', bare),
    works('a switch with a short value', 'status {gun} -v=true', bare),
    works('values in one word', 'status {gun} -dwhere --server={closed}', bare),
    works('switches together', 'status {gun} -vd where', bare),
    works('flags before the command', '-d where status {gun}', bare),
    works('the last value counts', 'status {gun} -d one -d two', bare),
    works('after two hyphens', 'status -- --bogus {gun} -d', bare),
    works('a group without a command: key', 'key', bare),
    works('a group without a command: delegation', 'delegation', bare),
    works('an unknown command of key', 'key bogus', bare),
    works('an unknown command of delegation', 'delegation bogus', bare),
    fails('an unknown flag of key', 'key --bogus', bare),
    works('a command after a flag that takes one', '-d list', bare),
    works('--version', '--version', { bare: true, chance: [VERSIONS] }),
    works('version', 'version', { bare: true, chance: [VERSIONS] }),
    works('an old spelling', 'key backup', bare),
  ],
};

export const help: Scenario = {
  name: 'help',
  steps: [
    works('--help', '--help', bare),
    works('-h', '-h', bare),
    ...COMMANDS.map(command => works(`${command} --help`, `${command} --help`, bare)),
    works('help', 'help', bare),
    works('help key rotate', 'help key rotate', bare),
    works('help of what is not there', 'help bogus', bare),
    works('help wins over the arguments', 'add -h one', bare),
  ],
};
