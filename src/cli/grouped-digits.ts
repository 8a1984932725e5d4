/** Digits in a group, and groups in a line: to be compared by eye and read aloud. */
export const GROUP = 4;
const GROUPS = 8;

/** In groups of four digits, eight to a line. */
export function groupedLines(digits: string): string[] {
  const lines = digits.match(new RegExp(`.{1,${GROUP * GROUPS}}`, 'g')) ?? [];
  return lines.map(line => (line.match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? []).join(' '));
}
