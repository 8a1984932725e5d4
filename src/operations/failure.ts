/** An error as part of a report on several images, where it must not hide the others. */
import type { TabellionError } from '../errors.ts';

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export function failureOf({ code, message, hint }: TabellionError): Failure {
  return hint === undefined ? { code, message } : { code, message, hint };
}
