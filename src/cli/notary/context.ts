/** What the commands of the dialect work with. */
import type { Credentials } from '../../http/authorization.ts';
import type { Session, SessionOptions } from '../../operations/session.ts';
import type { Host } from '../host.ts';
import type { Action, CommandSpec } from './command-line/commands.ts';
import type { FlagValues } from './command-line/flags.ts';
import { askCredentials } from './credentials.ts';
import type { StandardInput } from './input.ts';
import { Logger } from './logger.ts';
import { dialectPassphrases } from './passphrase-sources.ts';
import { PassphraseRetriever } from './passphrases.ts';
import { readSettings, type Settings } from './settings.ts';

export type NotaryCommand = CommandSpec<NotaryContext>;
export type NotaryAction = Action<NotaryContext>;

export interface NotaryContextOptions {
  readonly host: Host;
  readonly flags: FlagValues;
  readonly input: StandardInput;
  /** The way to the command that runs. */
  readonly path: readonly NotaryCommand[];
}

export class NotaryContext {
  readonly host: Host;
  readonly input: StandardInput;
  readonly log: Logger;
  readonly path: readonly NotaryCommand[];
  readonly #flags: FlagValues;
  #settings: Promise<Settings> | undefined;
  readonly #sessions: Session[] = [];
  readonly #passphrases: PassphraseRetriever;
  /** Asked for once, whatever wants them. */
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor({ host, flags, input, path }: NotaryContextOptions) {
    this.host = host;
    this.input = input;
    this.path = path;
    this.#flags = flags;
    this.#passphrases = this.passphrases();
    const level = flags.is('debug') ? 'debug' : flags.is('verbose') ? 'info' : 'warning';
    this.log = new Logger({ stream: host.stderr, level, now: () => host.now() });
  }

  /** Prints a result, or part of one. */
  readonly print = (text: string | Uint8Array): void => {
    this.host.stdout.write(text);
  };

  /** Read once, when a command first needs them. @throws Fatal */
  settings(): Promise<Settings> {
    this.#settings ??= readSettings(this.#flags, this.host.env, this.log);
    return this.#settings;
  }

  /**
   * A session. All of a run remember the same passphrases.
   * @param gun the collection whose server is asked: the pins that matter for it are read
   */
  async session(gun?: string): Promise<Session> {
    const { openSession } = await import('../../operations/session.ts');
    const session = await openSession(await this.#sessionOptions(gun));
    this.#sessions.push(session);
    return session;
  }

  /** A new memory of passphrases; what was typed before is not tried. */
  passphrases(): PassphraseRetriever {
    const { input, print, host } = this;
    return new PassphraseRetriever({ env: host.env, input, print });
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) await session.close();
  }

  async #sessionOptions(gun: string | undefined): Promise<SessionOptions> {
    const { host, log } = this;
    const settings = await this.settings();
    const { tlsCa, tlsCert, tlsKey } = settings;
    // The variable is read by the dialect itself: what is wrong with it is said in other words.
    const { NOTARY_AUTH: _, ...env } = host.env;
    return {
      env,
      home: settings.home,
      trustDir: settings.trustDir,
      server: settings.server,
      ...(tlsCa === undefined ? {} : { tlsCa }),
      ...(tlsCert === undefined ? {} : { tlsCert }),
      ...(tlsKey === undefined ? {} : { tlsKey }),
      tlsCaReplacesSystem: tlsCa !== undefined,
      useDockerConfig: false,
      ...(gun === undefined ? {} : { trustPinning: await settings.trustPinning(gun) }),
      now: () => host.now(),
      log: step => log.debug(step),
      progress: () => {},
      ...dialectPassphrases({ host, log, family: 'notary', own: this.#passphrases }),
      askCredentials: () => {
        this.#credentials ??= askCredentials(this);
        return this.#credentials;
      },
    };
  }
}
