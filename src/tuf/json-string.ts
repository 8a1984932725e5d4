/** Finding the end of a JSON string. */

const PLAIN = /[^"\\\u0000-\u001f]*/y;

/**
 * The offset just after the string that begins at `at`, or -1. A loop, since one expression for the whole of a
 * string of many megabytes would exhaust the stack.
 * @param escapes sticky expression for the escapes that are allowed
 */
export function endOfString(text: string, at: number, escapes: RegExp): number {
  if (text[at] !== '"') return -1;
  let next = at + 1;
  for (;;) {
    PLAIN.lastIndex = next;
    PLAIN.test(text);
    next = PLAIN.lastIndex;
    if (text[next] === '"') return next + 1;
    escapes.lastIndex = next;
    if (!escapes.test(text)) return -1;
    next = escapes.lastIndex;
  }
}
