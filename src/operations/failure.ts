/** An error as part of a report on several images, where it must not hide the others. */
import type { TabellionError } from '../errors.ts';

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** Facts for programs, as with an error that ends the command. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export function failureOf({ code, message, hint, details }: TabellionError): Failure {
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  };
}
