/** Two texts side by side: what only the first has, what only the second has, and both in order. */
export interface LineDiff {
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** Every line with `- `, `+ ` or two blanks before it; long runs of equal lines are cut. */
  readonly shown: readonly string[];
}

/** Equal lines that are shown around a difference. */
const CONTEXT = 2;

/** The lines by which two texts differ, by the longest common subsequence; undefined when they are equal. */
export function diffLines(
  first: readonly string[],
  second: readonly string[],
): LineDiff | undefined {
  let start = 0;
  while (start < first.length && start < second.length && first[start] === second[start])
    start += 1;
  if (start === first.length && start === second.length) return undefined;
  let end = 0;
  while (
    end < Math.min(first.length, second.length) - start &&
    first[first.length - 1 - end] === second[second.length - 1 - end]
  ) {
    end += 1;
  }
  const a = first.slice(start, first.length - end);
  const b = second.slice(start, second.length - end);
  const lines: { sign: ' ' | '-' | '+'; line: string }[] = [
    ...first.slice(0, start).map(line => ({ sign: ' ' as const, line })),
    ...middle(a, b),
    ...first.slice(first.length - end).map(line => ({ sign: ' ' as const, line })),
  ];
  const near = (index: number) =>
    lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== ' ');
  const shown: string[] = [];
  for (const [index, { sign, line }] of lines.entries()) {
    if (near(index)) shown.push(`${sign} ${line}`);
    else if (shown.at(-1) !== '  …') shown.push('  …');
  }
  return {
    removed: lines.filter(({ sign }) => sign === '-').map(({ line }) => line),
    added: lines.filter(({ sign }) => sign === '+').map(({ line }) => line),
    shown,
  };
}

function middle(a: readonly string[], b: readonly string[]) {
  // lengths[i][j]: the longest common subsequence of a from i and b from j.
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: { sign: ' ' | '-' | '+'; line: string }[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]];
    if (left !== undefined && left === right) {
      lines.push({ sign: ' ', line: left });
      i += 1;
      j += 1;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', line: left });
      i += 1;
    } else if (right !== undefined) {
      lines.push({ sign: '+', line: right });
      j += 1;
    }
  }
  return lines;
}
