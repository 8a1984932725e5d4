import type { Command, CommanderError } from 'commander';
import { UsageError } from '../errors.ts';

/** Whether commander "fails" only because help or the version was asked for, and has been shown. */
export function wasAnswered(error: CommanderError): boolean {
  return error.exitCode === 0;
}

/** Our code for each of commander's. */
const CODES: ReadonlyMap<string, string> = new Map([
  ['commander.unknownCommand', 'COMMAND_UNKNOWN'],
  ['commander.unknownOption', 'OPTION_UNKNOWN'],
  ['commander.optionMissingArgument', 'OPTION_VALUE_MISSING'],
  ['commander.missingArgument', 'ARGUMENT_MISSING'],
  ['commander.excessArguments', 'ARGUMENTS_TOO_MANY'],
  ['commander.invalidArgument', 'ARGUMENT_INVALID'],
  ['commander.conflictingOption', 'OPTIONS_CONFLICT'],
  ['commander.missingMandatoryOptionValue', 'OPTION_MISSING'],
]);

const SECRET_FLAG = /^--(?:.*-)?(?:pass|passwd|password|passphrase|secret)(?:-.*)?$/;

/** Commander's complaint in our words: one sentence, and a hint with the likely wish or the help. */
export function usageErrorOf(
  error: CommanderError,
  program: Command,
  argv: readonly string[],
): UsageError {
  const help = `See: ${helpCommand(program, argv)}`;
  // Commander has shown the help on stderr.
  if (error.code === 'commander.help') {
    const command = addressedCommand(program, argv);
    const hint =
      command === program ? `${help}; if a key is lost or leaked: tabellion recover` : help;
    return new UsageError('COMMAND_MISSING', 'No command was given', { hint });
  }
  const [sentence = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const hint = suggestion?.match(/^\((Did you mean .*\?)\)$/)?.[1] ?? help;

  const flag = sentence.match(/^unknown option '(.*)'$/s)?.[1];
  if (flag !== undefined) return unknownOption(flag, hint, program, argv);
  return new UsageError(CODES.get(error.code) ?? 'USAGE', reworded(sentence), { hint });
}

/** Commander's sentences in the style of all others. */
const REWORDINGS: readonly [RegExp, string][] = [
  [/^unknown command '(.*)'$/s, 'There is no command “$1”'],
  [/^missing required argument '(.*)'$/, 'The argument $1 is missing'],
  [/^option '(?:-., )?(--[^ ']+).*' argument missing$/, 'Option $1 needs a value'],
  [/^required option '(?:-., )?(--[^ ']+).*' not specified$/, 'Option $1 is missing'],
  [
    /^too many arguments for '(.*)'\. Expected (\d+) .* but got (\d+).*$/,
    'The command $1 takes $2 arguments, found $3',
  ],
  [
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*?)\.?$/s,
    'The $2 must be one of $3, found “$1”',
  ],
];

function reworded(sentence: string): string {
  for (const [pattern, words] of REWORDINGS) {
    if (pattern.test(sentence)) return sentence.replace(pattern, words);
  }
  return sentence;
}

/** Never repeats what stands after `=`: it may be a secret that has no business in a log. */
function unknownOption(
  text: string,
  hint: string,
  program: Command,
  argv: readonly string[],
): UsageError {
  const [name = text] = text.split('=');
  const isOption = (command: Command): boolean =>
    command.options.some(option => option.short === name || option.long === name) ||
    command.commands.some(isOption);
  // An option of another command holds no secret: --generate-passphrase, say.
  if (SECRET_FLAG.test(name) && !isOption(program)) {
    return new UsageError(
      'SECRET_AS_ARGUMENT',
      `There is no option ${name}: every program on a machine can read the command lines of the others`,
      {
        hint: 'Answer the prompt at a terminal, or set the environment variables named by tabellion --help.',
      },
    );
  }
  const known = [...addressedCommand(program, argv).options, ...program.options].some(
    option => option.short === name || option.long === name,
  );
  if (known && name !== text) {
    return new UsageError('OPTION_WITHOUT_VALUE', `Option ${name} takes no value`, {
      hint: `Write ${name} alone.`,
    });
  }
  return new UsageError('OPTION_UNKNOWN', `There is no option ${name}`, { hint });
}

/** The command that the words of the line lead to, as far as they are known. */
function addressedCommand(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of argv) {
    const next = command.commands.find(candidate => candidate.name() === word);
    if (next !== undefined) command = next;
  }
  return command;
}

function helpCommand(program: Command, argv: readonly string[]): string {
  const names: string[] = [];
  let command: Command | null = addressedCommand(program, argv);
  for (; command !== null; command = command.parent) names.unshift(command.name());
  return `${names.join(' ')} --help`;
}
