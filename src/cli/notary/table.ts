/** Tables with the columns of Go's `text/tabwriter`, as scripts cut them apart. */

const NARROWEST_CELL = 4;
const GAP = 4;

/**
 * A header, a line of hyphens under each of its words, and the rows; every line ends in a line feed. The last
 * column is not padded. As in the original, a column's width counts over adjoining lines that have it.
 */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = header.map(word => '-'.repeat(word.length));
  const text = [header, rule, ...rows].map(row => row.join('\t')).join('\n');
  // A tab or line feed inside a cell makes cells of its own there; the original does the same.
  const lines = text.split('\n').map(line => line.split('\t'));
  const widths = lines.map(() => [] as number[]);
  const columns = Math.max(...lines.map(line => line.length)) - 1;
  for (let column = 0; column < columns; column += 1) setWidths(lines, widths, column);
  return lines
    .map((line, at) =>
      line
        .map((cell, column) =>
          column === line.length - 1 ? cell : pad(cell, widths[at]?.[column] ?? 0),
        )
        .join(''),
    )
    .map(line => `${line}\n`)
    .join('');
}

/** A column is a run of lines that all have a cell there which ends in a tab. */
function setWidths(lines: readonly string[][], widths: number[][], column: number): void {
  let run: number[] = [];
  const close = (): void => {
    const longest = Math.max(0, ...run.map(at => length(lines[at]?.[column] ?? '')));
    // A column that is empty in all its lines takes no room.
    const width = longest === 0 ? 0 : Math.max(NARROWEST_CELL, longest + GAP);
    for (const at of run) (widths[at] as number[])[column] = width;
    run = [];
  };
  for (const [at, line] of lines.entries()) {
    if (column < line.length - 1) run.push(at);
    else close();
  }
  close();
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - length(cell)));
}

/** In characters, as Go counts them. */
function length(text: string): number {
  return [...text].length;
}
