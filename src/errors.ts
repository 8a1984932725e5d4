/**
 * The errors of Tabellion. A class stands for what a caller can do about it (and for an exit code of
 * the command); the `code` inside says exactly what happened and never changes its meaning.
 */

/** What an error may carry beside its message. */
export interface ErrorOptions {
  /** What the person can do next: one sentence, or a command to run. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Facts for `--json`: never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Base of all errors that Tabellion raises on purpose. */
export abstract class TabellionError<C extends string = string> extends Error {
  /** The exit code of the command that ends with this error: a promise to scripts. */
  abstract readonly exitCode: number;
  readonly code: C;
  hint: string | undefined;
  details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: C, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
    this.name = new.target.name;
  }

  /** The same error with more facts, for who passes it on. */
  noting(details: Readonly<Record<string, unknown>>): this {
    this.details = { ...this.details, ...details };
    return this;
  }

  /** The same error with one more sentence on what to do, for who knows more than where it arose. */
  advising(sentence: string): this {
    this.hint = this.hint === undefined ? sentence : `${this.hint} ${sentence}`;
    return this;
  }
}

/** The operation failed for a reason that is none of the others: exit 1. */
export class OperationError extends TabellionError {
  readonly exitCode = 1;
}

/** The request itself makes no sense (a bad reference, a flag without its partner): exit 2. */
export class UsageError extends TabellionError {
  readonly exitCode = 2;
}

/** Not trusted: verification failed, or there is no trust data: exit 3. */
export class TrustError extends TabellionError {
  readonly exitCode = 3;
}

/** A private key or its passphrase is missing, wrong or damaged: exit 4. */
export class KeyError extends TabellionError {
  readonly exitCode = 4;
}

/** A server could not be reached, could not be believed, or refused the credentials: exit 5. */
export class ConnectionError extends TabellionError {
  readonly exitCode = 5;
}
