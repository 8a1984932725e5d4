/** The dialect as docker starts it: `<plugin> [docker's options] <name> …` (cli.md 8). */
import { connect } from 'node:net';
import type { Host } from '../host.ts';
import type { RunResult } from '../run.ts';
import { type DockerCommand, isGroup, TRUST } from './commands.ts';
import { globalsEnd } from './globals.ts';
import { runDockerTrust } from './run.ts';

/** @param words the plugin's name, and all that docker gave it */
export async function runPlugin(words: readonly string[], host: Host): Promise<RunResult> {
  const [name = 'trust', ...given] = words;
  const end = globalsEnd(given);
  const globals = given.slice(0, end);
  const rest = given.slice(end);
  if (/^__complete(?:NoDesc)?$/.test(rest[0] ?? '')) {
    host.stdout.write(completions(withoutName(rest.slice(1), name)));
    return { exitCode: 0, abandoned: false };
  }
  const isHelp = rest[0] === 'help' && rest[1] === name;
  const own = isHelp ? [...rest.slice(2), '--help'] : withoutName(rest, name);
  const socket = listenToDocker(host);
  try {
    return await runDockerTrust([...globals, ...own], socket.host, `docker ${name}`);
  } finally {
    socket.close();
  }
}

/** Started by hand, the name is not there. */
function withoutName(words: readonly string[], name: string): readonly string[] {
  return words[0] === name ? words.slice(1) : words;
}

/** The commands that may follow; docker wants a last line that says that files may not. */
function completions(words: readonly string[]): string {
  let command: DockerCommand | undefined = TRUST;
  for (const word of words.slice(0, -1))
    command =
      command !== undefined && isGroup(command)
        ? command.commands.find(({ name }) => name === word)
        : undefined;
  const typed = words.at(-1) ?? '';
  const names =
    command !== undefined && isGroup(command)
      ? command.commands.filter(({ name }) => name.startsWith(typed))
      : [];
  return [...names.map(({ name, short }) => `${name}\t${short}\n`), ':4\n'].join('');
}

/** Docker holds a socket open; when it ends, the person wants this to end, as after Ctrl-C. */
function listenToDocker(host: Host): { host: Host; close: () => void } {
  const address = host.env.DOCKER_CLI_PLUGIN_SOCKET;
  if (!address) return { host, close: () => {} };
  const path = address.startsWith('@') ? `\0${address.slice(1)}` : address;
  const socket = connect({ path });
  // Without it Ctrl-C still comes by the terminal.
  socket.on('error', () => {});
  socket.resume();
  socket.unref();
  const onSignal: Host['onSignal'] = (signal, listener) => {
    const forget = host.onSignal(signal, listener);
    if (signal === 'SIGINT') socket.once('end', listener);
    return () => {
      socket.off('end', listener);
      forget();
    };
  };
  return { host: { ...host, onSignal }, close: () => void socket.destroy() };
}
