/** `tabellion notary …`: the command line of `notary` 0.7 (docs/notary-dialect.md). */
import { EXIT } from '../exit-codes.ts';
import type { Host } from '../host.ts';
import { Interrupted, Interruption } from '../interruption.ts';
import type { RunResult } from '../run.ts';
import { findCommand, HELP_FLAG, parseCommand } from './command-line/commands.ts';
import { helpText, usageText } from './command-line/help.ts';
import { NotaryContext } from './context.ts';
import { failureSentence } from './failure.ts';
import { Aborted, WrongArguments } from './fatal.ts';
import { StandardInput } from './input.ts';
import { PERSISTENT_FLAGS } from './tables/flags.ts';
import { PROGRAM } from './tables/program.ts';

/**
 * Runs one command line, without the word `notary`. Results and errors go to standard output, as they always
 * did; the exit code is 0 or 1, and 130 after Ctrl-C.
 */
export async function runNotary(words: readonly string[], host: Host): Promise<RunResult> {
  const interruption = new Interruption(host);
  const input = new StandardInput(host.stdin);
  let exitCode: number = EXIT.done;
  try {
    await Promise.race([execute(words, host, input), interruption.promise]);
  } catch (error) {
    if (error instanceof Interrupted) {
      exitCode = EXIT.interrupted;
    } else {
      exitCode = EXIT.failed;
      const blank = error instanceof Aborted ? '' : '\n';
      host.stdout.write(`${blank}* fatal: ${failureSentence(error)}\n`);
    }
  } finally {
    input.close();
    interruption.end();
  }
  return { exitCode, abandoned: interruption.happened };
}

async function execute(words: readonly string[], host: Host, input: StandardInput): Promise<void> {
  const found = findCommand(PROGRAM, PERSISTENT_FLAGS, words);
  const { args, flags } = parseCommand(found, PERSISTENT_FLAGS);
  const { path, command } = found;
  const usage = { persistent: PERSISTENT_FLAGS };
  if (flags.is(HELP_FLAG) || command.load === undefined) {
    host.stdout.write(helpText(path, usage));
    return;
  }
  const context = new NotaryContext({ host, flags, input, path });
  try {
    const action = await command.load();
    await action(context, args, flags);
  } catch (error) {
    if (error instanceof WrongArguments) host.stdout.write(usageText(path, usage));
    throw error;
  } finally {
    await context.close();
  }
}
