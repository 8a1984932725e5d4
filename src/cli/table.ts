import { stripVTControlCharacters } from 'node:util';

export interface TableOptions {
  /** Spaces before each row. Default 0. */
  readonly indent?: number;
  /** Spaces between columns. Default 2. */
  readonly gap?: number;
  /** Dresses the header's cells, for instance in a dim colour. */
  readonly header?: (text: string) => string;
}

/**
 * Aligned columns, left-justified, as wide as the longest cell in code points; colours do not count.
 * The last column is not padded, so that no line ends in spaces. The first row is the header when
 * `options.header` is given.
 */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string[] {
  const indent = ' '.repeat(options.indent ?? 0);
  const gap = ' '.repeat(options.gap ?? 2);
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, width(cell));
    }
  }
  return rows.map((row, index) => {
    const cells = row.map((cell, column) => {
      const padding = ' '.repeat((widths[column] ?? 0) - width(cell));
      const dressed = index === 0 && options.header ? options.header(cell) : cell;
      return column === row.length - 1 ? dressed : dressed + padding;
    });
    return (indent + cells.join(gap)).replace(/ +$/, '');
  });
}

/** A name that is cut on the left when it is too long: its end tells it apart. */
export function fitted(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `…${characters.slice(1 - width).join('')}`;
}

function width(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
