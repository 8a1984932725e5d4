/** Usage and help, in the layout that users of `docker` know. */
import { type DockerCommand, type GroupCommand, isGroup } from './commands.ts';

const NARROWEST_NAME = 11;

/** @param name the whole name of the command: `docker trust sign` */
export function helpText(name: string, command: DockerCommand): string {
  if (isGroup(command)) return groupHelp(name, command);
  const options = command.options.length === 0 ? [] : ['', 'Options:', ...command.options];
  return lines(`Usage:  ${name} ${command.use}`, '', command.short, ...options);
}

function groupHelp(name: string, group: GroupCommand): string {
  const row = ({ name: word, short }: DockerCommand): string =>
    `  ${word.padEnd(NARROWEST_NAME)} ${short}`;
  const groups = group.commands.filter(isGroup).map(row);
  const leaves = group.commands.filter(command => !isGroup(command)).map(row);
  return lines(
    `Usage:  ${name} COMMAND`,
    '',
    group.short,
    ...(groups.length === 0 ? [] : ['', 'Management Commands:', ...groups]),
    ...(leaves.length === 0 ? [] : ['', 'Commands:', ...leaves]),
    '',
    `Run '${name} COMMAND --help' for more information on a command.`,
  );
}

/** What follows the sentence about a mistake on the command line. */
export function usageAfter(
  problem: string,
  name: string,
  command: DockerCommand,
  verb: 'Run' | 'See' = 'Run',
): string {
  const usage = isGroup(command) ? name : `${name} ${command.use}`;
  return lines(
    problem,
    '',
    `Usage:  ${usage}`,
    '',
    `${verb} '${name} --help' for more information`,
  );
}

function lines(...all: string[]): string {
  return `${all.join('\n')}\n`;
}
