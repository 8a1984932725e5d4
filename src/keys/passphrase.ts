/**
 * Where passphrases come from. The key store asks its sources in order: what a command was told, the environment, the
 * system's keychain, the person at the terminal.
 */
import { printable } from '../crypto/printable.ts';
import { KeyError, TabellionError } from '../errors.ts';

export interface PassphraseRequest {
  /** `unlock`: for a key that is there; `create`: for a new key file. */
  readonly purpose: 'unlock' | 'create';
  readonly keyId?: string;
  /** The key's `role` header: `root`, `targets`, a signer's name …; may be empty. */
  readonly role: string;
  readonly gun?: string;
  /** How many answers of this source were wrong for this key so far. */
  readonly attempt: number;
  /** The passphrase would be useful but is not needed: no person is to be asked for it. */
  readonly isOptional?: boolean;
  /**
   * What is opened is another file than the one that is stored under this ID: a backup's, or one to import, which may
   * only claim to be this key. What opens it says nothing of the passphrase that is kept for the stored one.
   */
  readonly isElsewhere?: boolean;
}

export interface PassphraseAnswer {
  readonly passphrase: string;
  /** What people call the place it came from: a variable's name, `prompt`. */
  readonly source: string;
  /** What to tell people about it if it is wrong. Never the passphrase. */
  readonly note?: string;
}

export interface PassphraseSource {
  readonly name: string;
  /** The next passphrase to try, or undefined when the source has no (more) answer. */
  get(request: PassphraseRequest): Promise<PassphraseAnswer | undefined>;
  /**
   * Whether the sources after this one are asked when its answers were wrong. Not so unless told: a wrong
   * variable or a wrong entry at the prompt is final (keys.md 6.2), an outdated keychain item need not be.
   */
  readonly mayBeOutdated?: boolean;
  /** What a person can do to make this source answer. */
  advice?(request: PassphraseRequest): string | undefined;
  /** What was looked at in vain, when `get` gave nothing. */
  absence?(request: PassphraseRequest): readonly PassphraseAbsence[];
  /** Told to all sources when an answer, of whichever source, opened the key or was used for a new one. */
  accepted?(request: PassphraseRequest, answer: PassphraseAnswer): void | Promise<void>;
  /** Told to all sources when a search is over, however it ended. Who listens is not counted among those asked. */
  searched?(search: PassphraseSearch): void;
}

/** One look for a passphrase: who was asked in which order, and what came of it. Never with a passphrase. */
export interface PassphraseSearch extends PassphraseSubject {
  readonly purpose: PassphraseRequest['purpose'];
  readonly steps: readonly PassphraseStep[];
}

/** `NOTARY_ROOT_PASSPHRASE`, `not set`. */
export interface PassphraseAbsence {
  readonly place?: string;
  readonly detail: string;
}

export interface PassphraseStep {
  /** Name of the source. */
  readonly source: string;
  /** The place in it: a variable's name. */
  readonly place?: string;
  /** `none`: it had no answer; `used`: the answer is that of a new key; `failed`: asking it was an error. */
  readonly outcome: 'none' | 'wrong' | 'opened' | 'used' | 'failed';
  /** Why there was no answer, or the code of the error. */
  readonly detail?: string;
}

/** Whose passphrase is looked for. */
export type PassphraseSubject = Omit<PassphraseRequest, 'purpose' | 'attempt'>;

/** No source needs more tries than this. */
const MOST_ANSWERS = 100;

/**
 * Tries what the sources offer until one opens the key.
 * @param open gives undefined for a wrong passphrase
 * @throws KeyError `KEY_PASSPHRASE_MISSING` | `KEY_PASSPHRASE_WRONG`
 */
export async function unlock<T>(
  sources: readonly PassphraseSource[],
  subject: PassphraseSubject,
  open: (passphrase: string) => Promise<T | undefined>,
): Promise<T> {
  const wrong: PassphraseAnswer[] = [];
  const record = new SearchRecord(sources, subject, 'unlock');
  return await record.during(async () => {
    for (const source of sources) {
      let attempt = 0;
      for (; attempt < MOST_ANSWERS; attempt++) {
        const request: PassphraseRequest = { ...subject, purpose: 'unlock', attempt };
        const answer = await record.asking(source, request);
        if (answer === undefined) break;
        const isNew = !wrong.some(({ passphrase }) => passphrase === answer.passphrase);
        const opened = isNew ? await open(answer.passphrase) : undefined;
        record.tried(source, answer, opened === undefined ? 'wrong' : 'opened');
        if (opened !== undefined) {
          for (const other of sources) await other.accepted?.(request, answer);
          return opened;
        }
        wrong.push(answer);
      }
      if (attempt > 0 && source.mayBeOutdated !== true) break;
    }
    throw wrong.length === 0
      ? missingPassphrase(sources, { ...subject, purpose: 'unlock', attempt: 0 })
      : wrongPassphrase(subject, wrong);
  });
}

