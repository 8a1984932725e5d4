/** The body of a publish: multipart/form-data (RFC 7578, RFC 2046 5.1), no more of it than clients send. */

export interface Part {
  /** As the part's header has it; absent or empty when it has none. */
  readonly fileName: string | undefined;
  readonly bytes: Buffer;
}

const MEDIA_TYPE = /^multipart\/form-data\s*(?:;|$)/i;
const BOUNDARY = /;\s*boundary=(?:"([^"\\]{1,70})"|([^\s";,]{1,70}))\s*(?:;|$)/i;
const DISPOSITION = /^content-disposition:\s*form-data\s*(?:;|$)/i;
const FILE_NAME = /;\s*filename=(?:"([^"\\]*)"|([^\s";]*))\s*(?:;|$)/i;
const LINE_END = '\r\n';
const HEADERS_LIMIT = 16 * 1024;
/** A repository has one part for each role. */
const PARTS_LIMIT = 4096;

/** @returns undefined when the body is not what its Content-Type says */
export function parseMultipart(contentType: string | undefined, body: Buffer): Part[] | undefined {
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) return undefined;
  const delimiter = Buffer.from(`${LINE_END}--${boundary}`, 'latin1');
  const parts: Part[] = [];
  let at = firstDelimiter(body, delimiter);
  while (at !== undefined) {
    const after = at + delimiter.length;
    const mark = body.toString('latin1', after, after + 2);
    if (mark === '--') return parts;
    if (mark !== LINE_END || parts.length >= PARTS_LIMIT) return undefined;
    const end = body.indexOf(delimiter, after);
    const part = end === -1 ? undefined : parsePart(body.subarray(after + LINE_END.length, end));
    if (part === undefined) return undefined;
    parts.push(part);
    at = end;
  }
  return undefined;
}

/** At the very start, where the line end that belongs to a delimiter may be missing: so possibly at -2. */
function firstDelimiter(body: Buffer, delimiter: Buffer): number | undefined {
  const starts = (text: Buffer): boolean => body.subarray(0, text.length).equals(text);
  if (starts(delimiter)) return 0;
  return starts(delimiter.subarray(LINE_END.length)) ? -LINE_END.length : undefined;
}

function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !MEDIA_TYPE.test(contentType)) return undefined;
  const match = BOUNDARY.exec(contentType);
  return match?.[1] ?? match?.[2];
}

function parsePart(part: Buffer): Part | undefined {
  const headersEnd = part.indexOf(`${LINE_END}${LINE_END}`);
  if (headersEnd === -1 || headersEnd > HEADERS_LIMIT) return undefined;
  const headers = part.toString('utf8', 0, headersEnd).split(LINE_END);
  const disposition = headers.find(header => DISPOSITION.test(header));
  if (disposition === undefined) return undefined;
  const match = FILE_NAME.exec(disposition);
  return {
    fileName: match?.[1] ?? match?.[2],
    bytes: part.subarray(headersEnd + 2 * LINE_END.length),
  };
}
