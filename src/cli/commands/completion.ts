import { Argument, type Command } from 'commander';
import { bashCompletion } from '../completion/bash.ts';
import { commandTree } from '../completion/command-tree.ts';
import { fishCompletion } from '../completion/fish.ts';
import { zshCompletion } from '../completion/zsh.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `tabellion completion` */
export function addCompletion(program: Command, action: Action): void {
  program
    .command('completion')
    .summary('print a completion script for your shell')
    .description('Prints a script that lets a shell complete commands and options.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      examples(
        ['source <(tabellion completion bash)', 'in ~/.bashrc'],
        ['tabellion completion zsh > ~/.zfunc/_tabellion', 'once, for zsh with ~/.zfunc in fpath'],
        ['tabellion completion fish > ~/.config/fish/completions/tabellion.fish', 'once, for fish'],
      ),
    )
    .action(
      action<[keyof typeof SCRIPTS], object>(async (context, _options, shell) => {
        context.display.raw(SCRIPTS[shell](commandTree(program)));
        return EXIT.done;
      }),
    );
}
