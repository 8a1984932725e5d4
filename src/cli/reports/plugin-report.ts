import { printable } from '../../crypto/printable.ts';
import type { PluginStatus } from '../../operations/docker-plugin.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';

type InstalledPlugin = PluginStatus['plugins'][number];

export function pluginJson(status: PluginStatus): object {
  return { schemaVersion: SCHEMA_VERSION, ...status };
}

/** The files of the plugins that are in place. */
export function pluginBrief({ plugins }: PluginStatus): string[] {
  return plugins.filter(({ status }) => status === 'installed').map(({ file }) => printable(file));
}

export function pluginLines({ docker, plugins, reason }: PluginStatus, paint: Paint): string[] {
  const version = docker?.version === undefined ? 'docker' : `docker ${printable(docker.version)}`;
  const lines = [paint.bold(docker === undefined ? 'docker was not found' : version)];
  if (docker !== undefined) lines.push(`  ${printable(docker.path)}`);
  for (const plugin of plugins) lines.push(...linesOf(plugin, reason, paint));
  return lines;
}

function linesOf(
  { name, file, status }: InstalledPlugin,
  reason: string | undefined,
  paint: Paint,
): string[] {
  const command = paint.bold(`docker ${name}`);
  const path = `    ${printable(file)}`;
  switch (status) {
    case 'installed':
      return name === 'trust' && reason !== undefined
        ? [`  ${paint.yellow('!')} ${command} is installed, but does not count: ${reason}`, path]
        : [`  ${paint.green('✓')} ${command} is Tabellion`, path];
    case 'outdated':
      return [
        `  ${paint.yellow('!')} ${command} starts another Tabellion; to mend it: tabellion plugin install`,
        path,
      ];
    case 'foreign':
      return [`  ${paint.yellow('!')} ${command} is not Tabellion’s`, path];
    case 'absent':
      return name === 'trust' && reason !== undefined
        ? [`  - ${command} is not Tabellion: ${reason}`]
        : [`  - ${command} is not installed`];
  }
}
