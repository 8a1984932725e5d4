/** Commands that somebody may have meant. */

const FARTHEST = 2;

/** What follows the sentence about an unknown command: nothing, or the names that are near. */
export function didYouMean(typed: string, names: readonly string[]): string {
  const lower = typed.toLowerCase();
  const near = names.filter(name => {
    const other = name.toLowerCase();
    return distance(lower, other) <= FARTHEST || other.startsWith(lower);
  });
  if (near.length === 0) return '';
  return `\n\nDid you mean this?\n${near.map(name => `\t${name}\n`).join('')}`;
}

/** Levenshtein's: how many characters to insert, remove or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
