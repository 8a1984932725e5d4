/** Secrets that come as bytes, from a file, a pipe or a program: what in them is the secret. */
import { printable } from '../crypto/printable.ts';
import { KeyError } from '../errors.ts';

/** More than any secret has, in bytes. */
export const SECRET_LIMIT = 64 * 1024;

const LINE_FEED = 0x0a;

/**
 * The first line, without its end and a byte order mark before it; else verbatim, spaces included.
 * @param where what messages call the place: `standard input`
 * @throws KeyError `SECRET_EMPTY` | `SECRET_INVALID`
 */
export function secretText(bytes: Uint8Array, where: string): string {
  const end = bytes.indexOf(LINE_FEED);
  const line = end < 0 ? bytes : bytes.subarray(0, end);
  if (line.length > SECRET_LIMIT) throw invalid(where, 'is too long for a passphrase');
  let text: string;
  try {
    // It also takes the byte order mark away, which some editors and shells put there.
    text = new TextDecoder('utf-8', { fatal: true }).decode(line).replace(/\r$/, '');
  } catch {
    throw invalid(where, 'is not text in UTF-8');
  }
  if (text.includes('\0')) throw invalid(where, 'is not text in UTF-8');
  if (text !== '') return text;
  throw new KeyError('SECRET_EMPTY', `There is no passphrase on the first line of ${where}`);
}

/**
 * The first line of a stream, which need not end: what follows is left unread.
 * @throws as {@link secretText}; what the stream throws
 */
export async function readSecretLine(
  stream: AsyncIterable<string | Uint8Array>,
  where: string,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    size += bytes.length;
    if (bytes.includes(LINE_FEED) || size > SECRET_LIMIT) break;
  }
  return secretText(Buffer.concat(chunks), where);
}

function invalid(where: string, what: string): KeyError {
  return new KeyError('SECRET_INVALID', `The first line of ${printable(where)} ${what}`);
}
