import type { PassphraseQuestion } from '../operations/session.ts';
import type { Display, Paint } from './display.ts';
import type { Host, InputStream, TerminalInput } from './host.ts';
import { Interrupted } from './interruption.ts';
import { keyName, shortKeyId } from './key-names.ts';

/** An answer to choose; its name is shown, and must be printable. */
export interface Choice<T> {
  readonly value: T;
  readonly name: string;
  /** Of a tick list: whether it is ticked to begin with. */
  readonly checked?: boolean;
}

/** A secret that the person thinks up now. */
export interface NewSecret {
  readonly question: string;
  readonly again: string;
  /** Says what is wrong with it, as it counts: trimmed. */
  readonly check: (secret: string) => string | true;
  /** Those that an attacker would try first. */
  readonly words: readonly string[];
}

/** Questions to the person at the terminal. Ctrl-C and Ctrl-D throw `Interrupted`. */
export interface Prompts {
  /** Asks for the passphrase of a key; of a new key twice, until both agree. */
  passphrase(question: PassphraseQuestion): Promise<string>;
  /** Asks for a password that is known somewhere else: nothing about it is checked. */
  password(question: string): Promise<string>;
  /** Asks for a new secret until it is hard to guess, which a meter shows, and twice, until both agree; trimmed. */
  newSecret(secret: NewSecret): Promise<string>;
  /** A question whose answer is no unless the person says yes. */
  confirm(question: string): Promise<boolean>;
  /** One of several answers; the first is marked to begin with. */
  choose<T>(question: string, choices: readonly Choice<T>[]): Promise<T>;
  /** Any of several answers, in their order. */
  tick<T>(question: string, choices: readonly Choice<T>[]): Promise<T[]>;
  /** A line of text, trimmed; `check` says what is wrong with it. */
  text(question: string, check?: (typed: string) => string | true): Promise<string>;
}

/** What prompts need of the host. */
export interface PromptHost extends Pick<Host, 'stderr'> {
  /** Standard input, where it is the terminal; else the terminal is opened when a question is to be asked. */
  readonly stdin: InputStream | (() => TerminalInput);
}

/** Notary's minimum, in bytes of UTF-8 and after trimming (keys.md 6). */
const PASSPHRASE_MIN_BYTES = 8;

/** How many lines of a tick list are seen at once. */
const TICK_LINES = 15;

const ROOT_KEY_NOTICE = [
  'A root key is about to be made. All trust in your repositories hangs on it:',
  'who has it can replace every other key, and without it a repository whose other',
  'keys are lost or stolen cannot be repaired. Give it a long passphrase that you',
  'use nowhere else, and keep a copy of its file away from this machine.',
  '',
];

/**
 * Prompts on the host's terminal, or on one that is opened for each question. They are drawn on stderr, so that
 * stdout carries results alone, and one after the other, also when two keys are wanted at once.
 */
export function createPrompts(host: PromptHost, display: Display): Prompts {
  let previous: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = previous.then(work);
    // The next question waits for this one, whether it was answered or not.
    previous = turn.catch(() => {});
    return turn;
  };
  const masked = (message: string, check: Check) =>
    ask<string>(host, display, {
      type: 'password',
      message,
      mask: '•',
      // Else Ctrl-T would show what was typed.
      toggleMask: false,
      validate: check,
    });

  const unlock = async (question: PassphraseQuestion): Promise<string> => {
    if (question.previousProblem === 'wrong')
      display.error('That is not the passphrase; try again.');
    const typed = await masked(`Passphrase for the ${wording(question)}:`, () => true);
    return typed.trim();
  };

  const newSecret = async ({ question, again, check, words }: NewSecret): Promise<string> => {
    for (;;) {
      let strength = '';
      const typed = await masked(question, async typed => {
        const verdict = check(typed.trim());
        if (verdict !== true) return verdict;
        const { score, weakness } = await qualityOf(typed.trim(), words);
        strength = `strength ${meter(score, display.errorPaint)}`;
        return weakness === undefined || `${strength}: ${weakness}`;
      });
      display.note(`  ${strength}`);
      const repeated = await masked(again, () => true);
      if (typed.trim() === repeated.trim()) return typed.trim();
      display.error('The two differ; try again.');
    }
  };

  const create = async (question: PassphraseQuestion): Promise<string> => {
    const { role, gun = '', attempt } = question;
    if (role === 'root' && attempt === 0) display.error(...ROOT_KEY_NOTICE);
    return await newSecret({
      question: `New passphrase for the ${wording(question)}:`,
      again: 'The same passphrase again:',
      check: longEnough,
      words: [role, gun],
    });
  };

  return {
    passphrase: question =>
      inTurn(() => (question.kind === 'create' ? create(question) : unlock(question))),
    password: question => inTurn(() => masked(question, () => true)),
    newSecret: secret => inTurn(() => newSecret(secret)),
    confirm: question =>
      inTurn(() =>
        ask<boolean>(host, display, { type: 'confirm', message: question, default: false }),
      ),
    choose: (message, choices) =>
      inTurn(() => askChoice(host, display, { type: 'select', message, loop: false }, choices)),
    tick: async (message, choices) => {
      const question = { type: 'checkbox', message, loop: false, pageSize: TICK_LINES } as const;
      return await inTurn(() => askTicks(host, display, question, choices));
    },
    text: async (message, check = () => true) => {
      const validate = (typed: string): string | true => check(typed.trim());
      const question = { type: 'input', message, validate } as const;
      return (await inTurn(() => ask<string>(host, display, question))).trim();
    },
  };
}

