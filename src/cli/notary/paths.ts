/** A delegation's paths, sorted; the one that allows everything is made visible. */
export function shownPaths(paths: readonly string[]): string[] {
  return [...paths]
    .sort((a, b) => Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')))
    .map(path => (path === '' ? '"" <all paths>' : path));
}
