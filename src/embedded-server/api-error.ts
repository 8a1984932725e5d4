/** Errors as a trust server answers them (tuf.md 8.3). */
import { escapeForGo } from '../crypto/canonical-json.ts';

const ERRORS = {
  METADATA_NOT_FOUND: [404, 'You have requested metadata that does not exist.'],
  INVALID_UPDATE: [400, 'Update sent by the client is invalid.'],
  VERSION: [400, 'A newer version of metadata is already available.'],
  MALFORMED_UPLOAD: [400, 'The body of your request is malformed.'],
  MALFORMED_JSON: [400, 'JSON sent by the client could not be parsed by the server'],
  NO_FILENAME: [400, 'No file/role name provided.'],
  INVALID_ROLE: [400, 'The role you are attempting to operate on is invalid.'],
  INVALID_GUN: [400, 'The server does not support actions on images of this name.'],
  INVALID_PARAMETERS: [400, 'The parameters provided are not valid.'],
  UNKNOWN: [500, 'unknown error'],
} as const satisfies Record<string, readonly [number, string]>;

export type ApiErrorCode = keyof typeof ERRORS;

/** An answer other than success. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly detail: unknown;

  /** @param detail whatever JSON can express; left out of the answer when undefined */
  constructor(
    code: ApiErrorCode,
    detail?: unknown,
    options?: { cause?: unknown; status?: number },
  ) {
    super(`${code} ${detail === undefined ? '' : JSON.stringify(detail)}`, {
      cause: options?.cause,
    });
    this.name = 'ApiError';
    this.code = code;
    this.status = options?.status ?? ERRORS[code][0];
    this.detail = detail;
  }

  /** The answer's body. */
  get body(): string {
    const { code, detail } = this;
    const message = ERRORS[code][1];
    const error = detail === undefined ? { code, message } : { code, message, detail };
    return `${escapeForGo(JSON.stringify({ errors: [error] }))}\n`;
  }
}

/** What clients tell people after “Update sent by the client is invalid” (tuf.md 6.4). */
export type UpdateProblem =
  | 'ErrValidation'
  | 'ErrBadHierarchy'
  | 'ErrBadRoot'
  | 'ErrBadTargets'
  | 'ErrBadSnapshot';

/** @param message a clause; clients print it after a text of their own for the kind of problem */
export function invalidUpdate(problem: UpdateProblem, message: string, cause?: unknown): ApiError {
  return new ApiError('INVALID_UPDATE', { Name: problem, Error: { Msg: message } }, { cause });
}

/** Something is missing from the update. */
export function incompleteUpdate(missing: string, message: string, cause?: unknown): ApiError {
  const error = { Missing: missing, Msg: message };
  return new ApiError('INVALID_UPDATE', { Name: 'ErrBadHierarchy', Error: error }, { cause });
}