/** The values stay here: inquirer is handed numbers, and hands numbers back. */
function numbered<T>(choices: readonly Choice<T>[]): NumberedChoice[] {
  return choices.map(({ name, checked = false }, value) => ({ value, name, checked }));
}

async function askChoice<T>(
  host: PromptHost,
  display: Display,
  question: Omit<SelectQuestion, 'choices'>,
  choices: readonly Choice<T>[],
): Promise<T> {
  const index = await ask<number>(host, display, { ...question, choices: numbered(choices) });
  return (choices[index] as Choice<T>).value;
}

async function askTicks<T>(
  host: PromptHost,
  display: Display,
  question: Omit<TickQuestion, 'choices'>,
  choices: readonly Choice<T>[],
): Promise<T[]> {
  const ticked = await ask<number[]>(host, display, { ...question, choices: numbered(choices) });
  return choices.filter((_, index) => ticked.includes(index)).map(({ value }) => value);
}

type Check = (typed: string) => string | true | Promise<string | true>;

/** The rule for new passphrases, beside their length: `weakness` says why one is too easy to guess. */
async function qualityOf(
  secret: string,
  words: readonly string[],
): Promise<{ score: number; weakness?: string }> {
  const { LEAST_SCORE, passphraseQuality } = await import('../keys/passphrase-quality.ts');
  const { score, weakness = 'too easy to guess' } = await passphraseQuality(secret, words);
  return score >= LEAST_SCORE ? { score } : { score, weakness };
}

/** Four places, filled from the left. */
function meter(score: number, paint: Paint): string {
  const dress = score < 3 ? paint.red : paint.green;
  return dress('■'.repeat(score)) + paint.dim('□'.repeat(4 - score));
}

function longEnough(secret: string): string | true {
  if (Buffer.byteLength(secret) >= PASSPHRASE_MIN_BYTES) return true;
  return `at least ${PASSPHRASE_MIN_BYTES} characters; a password manager can make a good one`;
}

function wording(question: PassphraseQuestion): string {
  const id = question.keyId === undefined ? '' : ` (${shortKeyId(question.keyId)})`;
  return `${keyName(question.role, question.gun)}${id}`;
}

interface NumberedChoice {
  readonly value: number;
  readonly name: string;
  readonly checked: boolean;
}

interface SelectQuestion {
  readonly type: 'select';
  readonly message: string;
  readonly loop: boolean;
  readonly choices: readonly NumberedChoice[];
}

interface TickQuestion {
  readonly type: 'checkbox';
  readonly message: string;
  readonly loop: boolean;
  readonly pageSize: number;
  readonly choices: readonly NumberedChoice[];
}

type Question =
  | SelectQuestion
  | TickQuestion
  | { type: 'input'; message: string; validate: (typed: string) => string | true }
  | {
      type: 'password';
      message: string;
      mask: string;
      toggleMask: boolean;
      validate: Check;
    }
  | { type: 'confirm'; message: string; default: boolean };

/** Asks one question by inquirer, which is loaded only now: most commands never ask. */
async function ask<T>(host: PromptHost, display: Display, question: Question): Promise<T> {
  display.endProgress();
  const { default: inquirer } = await import('inquirer');
  // At the end of input inquirer would wait for ever.
  const ended = new AbortController();
  const end = (): void => ended.abort();
  const onKey = (_text: unknown, key?: { ctrl?: boolean; name?: string }): void => {
    if (key?.ctrl === true && key.name === 'd') end();
  };
  const opened = typeof host.stdin === 'function' ? host.stdin() : undefined;
  const input = opened ?? (host.stdin as InputStream);
  input.on('end', end).on('keypress', onKey);
  const paint = display.errorPaint;
  const prompt = inquirer.createPromptModule({
    input,
    output: host.stderr,
    signal: ended.signal,
    // A passphrase leaves no trace, not even its length.
    clearPromptOnDone: question.type === 'password',
  });
  const theme = {
    prefix: { idle: paint.cyan('?'), done: paint.green('✓') },
    style: {
      message: (text: string): string => text,
      error: (text: string): string => paint.yellow(`  ${text}`),
      answer: (text: string): string => text,
    },
  };
  try {
    const answers: { answer: unknown } = await prompt([{ ...question, name: 'answer', theme }]);
    return answers.answer as T;
  } catch (error) {
    if (error instanceof Error && /^(Exit|Abort|Cancel)PromptError$/.test(error.name)) {
      throw new Interrupted();
    }
    throw error;
  } finally {
    input.off('end', end).off('keypress', onKey);
    opened?.destroy();
  }
}
