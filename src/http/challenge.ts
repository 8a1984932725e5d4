/** One way to log in that a server offers. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case; of a name that occurs twice, the first value. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
/** Also covers base64url and paddings. */
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const SPACES = /[ \t]*/y;

/**
 * Reads `WWW-Authenticate` headers: several headers, and several challenges within one. What cannot be understood ends
 * the reading of its header; what came before it is kept.
 *
 * @see RFC 9110, 11.2 to 11.6.1
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap(parseHeader);
}

function parseHeader(text: string): Challenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const matched = pattern.exec(text)?.[0];
    at += matched?.length ?? 0;
    return matched;
  };

  for (;;) {
    match(SPACES);
    if (text[at] === ',') {
      at += 1;
      continue;
    }
    const name = match(TOKEN);
    if (name === undefined) return found;
    const beforeSpaces = at;
    match(SPACES);
    const current = found.at(-1);
    if (text[at] === '=' && current !== undefined) {
      at += 1;
      match(SPACES);
      const value = text[at] === '"' ? quoted() : match(TOKEN);
      if (value === undefined) return found;
      const key = name.toLowerCase();
      if (!current.parameters.has(key)) current.parameters.set(key, value);
      if (!atBoundary()) return found;
      continue;
    }
    if (text[at] === '=') return found;
    // A name without “=” begins the next challenge.
    found.push({ scheme: name.toLowerCase(), parameters: new Map() });
    // Some schemes have a single value in place of parameters; it is of no use here.
    if (at > beforeSpaces) match(TOKEN68);
  }

  function quoted(): string | undefined {
    let value = '';
    for (at += 1; at < text.length; at += 1) {
      const character = text[at];
      if (character === '"') {
        at += 1;
        return value;
      }
      if (character === '\\') at += 1;
      value += text[at] ?? '';
    }
    return undefined;
  }

  function atBoundary(): boolean {
    match(SPACES);
    return at === text.length || text[at] === ',';
  }
}
