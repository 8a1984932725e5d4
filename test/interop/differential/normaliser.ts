import type { KnownKeys } from './known-keys.ts';
import { pemBody } from './known-keys.ts';

/** What is different on each side, or in each run, and must not matter. */
export interface Surroundings {
  readonly keys: KnownKeys;
  /** Absolute folder of the side. */
  readonly folder: string;
  /** Texts such as URLs of servers, and what they are called; longer ones first. */
  readonly places: readonly (readonly [text: string, name: string])[];
}

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----\n[\s\S]*?-----END \1-----/g;

/**
 * Makes what a program said comparable: key IDs, paths, servers, times, UUIDs and encrypted key bodies become
 * names. All else stays, to the blank.
 */
export function normalise(text: string, { keys, folder, places }: Surroundings): string {
  let result = text.replaceAll(PEM, block => withoutBody(block, keys));
  for (const [place, name] of places) result = result.replaceAll(place, name);
  // `notary key list` cuts a folder to its last 37 characters.
  result = result.replaceAll(/\.\.\.(\S{37})(?!\S)/g, (whole, tail: string) => {
    for (let end = tail.lastIndexOf('/'); end > 0; end = tail.lastIndexOf('/', end - 1)) {
      if (folder.endsWith(tail.slice(0, end))) return `...<end of dir>${tail.slice(end)}`;
    }
    return whole;
  });
  result = result.replaceAll(folder, '<dir>');
  result = result.replaceAll(/\b[0-9a-f]{64}\b/g, hex => keys.label(hex) ?? hex);
  // A prompt names a key by seven digits. A word in parentheses may follow.
  result = result.replaceAll(/(?<=with ID )[0-9a-f]{7}\b/g, short => {
    const found = keys.all().filter(key => key.id.startsWith(short));
    return found.length === 1 ? `${found[0]?.label}` : '<new key>';
  });
  result = result.replaceAll(/\d{20}_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<change>');
  result = result.replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>');
  result = result.replaceAll(
    /(?<=time=")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)(?=")/g,
    '<time>',
  );
  // The resolver that was asked.
  result = result.replaceAll(/ on [0-9a-f.:[\]]+:53(?=: no such host)/g, '');
  // Our end of a connection that broke.
  result = result.replaceAll(/(?<=127\.0\.0\.1:|\[::1\]:)\d+(?=->)/g, '<port>');
  return inOrder(result);
}

/** Rows of keys that differ only in the key stand in the order of random IDs: puts them in the order of names. */
function inOrder(text: string): string {
  const lines = text.split('\n');
  const row = /^(.* {4})<[^<>]+>( {4}\S.*)$/;
  const group = (line: string | undefined) =>
    row
      .exec(line ?? '')
      ?.slice(1)
      .join('\n');
  for (let start = 0; start < lines.length; start += 1) {
    const first = group(lines[start]);
    if (first === undefined) continue;
    let end = start + 1;
    while (group(lines[end]) === first) end += 1;
    lines.splice(start, end - start, ...lines.slice(start, end).toSorted());
    start = end - 1;
  }
  return lines.join('\n');
}

/** A PEM block with what its body is instead of the body: passphrase encryption makes it different each time. */
export function withoutBody(block: string, keys: KnownKeys): string {
  const body = pemBody(block);
  if (body === undefined) return block;
  const stored = keys.bodyLabel(body);
  const bytes = Buffer.from(body, 'base64').length;
  const lines = body.split('\n').slice(0, -1);
  const wrapped = lines.every((line, index) => line.length === 64 || index === lines.length - 1);
  const name = stored === undefined ? `<${bytes} bytes>` : `<as stored: ${stored}>`;
  return block.replace(body, `${name}${wrapped ? '' : ' (lines are not of 64)'}\n`);
}
