/** Usage and help texts in the layout that users of `notary` know, made from the table of commands. */
import { type CommandSpec, helpFlag, nameOf } from './commands.ts';
import type { FlagSpec } from './flags.ts';
import { goQuote } from './go-values.ts';

const NARROWEST_NAME = 11;

export interface UsageOptions {
  /** The flags of every command. */
  readonly persistent: readonly FlagSpec[];
  /** False leaves `--help` out, as the original does before it has parsed a command's flags. */
  readonly withHelpFlag?: boolean;
}

/** The help text of a command. */
export function helpText<C>(path: readonly CommandSpec<C>[], options: UsageOptions): string {
  const long = path.at(-1)?.long ?? '';
  return `${long.trimEnd()}\n\n${usageText(path, options)}`;
}

/** From `Usage:` on. */
export function usageText<C>(path: readonly CommandSpec<C>[], options: UsageOptions): string {
  const command = path.at(-1);
  if (command === undefined) return '';
  const commandPath = path.map(nameOf).join(' ');
  const commands = [...(command.commands ?? [])].sort((a, b) => (a.use < b.use ? -1 : 1));
  const lines = ['Usage:'];
  if (command.load !== undefined) lines.push(`  ${useLine(path)}`);
  if (commands.length > 0) {
    lines.push(`  ${commandPath} [command]`, '', 'Available Commands:');
    const width = Math.max(NARROWEST_NAME, ...commands.map(one => nameOf(one).length));
    for (const one of commands) lines.push(`  ${nameOf(one).padEnd(width)} ${one.short}`);
  }
  const isRoot = path.length === 1;
  const help = options.withHelpFlag === false ? [] : [helpFlag(path)];
  const own = [...(command.flags ?? []), ...help, ...(isRoot ? options.persistent : [])];
  lines.push('', 'Flags:', ...flagLines(own));
  if (!isRoot) lines.push('', 'Global Flags:', ...flagLines(options.persistent));
  if (commands.length > 0) {
    lines.push('', `Use "${commandPath} [command] --help" for more information about a command.`);
  }
  return `${lines.join('\n')}\n`;
}

function useLine<C>(path: readonly CommandSpec<C>[]): string {
  const command = path.at(-1);
  return [...path.slice(0, -1).map(nameOf), command?.use ?? '', '[flags]'].join(' ');
}

function flagLines(flags: readonly FlagSpec[]): string[] {
  const rows = [...flags]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(flag => ({ flag, left: leftSide(flag) }));
  const width = Math.max(...rows.map(({ left }) => left.length));
  return rows.map(({ flag, left }) => `${left.padEnd(width)}   ${flag.usage}${fallback(flag)}`);
}

function leftSide({ name, short, kind }: FlagSpec): string {
  const names = short === undefined ? `      --${name}` : `  -${short}, --${name}`;
  return kind === 'bool' ? names : `${names} ${kind}`;
}

function fallback(flag: FlagSpec): string {
  return flag.fallback === undefined ? '' : ` (default ${goQuote(flag.fallback)})`;
}
