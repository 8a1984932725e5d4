import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';

const DIALECTS = [
  { name: 'notary', summary: "speak Notary's command line", stands: 'notary' },
  { name: 'docker-trust', summary: "speak docker trust's command line", stands: 'docker trust' },
];

/** Lists the dialects in the help. They are handed over before this program reads anything: see main.ts. */
export function addDialects(program: Command): void {
  for (const { name, summary, stands } of DIALECTS) {
    program
      .command(name)
      .summary(summary)
      .usage('<command> [options]')
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new UsageError('DIALECT_FIRST', `“${name}” must be the first argument`, {
          hint: `What follows it is read as “${stands}” reads it: tabellion ${name} --help`,
        });
      });
  }
}
