/** What the commands of the dialect work with. */
import type { Session } from '../../operations/session.ts';
import type { Host } from '../host.ts';
import type { StandardInput } from '../notary/input.ts';
import type { Logger } from '../notary/logger.ts';
import { dialectPassphrases } from '../notary/passphrase-sources.ts';
import { PassphraseRetriever } from '../notary/passphrases.ts';

export class DockerTrustContext {
  readonly host: Host;
  readonly input: StandardInput;
  readonly log: Logger;
  #session: Promise<Session> | undefined;

  constructor(options: { host: Host; input: StandardInput; log: Logger }) {
    this.host = options.host;
    this.input = options.input;
    this.log = options.log;
  }

  /** Prints a result, or part of one. */
  readonly print = (text: string): void => {
    this.host.stdout.write(text);
  };

  /** Prints what is no result. */
  readonly tell = (text: string): void => {
    this.host.stderr.write(text);
  };

  session(): Promise<Session> {
    this.#session ??= this.#open();
    return this.#session;
  }

  /** The question on standard output; only `y` and `Y` are yes. undefined at the end of input. */
  async confirm(question: string): Promise<boolean | undefined> {
    this.print(`${question} [y/N] `);
    const answer = await this.input.line();
    return answer === undefined ? undefined : answer.trim().toLowerCase() === 'y';
  }

  warn(warnings: readonly string[]): void {
    for (const warning of warnings) this.log.warning(warning);
  }

  async close(): Promise<void> {
    await (await this.#session)?.close();
  }

  async #open(): Promise<Session> {
    const { openSession } = await import('../../operations/session.ts');
    const { host, input, log, print } = this;
    const own = new PassphraseRetriever({
      env: host.env,
      input,
      print,
      family: 'docker',
      asksPipes: true,
      wordFor: role => (role === 'targets' || role === 'snapshot' ? 'repository' : role),
    });
    return await openSession({
      env: host.env,
      home: host.home,
      now: () => host.now(),
      log: step => log.debug(step),
      progress: () => {},
      ...dialectPassphrases({ host, log, family: 'docker', own }),
    });
  }
}
