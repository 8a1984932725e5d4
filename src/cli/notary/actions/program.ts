/** The commands about the program itself. */
import { VERSION } from '../../version.ts';
import { findCommand } from '../command-line/commands.ts';
import { CommandLineError } from '../command-line/flags.ts';
import { goQuote } from '../command-line/go-values.ts';
import { helpText, usageText } from '../command-line/help.ts';
import type { NotaryAction } from '../context.ts';
import { Fatal } from '../fatal.ts';
import { PERSISTENT_FLAGS } from '../tables/flags.ts';
import { PROGRAM } from '../tables/program.ts';

const COMMIT = 'tabellion';

export const program: NotaryAction = async ({ print }, _args, flags) => {
  print(
    flags.is('version')
      ? `notary Version: ${VERSION}, Git commit: ${COMMIT}, Go version: ${runtime()}\n`
      : usageText([PROGRAM], { persistent: PERSISTENT_FLAGS }),
  );
};

/** Others run this and read the number: `az acr check-health` does. */
export const version: NotaryAction = async ({ print }) => {
  print(`notary\n Version:    ${VERSION}\n Git commit: ${COMMIT}\n Go version: ${runtime()}\n`);
};

export const help: NotaryAction = async ({ print }, args) => {
  try {
    const { path } = findCommand(PROGRAM, PERSISTENT_FLAGS, args);
    print(helpText(path, { persistent: PERSISTENT_FLAGS }));
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    const topic = args.map(arg => (/[`\n]/.test(arg) ? goQuote(arg) : `\`${arg}\``)).join(' ');
    print(`Unknown help topic [${topic}]\n`);
    print(usageText([PROGRAM], { persistent: PERSISTENT_FLAGS, withHelpFlag: false }));
  }
};

export const completion: NotaryAction = async () => {
  throw new Fatal('completion scripts are made by the command “tabellion completion”');
};

function runtime(): string {
  return `none (Node.js ${process.version})`;
}
