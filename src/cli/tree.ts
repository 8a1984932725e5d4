/** One line of a tree: the branches before the name, and what the caller hung there. */
export interface TreeLine<T> {
  /** `''` for a root, else such as `│  ├─ `. */
  readonly branches: string;
  readonly node: T;
}

/**
 * The lines of a tree, parents before their children, children in the order given.
 * `childrenOf` must not lead back to an ancestor.
 */
export function treeLines<T>(root: T, childrenOf: (node: T) => readonly T[]): TreeLine<T>[] {
  const lines: TreeLine<T>[] = [{ branches: '', node: root }];
  const descend = (node: T, before: string): void => {
    const children = childrenOf(node);
    for (const [index, child] of children.entries()) {
      const last = index === children.length - 1;
      lines.push({ branches: `${before}${last ? '└─ ' : '├─ '}`, node: child });
      descend(child, `${before}${last ? '   ' : '│  '}`);
    }
  };
  descend(root, '');
  return lines;
}
