import { join } from 'node:path';
import type { Command } from 'commander';
import { printable } from '../../crypto/printable.ts';
import type { PluginHost } from '../../operations/docker-plugin.ts';
import type { Action, CommandContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { GLOBAL_OPTIONS_NOTE } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import { pluginBrief, pluginJson, pluginLines } from '../reports/plugin-report.ts';
import { VERSION } from '../version.ts';

const INSTALL = `Makes “docker tabellion sign …” work, and “docker trust sign …” where docker has
no trust command of its own any more (29 and later).`;

/** `tabellion plugin …` */
export function addPlugin(program: Command, action: Action): void {
  const plugin = program
    .command('plugin')
    .usage('<command> [options]')
    .summary('be a command of docker')
    .description('Puts Tabellion among the plugins of the docker command, in your own folder.')
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`);
  plugin
    .command('install')
    .summary('make docker trust work')
    .description(INSTALL)
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`)
    .action(
      action<[], object>(async context => {
        const { installPlugin } = await import('../../operations/docker-plugin.ts');
        return show(context, await installPlugin(hostOf(context)));
      }),
    );
  plugin
    .command('status')
    .summary('show what docker has')
    .description('Shows which docker is there, and which plugins of Tabellion it has.')
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`)
    .action(
      action<[], object>(async context => {
        const { pluginStatus } = await import('../../operations/docker-plugin.ts');
        return show(context, await pluginStatus(hostOf(context)));
      }),
    );
  plugin
    .command('remove')
    .summary('take it away again')
    .description('Removes the plugins that “tabellion plugin install” made.')
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`)
    .action(
      action<[], object>(async context => {
        const { removePlugin } = await import('../../operations/docker-plugin.ts');
        const removed = await removePlugin(hostOf(context));
        context.display.result({
          json: () => ({ schemaVersion: SCHEMA_VERSION, removed }),
          text: () =>
            removed.length === 0
              ? ['There was nothing to remove.']
              : removed.map(file => `removed ${printable(file)}`),
          brief: () => removed.map(file => printable(file)),
        });
        return EXIT.done;
      }),
    );
}

function show({ display }: CommandContext, status: Parameters<typeof pluginLines>[0]): number {
  display.result({
    json: () => pluginJson(status),
    text: () => pluginLines(status, display.paint),
    brief: () => pluginBrief(status),
  });
  return EXIT.done;
}

function hostOf({ host }: CommandContext): PluginHost {
  const launcher = join(PACKAGE_ROOT, 'bin', 'tabellion.js');
  const target = { node: process.execPath, launcher, version: VERSION };
  return { env: host.env, home: host.home, target };
}
