/**
 * Passphrases as `notary` finds them (keys.md 6): the variable of the key's role, else questions at the
 * terminal, on standard output. What was typed is tried for every further key of the same role.
 */
import { passphraseVariables, type VariableFamily } from '../../keys/environment-passphrases.ts';
import type {
  PassphraseAnswer,
  PassphraseRequest,
  PassphraseSource,
} from '../../keys/passphrase.ts';
import type { StandardInput } from './input.ts';

const SHORTEST = 8;
const UNLOCK_ATTEMPTS = 4;
const CREATE_ATTEMPTS = 12;
const SHOWN_DIGITS = 7;

const ROOT_NOTICE = `You are about to create a new root signing key passphrase. This passphrase
will be used to protect the most sensitive key in your signing system. Please
choose a long, complex passphrase and be careful to keep the password and the
key file itself secure and backed up. It is highly recommended that you use a
password manager to generate the passphrase and keep it safe. There will be no
way to recover this key. You can find the key in your config directory.
`;

export interface RetrieverOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly input: StandardInput;
  readonly print: (text: string) => void;
  /** Whose variables count; default Notary's. */
  readonly family?: VariableFamily;
  /** Whether answers are taken from a pipe too; default: only from a terminal. */
  readonly asksPipes?: boolean;
  /** What a question calls the key of a role; default as the role. */
  readonly wordFor?: (role: string) => string;
}

export class PassphraseRetriever implements PassphraseSource {
  readonly name = 'notary';
  readonly asksPerson: boolean;
  readonly #options: RetrieverOptions;
  /** By role: what was typed last, right or wrong. */
  readonly #typed = new Map<string, string>();
  /** By role: what was typed for a new key. A new key never gets the passphrase of an old one unasked. */
  readonly #created = new Map<string, string>();

  constructor(options: RetrieverOptions) {
    this.#options = options;
    this.asksPerson = options.input.isTerminal;
  }

  async get(request: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    const { role, purpose, attempt } = request;
    for (const variable of passphraseVariables(role, [this.#options.family ?? 'notary'])) {
      const passphrase = this.#options.env[variable];
      // A wrong variable is final: no question follows.
      if (passphrase) return attempt === 0 ? { passphrase, source: variable } : undefined;
    }
    if (!this.#mayAsk || request.isOptional === true) return undefined;
    const typed =
      purpose === 'create' ? await this.#create(request) : await this.#unlock(request, attempt);
    return typed === undefined ? undefined : { passphrase: typed, source: 'prompt' };
  }

  advice({ role }: PassphraseRequest): string | undefined {
    const names = passphraseVariables(role, [this.#options.family ?? 'notary']);
    return names.length === 0 ? undefined : `Set ${names.join(' or ')}`;
  }

  get #mayAsk(): boolean {
    return this.#options.input.isTerminal || this.#options.asksPipes === true;
  }

  #wordFor(role: string): string {
    return this.#options.wordFor?.(role) ?? role;
  }

  async #unlock(request: PassphraseRequest, attempt: number): Promise<string | undefined> {
    const { role } = request;
    if (attempt >= UNLOCK_ATTEMPTS) return undefined;
    const before = this.#typed.get(role);
    if (attempt === 0 && before !== undefined) return before;
    if (attempt > 0) this.#options.print('Passphrase incorrect. Please retry.\n');
    const typed = await this.#ask(
      `Enter passphrase for ${this.#wordFor(role)} key${withId(request)}: `,
    );
    if (typed !== undefined) this.#typed.set(role, typed);
    return typed;
  }

  async #create(request: PassphraseRequest): Promise<string | undefined> {
    const { role } = request;
    const { print } = this.#options;
    if (role === 'root') print(ROOT_NOTICE);
    const before = this.#created.get(role);
    if (before !== undefined) return before;
    const name = `${this.#wordFor(role)} key${withId(request)}`;
    for (let attempt = 0; attempt < CREATE_ATTEMPTS; attempt += 1) {
      const typed = await this.#ask(`Enter passphrase for new ${name}: `);
      // Nobody can type after the end of input.
      if (typed === undefined) return undefined;
      if (Buffer.byteLength(typed, 'utf8') < SHORTEST) {
        print(
          'Passphrase is too short. Please use a password manager to generate and store a good random passphrase.\n',
        );
        continue;
      }
      const again = await this.#ask(`Repeat passphrase for new ${name}: `);
      if (again === typed) {
        this.#created.set(role, typed);
        this.#typed.set(role, typed);
        return typed;
      }
      print('Passphrases do not match. Please retry.\n');
    }
    return undefined;
  }

  async #ask(question: string): Promise<string | undefined> {
    const { input, print } = this.#options;
    print(question);
    const typed = await input.secret();
    print('\n');
    return typed?.trim();
  }
}

/** The beginning of a key's ID; of a file's name with folders, those behind it. */
function withId({ keyId = '' }: PassphraseRequest): string {
  const slash = Math.max(0, keyId.lastIndexOf('/'));
  if (keyId.length <= slash + SHOWN_DIGITS) return '';
  if (slash === 0) return ` with ID ${keyId.slice(0, SHOWN_DIGITS)}`;
  const id = keyId.slice(slash + 1, slash + 1 + SHOWN_DIGITS);
  return ` with ID ${id} (${keyId.slice(0, slash)})`;
}
