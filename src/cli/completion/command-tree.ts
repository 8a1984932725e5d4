import type { Command } from 'commander';

/** What a completion script knows of a command. */
export interface CommandNode {
  /** The words that lead to it, without the program's name: `['key', 'list']`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly commands: readonly CommandNode[];
  /** Its own options; the program's are understood by every command. */
  readonly options: readonly OptionNode[];
  /** Fixed words for its argument, if it has such. */
  readonly choices: readonly string[];
}

export interface OptionNode {
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly summary: string;
  readonly takesValue: boolean;
  /** Fixed words for its value, if it has such. */
  readonly choices: readonly string[];
}

/** Walks commander's tree. Commander's own `help` command is left out: `--help` says the same. */
export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  return {
    path,
    summary: command.summary() || command.description(),
    commands: help
      .visibleCommands(command)
      .filter(child => child.name() !== 'help')
      .map(child => commandTree(child, [...path, child.name()])),
    options: help.visibleOptions(command).map(option => ({
      short: option.short,
      long: option.long,
      summary: option.description,
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? [],
    })),
    choices: command.registeredArguments.flatMap(argument => argument.argChoices ?? []),
  };
}

/** A node and all below it, parents first. */
export function allNodes(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(allNodes)];
}

/** The words that lead to a command, each after a space. */
export function pathKey(node: CommandNode): string {
  return node.path.map(word => ` ${word}`).join('');
}

/**
 * Options that take a value, as the shell sees them when it has to offer one: below `place` (a `pathKey`, or undefined
 * for the options that every command has) after each of `words`.
 */
export function valuedOptions(
  root: CommandNode,
): { place: string | undefined; words: string[]; choices: readonly string[] }[] {
  return allNodes(root).flatMap(node =>
    node.options
      .filter(({ takesValue }) => takesValue)
      .map(option => ({
        place: node === root ? undefined : pathKey(node),
        words: spellings([option]),
        choices: option.choices,
      })),
  );
}

/** Every spelling of these options. */
export function spellings(options: readonly OptionNode[]): string[] {
  return options.flatMap(({ short, long }) => [short, long].filter(word => word !== undefined));
}
