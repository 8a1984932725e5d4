/** The version of every JSON object of our own. Members may be added under one version, not changed. */
export const SCHEMA_VERSION = 1;

// C1 and bidirectional controls, which JSON may hold bare but a terminal should not be sent, and
// the two separators that break JavaScript.
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** One JSON document as text: two spaces, a newline at the end, safe to show on a terminal. */
export function jsonDocument(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  const escaped = (char: string): string =>
    `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${text.replace(UNSAFE, escaped)}\n`;
}
