import type { Where } from '../compare.ts';
import type { KnownDifference } from '../known-differences.ts';

interface Lines {
  readonly notary: readonly string[];
  readonly tabellion: readonly string[];
}

/** Differences with one reason: by step, then by where they are, the lines that only one of the programs has. */
export function meant(
  documented: string,
  reason: string,
  steps: Readonly<Record<string, Partial<Record<Where, Lines>>>>,
): KnownDifference[] {
  return Object.entries(steps).flatMap(([step, places]) =>
    Object.entries(places).map(([where, lines]) => ({
      step,
      where: where as Where,
      ...lines,
      reason,
      documented,
    })),
  );
}

/** The lines for an encrypted private key that is new, or, with `~`, that has changed. */
export function keyFile(key: string, headers: readonly string[], sign: '+' | '~' = '+'): string[] {
  const content = [
    '-----BEGIN ENCRYPTED PRIVATE KEY-----',
    ...headers,
    '',
    `<as stored: ${key}>`,
    '-----END ENCRYPTED PRIVATE KEY-----',
    '',
  ];
  const file = `trust/private/${key}.key`;
  return [`${sign} ${file} 0600 in 0700`, ...content.map(line => `    ${file}: ${line}`)];
}
