import type { CommandNode, OptionNode } from './command-tree.ts';

/** One `complete` line for each command and option, as fish wants it. */
export function fishCompletion(root: CommandNode): string {
  const lines = [
    '# fish completion for tabellion; put it in ~/.config/fish/completions/tabellion.fish',
    ...root.options.map(option => line('', option)),
    ...commandLines(root),
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(node: CommandNode): string[] {
  const here = condition(node);
  const lines: string[] = [];
  for (const child of node.commands) {
    lines.push(
      `complete -c tabellion -f${here} -a ${child.path.at(-1)} -d ${quoted(child.summary)}`,
    );
  }
  for (const choice of node.choices) lines.push(`complete -c tabellion -f${here} -a ${choice}`);
  if (node.path.length > 0) lines.push(...node.options.map(option => line(here, option)));
  return [...lines, ...node.commands.flatMap(commandLines)];
}

/** That all words of the path, and none of the commands below it, have been typed. */
function condition(node: CommandNode): string {
  const seen = node.path.map(word => `__fish_seen_subcommand_from ${word}`);
  const below = node.commands.map(child => child.path.at(-1)).join(' ');
  if (below !== '') seen.push(`not __fish_seen_subcommand_from ${below}`);
  return seen.length === 0 ? '' : ` -n ${quoted(seen.join('; and '))}`;
}

function line(condition: string, option: OptionNode): string {
  const parts = [`complete -c tabellion${condition}`];
  if (option.short !== undefined) parts.push(`-s ${option.short.slice(1)}`);
  if (option.long !== undefined) parts.push(`-l ${option.long.slice(2)}`);
  if (option.takesValue) parts.push('-r');
  if (option.choices.length > 0) parts.push(`-f -a ${quoted(option.choices.join(' '))}`);
  parts.push(`-d ${quoted(option.summary)}`);
  return parts.join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