/**
 * The passphrase for a new key file: the first that a source offers.
 * @param use what is done with it; the sources hear of it when that has succeeded
 * @throws KeyError `KEY_PASSPHRASE_MISSING`
 */
export async function createWithPassphrase<T>(
  sources: readonly PassphraseSource[],
  subject: PassphraseSubject,
  use: (passphrase: string) => Promise<T>,
): Promise<T> {
  const request: PassphraseRequest = { ...subject, purpose: 'create', attempt: 0 };
  const record = new SearchRecord(sources, subject, 'create');
  return await record.during(async () => {
    for (const source of sources) {
      const answer = await record.asking(source, request);
      if (answer === undefined) continue;
      const result = await use(answer.passphrase);
      record.tried(source, answer, 'used');
      for (const other of sources) await other.accepted?.(request, answer);
      return result;
    }
    throw missingPassphrase(sources, request);
  });
}

/** Keeps account of a search, for those sources that want to hear of it. */
class SearchRecord {
  readonly #sources: readonly PassphraseSource[];
  readonly #search: PassphraseSearch;
  readonly #steps: PassphraseStep[] = [];

  constructor(
    sources: readonly PassphraseSource[],
    subject: PassphraseSubject,
    purpose: PassphraseRequest['purpose'],
  ) {
    this.#sources = sources;
    this.#search = { ...subject, purpose, steps: this.#steps };
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      for (const source of this.#sources) source.searched?.(this.#search);
    }
  }

  async asking(
    source: PassphraseSource,
    request: PassphraseRequest,
  ): Promise<PassphraseAnswer | undefined> {
    const { name } = source;
    try {
      const answer = await source.get(request);
      if (answer === undefined && request.attempt === 0) this.#absent(source, request);
      return answer;
    } catch (error) {
      const detail = error instanceof TabellionError ? { detail: error.code } : {};
      this.#steps.push({ source: name, outcome: 'failed', ...detail });
      throw error;
    }
  }

  #absent(source: PassphraseSource, request: PassphraseRequest): void {
    if (source.searched !== undefined) return;
    for (const absence of source.absence?.(request) ?? [{}]) {
      this.#steps.push({ source: source.name, outcome: 'none', ...absence });
    }
  }

  tried(
    { name }: PassphraseSource,
    answer: PassphraseAnswer,
    outcome: 'wrong' | 'opened' | 'used',
  ): void {
    const place = answer.source === name ? {} : { place: answer.source };
    this.#steps.push({ source: name, ...place, outcome });
  }
}

/** What a message calls a key: `the targets key 135a… of localhost:5000/app`. */
export function keyName({ keyId, role, gun }: PassphraseSubject): string {
  const words = ['the', printable(role), 'key', printable(keyId ?? '')].filter(Boolean).join(' ');
  return gun === undefined || gun === '' ? words : `${words} of ${printable(gun)}`;
}

function missingPassphrase(
  sources: readonly PassphraseSource[],
  request: PassphraseRequest,
): KeyError {
  const advice = sources.map(source => source.advice?.(request)).filter(text => text !== undefined);
  const verb = request.purpose === 'unlock' ? 'unlock' : 'protect';
  return new KeyError(
    'KEY_PASSPHRASE_MISSING',
    `There is no passphrase to ${verb} ${keyName(request)}`,
    {
      hint: `${advice.length > 0 ? `${advice.join(', or ')}, or run` : 'Run'} the command at a terminal to be asked for it.`,
      details: { ...factsOf(request), purpose: request.purpose },
    },
  );
}

function wrongPassphrase(subject: PassphraseSubject, wrong: PassphraseAnswer[]): KeyError {
  const tried = [...new Set(wrong.map(answer => answer.source))];
  const notes = [...new Set(wrong.map(answer => answer.note).filter(note => note !== undefined))];
  return new KeyError(
    'KEY_PASSPHRASE_WRONG',
    `Wrong passphrase for ${keyName(subject)}: tried ${tried.join(' and ')}`,
    {
      hint: ['Give the passphrase that this key was made with.', ...notes].join(' '),
      details: { ...factsOf(subject), tried },
    },
  );
}

function factsOf({ keyId, role, gun }: PassphraseSubject): Record<string, unknown> {
  return { ...(keyId === undefined ? {} : { keyId }), role, ...(gun === undefined ? {} : { gun }) };
}
