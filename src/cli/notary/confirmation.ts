import type { StandardInput } from './input.ts';

/** The one word of the next line; undefined when there is none, or more than one. */
export async function readWord(input: StandardInput): Promise<string | undefined> {
  const line = await input.line();
  return line === undefined ? undefined : /^\s*(\S+)\s*$/.exec(line)?.[1];
}

/** Whether the next line says yes: `y` or `yes` in any case. Everything else is no, the end of input too. */
export async function confirmed(input: StandardInput): Promise<boolean> {
  const word = await readWord(input);
  return word !== undefined && /^(?:y|yes)$/i.test(word);
}
