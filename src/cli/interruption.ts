import type { Host } from './host.ts';

/** The person pressed Ctrl-C, or closed a prompt. Not a failure: exit 130. */
export class Interrupted extends Error {
  constructor() {
    super('Interrupted');
    this.name = 'Interrupted';
  }
}

/**
 * What can end a command from outside: Ctrl-C, and an error that no promise carries. What is on
 * disk is whole at every moment (each file is replaced atomically), so the command may be left
 * where it stands; only output is finished first.
 */
export class Interruption {
  readonly #host: Host;
  readonly #forgetUncaught: () => void;
  readonly #forgetSigquit: () => void;
  #forgetSigint: () => void;
  #happened = false;
  /** Never resolves. Rejects with `Interrupted` on the first SIGINT or SIGQUIT, or with the stray error. */
  readonly promise: Promise<never>;

  constructor(host: Host) {
    this.#host = host;
    let reject: (error: unknown) => void = () => {};
    this.promise = new Promise<never>((_, rejectPromise) => {
      reject = rejectPromise;
    });
    // Nobody may be waiting at that moment; an unhandled rejection would look like a defect.
    this.promise.catch(() => {});
    const end = (error: unknown): void => {
      this.#happened = true;
      reject(error);
      // A second Ctrl-C finds no listener, and kills. Not within this signal: the library of locks, which listens too,
      // kills at once where nobody else does.
      setImmediate(() => this.#forgetSigint());
    };
    this.#forgetSigint = host.onSignal('SIGINT', () => end(new Interrupted()));
    // Without a listener the system would write the memory, with what opens the keys, to a core file.
    this.#forgetSigquit = host.onSignal('SIGQUIT', () => end(new Interrupted()));
    this.#forgetUncaught = host.onUncaught(end);
  }

  /** Whether the command was left unfinished, so that its work may keep the process alive. */
  get happened(): boolean {
    return this.#happened;
  }

  /**
   * For a command that runs until it is told to stop: from now on SIGINT and SIGTERM are its
   * ordinary end. Resolves with the first of them.
   */
  stopRequested(): Promise<NodeJS.Signals> {
    this.#forgetSigint();
    return new Promise(resolve => {
      const stop = (signal: NodeJS.Signals): void => {
        for (const forget of listeners) forget();
        resolve(signal);
      };
      const listeners = [
        this.#host.onSignal('SIGINT', () => stop('SIGINT')),
        this.#host.onSignal('SIGTERM', () => stop('SIGTERM')),
      ];
    });
  }

  /** Leaves signals and stray errors to Node.js again. */
  end(): void {
    this.#forgetSigint();
    this.#forgetSigquit();
    this.#forgetUncaught();
  }
}
