/** `tabellion docker-trust …`: the command line of `docker trust` (docs/docker-trust-dialect.md). */
import { TabellionError } from '../../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { Host } from '../host.ts';
import { Interrupted, Interruption } from '../interruption.ts';
import { CommandLineError, type FlagSpec, parseFlags } from '../notary/command-line/flags.ts';
import { StandardInput } from '../notary/input.ts';
import { Logger } from '../notary/logger.ts';
import type { RunResult } from '../run.ts';
import { type DockerCommand, isGroup, type LeafCommand, TRUST } from './commands.ts';
import { DockerTrustContext } from './context.ts';
import { DockerFailure, dockerSentence } from './failure.ts';
import { type GlobalSettings, splitGlobals } from './globals.ts';
import { helpText, usageAfter } from './usage.ts';

/** What Docker ends with for flags that it does not understand. */
const BAD_FLAGS = 125;
const HELP: FlagSpec = { name: 'help', short: 'h', kind: 'bool', usage: '' };
const HELP_IS_OLD = 'Flag shorthand -h has been deprecated, use --help\n';

/**
 * Runs one command line. Results go to standard output, errors to standard error.
 * @param name what the commands are called by in usage texts: `docker trust`
 */
export async function runDockerTrust(
  words: readonly string[],
  host: Host,
  name = 'docker trust',
): Promise<RunResult> {
  const interruption = new Interruption(host);
  const input = new StandardInput(host.stdin);
  let exitCode: number = EXIT.done;
  try {
    await Promise.race([execute(words, host, input, name), interruption.promise]);
  } catch (error) {
    exitCode = tellFailure(error, host);
  } finally {
    input.close();
    interruption.end();
  }
  return { exitCode, abandoned: interruption.happened };
}

function tellFailure(error: unknown, host: Host): number {
  if (error instanceof Interrupted) return EXIT.interrupted;
  const text =
    error instanceof TabellionError
      ? dockerSentence(error)
      : error instanceof Error
        ? error.message
        : String(error);
  host.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  return error instanceof DockerFailure ? error.exitCode : EXIT.failed;
}

async function execute(
  words: readonly string[],
  host: Host,
  input: StandardInput,
  name: string,
): Promise<void> {
  const [globals, rest] = parsed(name, TRUST, () => splitGlobals(words));
  const found = find(TRUST, name, rest);
  const own = isGroup(found.command) ? [] : found.command.flags;
  const { values, args } = parsed(found.name, found.command, () =>
    parseFlags(found.words, [...own, HELP]),
  );
  if (values.is('help')) {
    if (found.words.includes('-h')) host.stdout.write(HELP_IS_OLD);
    host.stdout.write(helpText(found.name, found.command));
    return;
  }
  if (isGroup(found.command)) {
    const [unknown] = args;
    if (unknown !== undefined) {
      const problem = `docker: unknown command: ${found.name} ${unknown}`;
      throw new DockerFailure(usageAfter(problem, found.name, found.command));
    }
    host.stderr.write(helpText(found.name, found.command));
    return;
  }
  checkCount(found.name, found.command, args);
  const context = contextFor(host, input, globals);
  try {
    const action = await found.command.load();
    await action(context, args, values);
  } finally {
    await context.close();
  }
}

function contextFor(
  host: Host,
  input: StandardInput,
  { config, logLevel }: GlobalSettings,
): DockerTrustContext {
  const env = config === undefined ? host.env : { ...host.env, DOCKER_CONFIG: config };
  const log = new Logger({ stream: host.stderr, level: logLevel, now: () => host.now() });
  return new DockerTrustContext({ host: { ...host, env }, input, log });
}

interface Found {
  readonly command: DockerCommand;
  readonly name: string;
  readonly words: readonly string[];
}

/** The command that the words lead to; a group, when the next word is none of its commands. */
function find(command: DockerCommand, name: string, words: readonly string[]): Found {
  if (!isGroup(command)) return { command, name, words };
  const at = words.findIndex(word => word === '--' || !word.startsWith('-'));
  const word = words[at];
  if (word === undefined || word === '--') return { command, name, words };
  const next = command.commands.find(({ name: other }) => other === word);
  if (next === undefined) return { command, name, words };
  return find(next, `${name} ${word}`, words.toSpliced(at, 1));
}

/** @throws DockerFailure with the exit code for flags that are not understood */
function parsed<T>(name: string, command: DockerCommand, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof CommandLineError)) throw cause;
    const text = usageAfter(cause.message, name, command);
    throw new DockerFailure(text, { cause, exitCode: BAD_FLAGS });
  }
}

/** @throws DockerFailure */
function checkCount(name: string, command: LeafCommand, args: readonly string[]): void {
  const { count, orMore } = command.args;
  if (args.length === count || (orMore && args.length > count)) return;
  const plural = count === 1 ? 'argument' : 'arguments';
  const problem = `docker: '${name}' requires ${orMore ? 'at least ' : ''}${count} ${plural}`;
  throw new DockerFailure(usageAfter(problem, name, command, orMore ? 'See' : 'Run'));
}
