import { printable } from '../crypto/printable.ts';

/** One error that a trust server reports. All texts are printable and short. */
export interface ReportedError {
  readonly code: string;
  readonly message: string;
  /** The detail as one line of text; empty when it says nothing. */
  readonly detail: string;
  /** For a refused update: which check failed (`ErrBadRoot`, …) and why. */
  readonly check?: { readonly name: string; readonly reason: string; readonly missing?: string };
}

export interface ErrorBody {
  /** `errors`: as the protocol says. `text`: anything else, such as a proxy's page. */
  readonly kind: 'errors' | 'text' | 'empty';
  readonly errors: readonly ReportedError[];
  /** The first line that is not blank; for `text`. */
  readonly firstLine: string;
}

const TEXT_LIMIT = 500;
const ERRORS_LIMIT = 5;

/** Reads the body of an answer that is not 200 (tuf.md 8.3). Never throws: it may come from anybody. */
export function parseErrorBody(body: Uint8Array): ErrorBody {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  const firstLine = line(/\S[^\r\n]*/.exec(text)?.[0] ?? '');
  if (firstLine === '') return { kind: 'empty', errors: [], firstLine };
  const errors = member(parse(text), 'errors');
  if (!Array.isArray(errors)) return { kind: 'text', errors: [], firstLine };
  return { kind: 'errors', errors: errors.slice(0, ERRORS_LIMIT).map(reportedError), firstLine };
}

/** Untrusted text as one printable line of bearable length. */
export function line(text: string): string {
  const short = text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
  return printable(short.trim());
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reportedError(value: unknown): ReportedError {
  const detail = member(value, 'detail');
  const check = refusedCheck(detail);
  return {
    code: textOf(member(value, 'code')),
    message: textOf(member(value, 'message')),
    detail: check === undefined ? detailText(detail) : check.reason,
    ...(check === undefined ? {} : { check }),
  };
}

function refusedCheck(detail: unknown): ReportedError['check'] {
  const name = member(detail, 'Name');
  if (typeof name !== 'string') return undefined;
  const error = member(detail, 'Error');
  const missing = textOf(member(error, 'Missing'));
  return {
    name: line(name),
    reason: textOf(member(error, 'Msg')),
    ...(missing === '' ? {} : { missing }),
  };
}

function detailText(detail: unknown): string {
  if (detail === undefined || detail === null) return '';
  if (typeof detail === 'string') return line(detail);
  let text: string;
  try {
    text = JSON.stringify(detail);
  } catch {
    // What nests a hundred thousand levels deep is read, but cannot be written.
    return '';
  }
  return text === '{}' || text === '[]' ? '' : line(text);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? line(value) : '';
}

/** A member of a JSON object, only if it is the object's own. */
function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
