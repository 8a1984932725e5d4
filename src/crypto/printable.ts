/**
 * What a terminal could act on or a reader could not see: C0 and C1 controls, marks and overrides of
 * the writing direction, line separators, invisible characters, and halves of surrogate pairs.
 */
const UNPRINTABLE =
  /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * Makes untrusted text safe to put into a message or on a terminal.
 *
 * @returns the text with each control, direction-changing or invisible character written as `\u001b`
 *   or `\u{e0001}`; all other text, of any script, stays as it is.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, character => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
