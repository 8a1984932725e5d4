import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import type { Session, SessionOptions } from '../operations/session.ts';
import { Display } from './display.ts';
import { givenLogin } from './given-login.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Host } from './host.ts';
import type { Interruption } from './interruption.ts';
import { passphraseSettings } from './passphrase-settings.ts';
import type { Prompts } from './prompts.ts';

/** What one run of the program shares among its commands. */
export interface Runtime {
  readonly host: Host;
  readonly interruption: Interruption;
  /** The one display of the run; the options of the first call decide how it looks. */
  readonly display: (globals: GlobalOptions) => Display;
  /** Told the exit code of the command that ran. */
  readonly finish: (exitCode: number) => void;
}

/** What a command gets to work with. */
export interface CommandContext {
  readonly host: Host;
  readonly display: Display;
  readonly globals: GlobalOptions;
  /** Absent where nobody can be asked: no terminal, or `--json`. */
  readonly prompts: Prompts | undefined;
  readonly interruption: Interruption;
  /** The session's options as the command line and the environment give them. */
  readonly sessionOptions: SessionOptions;
  /** Opens a session, does the work, and closes it whatever happens. */
  withSession<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

/** The display that the global options ask for. */
export function createDisplay(host: Host, globals: GlobalOptions): Display {
  return new Display(host, {
    json: globals.json ?? false,
    quiet: globals.quiet ?? false,
    verbose: globals.verbose ?? false,
    color: globals.color !== false && !host.env.NO_COLOR && host.env.TERM !== 'dumb',
  });
}

/**
 * Makes a commander action of a handler: builds the context from the global options and hands the
 * handler's exit code on. Commander calls an action with the arguments, the options, the command.
 */
export function actionMaker(runtime: Runtime) {
  return function action<A extends readonly unknown[], O>(
    handler: (context: CommandContext, options: O, ...args: A) => Promise<number>,
  ): (...params: unknown[]) => Promise<void> {
    return async (...params) => {
      const command = params.at(-1) as Command;
      const options = params.at(-2) as O;
      const args = params.slice(0, -2) as unknown as A;
      const context = await createContext(runtime, command.optsWithGlobals<GlobalOptions>());
      try {
        runtime.finish(await handler(context, options, ...args));
      } finally {
        context.display.endProgress();
      }
    };
  };
}

export type Action = ReturnType<typeof actionMaker>;

async function createContext(runtime: Runtime, globals: GlobalOptions): Promise<CommandContext> {
  if (globals.quiet && globals.verbose) {
    throw new UsageError('OPTIONS_CONFLICT', '--quiet and --verbose say opposite things', {
      hint: 'Give one of them.',
    });
  }
  const { host, interruption } = runtime;
  const display = runtime.display(globals);
  const atTerminal = host.stdin.isTTY === true && host.stderr.isTTY === true;
  const prompts =
    atTerminal && !globals.json
      ? (await import('./prompts.ts')).createPrompts(host, display)
      : undefined;
  const login = givenLogin(globals, host, prompts);
  const sessionOptions: SessionOptions = {
    env: host.env,
    home: host.home,
    ...(globals.trustDir === undefined ? {} : { trustDir: globals.trustDir }),
    ...(globals.server === undefined ? {} : { server: globals.server }),
    ...(globals.tlsCa === undefined ? {} : { tlsCa: globals.tlsCa, tlsCaReplacesSystem: true }),
    ...(globals.tlsCert === undefined ? {} : { tlsCert: globals.tlsCert }),
    ...(globals.tlsKey === undefined ? {} : { tlsKey: globals.tlsKey }),
    ...(globals.config === undefined ? {} : { notaryConfig: globals.config }),
    ...(globals.insecure === undefined ? {} : { insecureRegistries: globals.insecure }),
    now: () => host.now(),
    log: step => display.step(step),
    progress: event => display.progress(event),
    ...passphraseSettings({
      globals,
      host,
      display,
      prompts: prompts ?? (await promptsBesideInput(host, display, globals)),
    }),
    ...(login === undefined ? {} : { login }),
  };
  return {
    host,
    display,
    globals,
    prompts,
    interruption,
    sessionOptions,
    withSession: async work => {
      const { openSession } = await import('../operations/session.ts');
      const session = await openSession(sessionOptions);
      try {
        return await work(session);
      } finally {
        await session.close();
      }
    },
  };
}

/** A passphrase can be asked for on the terminal when standard input is a pipe; where a program is told so, never. */
async function promptsBesideInput(
  host: Host,
  display: Display,
  { json = false }: GlobalOptions,
): Promise<Prompts | undefined> {
  if (json || host.env.CI || host.stdin.isTTY === true || host.stderr.isTTY !== true) {
    return undefined;
  }
  const open = host.terminal();
  if (open === undefined) return undefined;
  const { createPrompts } = await import('./prompts.ts');
  return createPrompts({ stderr: host.stderr, stdin: open }, display);
}
