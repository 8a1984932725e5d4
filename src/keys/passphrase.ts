/**
 * Where passphrases come from. The key store asks its sources in order: the environment, one day the system's
 * keychain, the person at the terminal.
 */
import { printable } from '../crypto/printable.ts';
import { KeyError } from '../errors.ts';

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
  /** Told to all sources when an answer, of whichever source, opened the key or was used for a new one. */
  accepted?(request: PassphraseRequest, answer: PassphraseAnswer): void | Promise<void>;
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
  for (const source of sources) {
    let attempt = 0;
    for (; attempt < MOST_ANSWERS; attempt++) {
      const request: PassphraseRequest = { ...subject, purpose: 'unlock', attempt };
      const answer = await source.get(request);
      if (answer === undefined) break;
      const isNew = !wrong.some(({ passphrase }) => passphrase === answer.passphrase);
      const opened = isNew ? await open(answer.passphrase) : undefined;
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
  for (const source of sources) {
    const answer = await source.get(request);
    if (answer === undefined) continue;
    const result = await use(answer.passphrase);
    for (const other of sources) await other.accepted?.(request, answer);
    return result;
  }
  throw missingPassphrase(sources, request);
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
