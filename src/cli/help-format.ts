import type { Command, Help } from 'commander';

/** A heading, and rows of a term and its meaning. */
interface Section {
  readonly title: string;
  readonly rows: readonly (readonly [term: string, meaning: string])[];
}

/** A row that is no command of its own, shown in the program's list below the command `after`. */
export interface PointedOutRow {
  readonly after: string;
  readonly term: string;
  readonly meaning: string;
}

/**
 * Makes the formatter for the help of every command: what it is for, how it is called, what goes
 * with it. Texts are written to fit 80 columns as they are, so nothing is wrapped here. Examples
 * are added below by `addHelpText`.
 */
export function helpFormatter(pointedOut: readonly PointedOutRow[]) {
  return (command: Command, helper: Help): string => formatHelp(command, helper, pointedOut);
}

function formatHelp(command: Command, helper: Help, pointedOut: readonly PointedOutRow[]): string {
  const sections = [
    ...commandSections(command, helper, command.parent === null ? pointedOut : []),
    ...optionSections(command, helper),
  ];
  const width = Math.max(...sections.flatMap(({ rows }) => rows.map(([term]) => term.length)));
  const line = ([term, meaning]: Section['rows'][number]): string =>
    `  ${term.padEnd(width)}  ${meaning}`;
  const blocks = [
    command.description(),
    `Usage: ${helper.commandUsage(command)}`,
    ...sections.map(({ title, rows }) => [title, ...rows.map(line)].join('\n')),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** The commands below, by their group; a command with commands of its own is shown by those. */
function commandSections(
  command: Command,
  helper: Help,
  pointedOut: readonly PointedOutRow[],
): Section[] {
  return grouped(
    shownCommands(command, helper),
    child => child.helpGroup() || 'Commands:',
    child => [
      ...leaves(child, helper).map(leaf => [nameBelow(command, leaf), leaf.summary()] as const),
      ...pointedOut
        .filter(({ after }) => after === child.name())
        .map(({ term, meaning }) => [term, meaning] as const),
    ],
  );
}

function optionSections(command: Command, helper: Help): Section[] {
  return grouped(
    helper.visibleOptions(command),
    option => option.helpGroupHeading ?? 'Options:',
    option => [[helper.optionTerm(option), optionMeaning(option)] as const],
  );
}

function optionMeaning(option: { description: string; defaultValue?: unknown }): string {
  const { description, defaultValue } = option;
  const shown = typeof defaultValue === 'string' || typeof defaultValue === 'number';
  return shown ? `${description} (default: ${defaultValue})` : description;
}

/** All but commander's own `help`, which needs no line: every help ends by naming --help. */
function shownCommands(command: Command, helper: Help): Command[] {
  return helper.visibleCommands(command).filter(child => child.name() !== 'help');
}

function leaves(command: Command, helper: Help): Command[] {
  const below = shownCommands(command, helper);
  return below.length === 0 ? [command] : below.flatMap(child => leaves(child, helper));
}

function nameBelow(ancestor: Command, command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null && at !== ancestor; at = at.parent) {
    names.unshift(at.name());
  }
  return names.join(' ');
}

function grouped<T>(
  items: readonly T[],
  titleOf: (item: T) => string,
  rowsOf: (item: T) => Section['rows'],
): Section[] {
  const sections = new Map<string, (readonly [string, string])[]>();
  for (const item of items) {
    const title = titleOf(item);
    sections.set(title, [...(sections.get(title) ?? []), ...rowsOf(item)]);
  }
  return [...sections].map(([title, rows]) => ({ title, rows }));
}
