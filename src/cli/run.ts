import { CommanderError } from 'commander';
import { createDisplay } from './context.ts';
import type { Display } from './display.ts';
import { reportError } from './error-report.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Host } from './host.ts';
import { Interruption } from './interruption.ts';
import { usageErrorOf, wasAnswered } from './parse-errors.ts';
import { buildProgram } from './program.ts';

export interface RunResult {
  readonly exitCode: number;
  /** True if work was left standing (Ctrl-C, a stray error): it may keep the process alive. */
  readonly abandoned: boolean;
}

/**
 * Runs one command line (without the program's own name). All output goes to the host's streams;
 * every error ends here, is shown once, and never reaches the caller.
 */
export async function run(argv: readonly string[], host: Host): Promise<RunResult> {
  const interruption = new Interruption(host);
  let exitCode: number = EXIT.done;
  let display: Display | undefined;
  const displayFor = (globals: GlobalOptions): Display => {
    display ??= createDisplay(host, globals);
    return display;
  };
  const program = buildProgram({
    host,
    interruption,
    display: displayFor,
    finish: code => {
      exitCode = code;
    },
  });
  try {
    const work = program.parseAsync([...argv], { from: 'user' });
    await Promise.race([work, interruption.promise]);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError && wasAnswered(thrown))) {
      const error = thrown instanceof CommanderError ? usageErrorOf(thrown, program, argv) : thrown;
      // Commander reads the global options wherever they stand before it complains about the rest.
      reportError(error, displayFor(program.opts<GlobalOptions>()));
      exitCode = exitCodeOf(error);
    }
  } finally {
    interruption.end();
  }
  return { exitCode, abandoned: interruption.happened };
}
