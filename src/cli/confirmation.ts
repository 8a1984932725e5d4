import { OperationError, UsageError } from '../errors.ts';
import type { CommandContext } from './context.ts';

/** The options of commands whose effect cannot be taken back. */
export interface ConfirmationOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/**
 * Checks, before anything is done, that there is somebody to ask or that the answer was given.
 * @param what the beginning of a sentence: `Rotating a key`
 */
export function requireConfirmation(
  context: CommandContext,
  { yes = false, dryRun = false }: ConfirmationOptions,
  what: string,
): void {
  if (yes || dryRun || context.prompts !== undefined) return;
  throw new UsageError(
    'CONFIRMATION_NEEDED',
    `${what} needs a confirmation, and nobody can be asked here`,
    { hint: 'Add --yes, or --dry-run to see what would happen.' },
  );
}

/**
 * Runs what a command is about: as it is with --yes or --dry-run; else it first shows a dry run and asks.
 * @param work its argument says whether to change nothing
 * @param plan lines of the dry run, and the question; without one there is nothing to do, and the dry run is the result
 * @throws OperationError `DECLINED`
 */
export async function confirmed<T>(
  context: CommandContext,
  { yes = false, dryRun = false }: ConfirmationOptions,
  work: (dryRun: boolean) => Promise<T>,
  plan: (report: T) => {
    lines: readonly string[];
    warnings: readonly string[];
    question: string | undefined;
  },
): Promise<T> {
  if (yes || dryRun) return await work(dryRun);
  const { display, prompts } = context;
  const planned = await work(true);
  const { lines, warnings, question } = plan(planned);
  if (question === undefined) return planned;
  display.error(...lines);
  for (const warning of warnings) display.warn(warning);
  if (!(await prompts?.confirm(question))) {
    throw new OperationError('DECLINED', 'Nothing was changed');
  }
  return await work(false);
}
