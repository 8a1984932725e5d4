/** What a command is made of, and how a command line leads to one (the rules of the original's parser). */
import {
  CommandLineError,
  type FlagSpec,
  type FlagValues,
  longFlag,
  parseFlags,
  shortFlag,
} from './flags.ts';
import { goQuote } from './go-values.ts';
import { didYouMean } from './suggestions.ts';

/** What a command does; it reports failures by throwing. */
export type Action<C> = (context: C, args: string[], flags: FlagValues) => Promise<void>;

export interface CommandSpec<C> {
  /** Its name and what follows it, as in the usage line. */
  readonly use: string;
  readonly short: string;
  readonly long: string;
  readonly flags?: readonly FlagSpec[];
  readonly commands?: readonly CommandSpec<C>[];
  /** Loads the action only when the command runs. */
  readonly load?: () => Promise<Action<C>>;
  /** Whether the usage line has no `[flags]`. */
  readonly bareUseLine?: boolean;
}

/** A command with the way to it. */
export interface FoundCommand<C> {
  readonly command: CommandSpec<C>;
  /** From the program down to the command itself. */
  readonly path: readonly CommandSpec<C>[];
  /** The command line without the names of the commands. */
  readonly words: readonly string[];
}

export const HELP_FLAG = 'help';

/** A command's name. */
export function nameOf(command: { readonly use: string }): string {
  return command.use.split(' ', 1)[0] ?? '';
}

/** The flags that a command takes with those of its parents; the program's `local` flags are its own alone. */
export function allFlags<C>(
  path: readonly CommandSpec<C>[],
  persistent: readonly FlagSpec[],
): FlagSpec[] {
  const own = path.at(-1)?.flags ?? [];
  return [...own, helpFlag(path), ...persistent];
}

/** Every command has it. */
export function helpFlag<C>(path: readonly CommandSpec<C>[]): FlagSpec {
  const command = path.at(-1);
  const name = command === undefined ? '' : nameOf(command);
  return { name: HELP_FLAG, short: 'h', kind: 'bool', usage: `help for ${name}` };
}

/**
 * Finds the command of a command line; flags may stand anywhere, before and between the names.
 * @throws CommandLineError for a first word that is no command
 */
export function findCommand<C>(
  root: CommandSpec<C>,
  persistent: readonly FlagSpec[],
  words: readonly string[],
): FoundCommand<C> {
  let path: readonly CommandSpec<C>[] = [root];
  let rest = words;
  for (;;) {
    // The help flag is not known yet while commands are looked for.
    const flags = [...(path.at(-1)?.flags ?? []), ...persistent];
    const [first] = positionals(rest, flags);
    const next = path.at(-1)?.commands?.find(command => nameOf(command) === first?.word);
    if (first === undefined || next === undefined) break;
    rest = withoutName(rest, first.word, flags);
    path = [...path, next];
  }
  const [command = root] = path.slice(-1);
  const [stray] =
    path.length === 1
      ? positionals(rest, root.flags ? [...root.flags, ...persistent] : persistent)
      : [];
  if (stray !== undefined) {
    const names = (root.commands ?? []).map(nameOf);
    throw new CommandLineError(
      `unknown command ${goQuote(stray.word)} for ${goQuote(nameOf(root))}${didYouMean(stray.word, names)}`,
    );
  }
  return { command, path, words: rest };
}

/** Reads a found command's flags and arguments. @throws CommandLineError */
export function parseCommand<C>(
  { path, words }: FoundCommand<C>,
  persistent: readonly FlagSpec[],
): { args: string[]; flags: FlagValues } {
  const { args, values } = parseFlags(words, allFlags(path, persistent));
  return { args, flags: values };
}

interface Positional {
  readonly word: string;
}

/** The words that are neither flags nor their values, as far as that is known before the command is. */
function positionals(words: readonly string[], flags: readonly FlagSpec[]): Positional[] {
  const found: Positional[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') break;
    if (takesNextWord(word, flags)) {
      // The last word but one counts as the end: the original stops there.
      if (words.length - at - 1 <= 1) break;
      at += 1;
    } else if (word !== '' && !word.startsWith('-')) {
      found.push({ word });
    }
  }
  return found;
}

function withoutName(words: readonly string[], name: string, flags: readonly FlagSpec[]): string[] {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') break;
    if (takesNextWord(word, flags)) at += 1;
    else if (word === name) return words.filter((_, index) => index !== at);
  }
  return [...words];
}

/** Whether a word is a flag whose value is the next word; flags that are not known are taken for such. */
function takesNextWord(word: string, flags: readonly FlagSpec[]): boolean {
  if (word.includes('=')) return false;
  if (word.startsWith('--')) return longFlag(flags, word.slice(2))?.kind !== 'bool';
  if (word.startsWith('-') && word.length === 2) {
    return shortFlag(flags, word.slice(1))?.kind !== 'bool';
  }
  return false;
}
