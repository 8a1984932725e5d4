/**
 * Compares two tags as people count: `v1.9` before `v1.10`. The order of `docker trust inspect`
 * (cli.md 2.4): a digit sorts before a non-digit, runs of digits by their number, equal numbers
 * by fewer leading zeros (and then at once), all else by code point; a prefix comes first.
 * Negative, zero or positive, as `Array.prototype.sort` wants it.
 */
export function naturalOrder(a: string, b: string): number {
  const left = a.match(PARTS) ?? [];
  const right = b.match(PARTS) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const order = compareParts(left[i] as string, right[i] as string);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** A run of digits, or one other character. */
const PARTS = /[0-9]+|[^0-9]/gsu;

function compareParts(a: string, b: string): number {
  const aIsNumber = isDigit(a);
  if (aIsNumber !== isDigit(b)) return aIsNumber ? -1 : 1;
  if (!aIsNumber) return (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0);
  const x = a.replace(/^0+/, '');
  const y = b.replace(/^0+/, '');
  if (x.length !== y.length) return x.length - y.length;
  if (x !== y) return x < y ? -1 : 1;
  return a.length - b.length;
}

function isDigit(part: string): boolean {
  return part >= '0' && part < ':';
}
