import { expect } from 'vitest';
import { type ErrorOptions, TabellionError } from '../../src/errors.ts';

type ErrorClass = new (code: string, message: string, options?: ErrorOptions) => TabellionError;

/**
 * Asserts that work fails with an error of exactly this class (which decides the exit code) and this code.
 *
 * @returns the error, for a closer look
 */
export async function expectFailure(
  work: Promise<unknown> | (() => unknown),
  kind: ErrorClass,
  code: string,
): Promise<TabellionError> {
  const error = await failureOf(work);
  if (!(error instanceof TabellionError)) throw error;
  expect({ code: error.code, kind: error.name, message: error.message }).toEqual({
    code,
    kind: kind.name,
    message: expect.stringMatching(/./),
  });
  return error;
}

async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    return error;
  }
  return expect.unreachable('it should have failed');
}
