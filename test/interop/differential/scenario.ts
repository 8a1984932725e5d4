import type { Side } from './side.ts';

/** One thing that both programs are made to do, or that is done to both of their folders. */
export interface Step {
  /** Unique in its scenario; with the scenario's name it is what the table of known differences names. */
  readonly title: string;
  /**
   * A command line after the program's name, split as a shell does. `{gun}`, `{server}`, `{key targets}` and so on
   * stand for what differs between scenarios or sides; see {@link Side.expand}. Absent: only `prepare` runs.
   */
  readonly command?: string;
  /** With what exit code the real program has to end: 0, 1 in an error case, 2 where it crashes, 125 for bad flags of docker. */
  readonly exit: 0 | 1 | 2 | 125;
  /** Done before the command, on each side, e.g. writing a file. */
  readonly prepare?: (side: Side) => Promise<void>;
  /** Written to standard input, with the same words in braces as the command. Absent: standard input is empty. */
  readonly stdin?: string;
  /** Run at a terminal: each prompt that has to appear, and what is then typed. */
  readonly terminal?: readonly (readonly [prompt: string, answer: string])[];
  /** Variables beside the usual ones; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Afterwards each side's folder is put back as it was: for a command after which the folders are known to
   * differ, so that the steps that follow start from the same. What it did on the server stays.
   */
  readonly undone?: boolean;
  /** Without the usual flags for server, CA and trust folder. */
  readonly bare?: boolean;
  /** The lines of standard output and error have no order of their own; the value says why. */
  readonly anyOrder?: string;
  /** What the real program says in one of several ways, by chance: the pattern, what it becomes, and why. */
  readonly chance?: readonly { pattern: RegExp; becomes: string; reason: string }[];
}

export type StepOptions = Omit<Step, 'title' | 'command' | 'exit'>;

export interface Scenario {
  /** A subject, in kebab case. */
  readonly name: string;
  readonly steps: readonly Step[];
  /** Repositories, beside `{gun}`, that are read back at the end by both programs. */
  readonly readBack?: readonly string[];
  /** False where the programs have no commands of Notary's to read a repository with. */
  readonly isReadByPrograms?: boolean;
  /** The server that `{server}` names. Default `open`. */
  readonly server?: 'open' | 'token';
}

/** A command that succeeds. */
export function works(title: string, command: string, options: StepOptions = {}): Step {
  return { title, command, exit: 0, ...options };
}

/** An error case: a command that ends with exit code 1. */
export function fails(title: string, command: string, options: StepOptions = {}): Step {
  return { title, command, exit: 1, ...options };
}

/** An error case in which the real program panics. Its report of that differs each time. */
export function crashes(title: string, command: string, options: StepOptions = {}): Step {
  const panic = { pattern: /panic: [\s\S]*/g, becomes: '<panic>', reason: 'addresses in memory' };
  return { title, command, exit: 2, ...options, chance: [...(options.chance ?? []), panic] };
}

/** Something done to both sides between commands. */
export function prepare(title: string, act: (side: Side) => Promise<void>): Step {
  return { title, exit: 0, prepare: act };
}

/** Words of a command line: separated by blanks, kept together by quotes of both kinds and by braces. No escapes. */
export function splitWords(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  let depth = 0;
  for (const char of command) {
    if (char === '{') depth += 1;
    if (char === '}') depth -= 1;
    if (quote !== '') {
      if (char === quote) quote = '';
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= '';
    } else if (char === ' ' && depth === 0) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== '') throw new Error(`a quote is not closed in: ${command}`);
  if (word !== undefined) words.push(word);
  return words;
}
