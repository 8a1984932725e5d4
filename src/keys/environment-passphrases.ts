/**
 * Passphrases in environment variables: docker's two and notary's four (keys.md 6.2), and one for each key.
 *
 * Values count as they are, spaces included, and need no minimum length; an empty variable counts as unset.
 */
import { isKeyId } from './key-files.ts';
import type {
  PassphraseAbsence,
  PassphraseAnswer,
  PassphraseRequest,
  PassphraseSource,
} from './passphrase.ts';

/** Whose variables: `DOCKER_CONTENT_TRUST_…` or `NOTARY_…`. */
export type VariableFamily = 'docker' | 'notary';

const DOCKER_FIRST: readonly VariableFamily[] = ['docker', 'notary'];

/**
 * The variables that can hold the passphrase of keys with this `role` header, in the order in which they are
 * tried: docker's first unless told.
 */
export function passphraseVariables(
  role: string,
  families: readonly VariableFamily[] = DOCKER_FIRST,
): string[] {
  return families
    .map(family => (family === 'docker' ? dockerVariable(role) : notaryVariable(role)))
    .filter(name => name !== undefined);
}

function dockerVariable(role: string): string {
  return role === 'root'
    ? 'DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE'
    : 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE';
}

function notaryVariable(role: string): string | undefined {
  switch (role) {
    case 'root':
      return 'NOTARY_ROOT_PASSPHRASE';
    case 'targets':
      return 'NOTARY_TARGETS_PASSPHRASE';
    case 'snapshot':
      return 'NOTARY_SNAPSHOT_PASSPHRASE';
    case 'timestamp':
      return undefined;
    default:
      return 'NOTARY_DELEGATION_PASSPHRASE';
  }
}

export interface EnvironmentPassphrasesOptions {
  readonly families?: readonly VariableFamily[];
  /** Told, without any value, when a choice between variables was made. */
  readonly notice?: (line: string) => void;
}

/**
 * To unlock a key, each variable that is set is tried; for a new key the first counts, and a notice says so
 * if another one differs.
 */
export class EnvironmentPassphrases implements PassphraseSource {
  readonly name = 'environment';
  readonly #env: NodeJS.ProcessEnv;
  readonly #families: readonly VariableFamily[];
  readonly #notice: (line: string) => void;

  constructor(env: NodeJS.ProcessEnv, options: EnvironmentPassphrasesOptions = {}) {
    this.#env = env;
    this.#families = options.families ?? DOCKER_FIRST;
    this.#notice = options.notice ?? (() => {});
  }

  async get(request: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    const answers = this.#answers(request.role);
    if (request.purpose === 'create') return this.#first(request.role, answers);
    return answers[request.attempt];
  }

  advice(request: PassphraseRequest): string | undefined {
    const names = passphraseVariables(request.role, this.#families);
    return names.length === 0 ? undefined : `Set ${names.join(' or ')}`;
  }

  absence({ role }: PassphraseRequest): PassphraseAbsence[] {
    return passphraseVariables(role, this.#families).map(notSet);
  }

  #first(role: string, answers: PassphraseAnswer[]): PassphraseAnswer | undefined {
    const [first, ...others] = answers;
    const differing = others.find(other => other.passphrase !== first?.passphrase);
    if (first !== undefined && differing !== undefined) {
      this.#notice(
        `${first.source} and ${differing.source} differ; the new ${role} key gets the passphrase in ${first.source}`,
      );
    }
    return first;
  }

  #answers(role: string): PassphraseAnswer[] {
    return passphraseVariables(role, this.#families).flatMap(source => {
      const passphrase = this.#env[source];
      if (passphrase === undefined || passphrase === '') return [];
      return [{ passphrase, source, ...paddingNote(passphrase, `The value of ${source}`) }];
    });
  }
}

/** What to say of a wrong passphrase that has white space around it, which typed ones never have (keys.md 9.22). */
export function paddingNote(passphrase: string, what: string): { readonly note?: string } {
  if (passphrase.trim() === passphrase) return {};
  return { note: `${what} begins or ends with white space, which counts.` };
}

function notSet(place: string): PassphraseAbsence {
  return { place, detail: 'not set' };
}

/** The passphrase in one variable, for whatever key. Used verbatim; empty counts as unset. */
export class EnvironmentPassphrase implements PassphraseSource {
  readonly name = 'environment';
  readonly #env: NodeJS.ProcessEnv;
  readonly #variable: string;

  constructor(env: NodeJS.ProcessEnv, variable: string) {
    this.#env = env;
    this.#variable = variable;
  }

  async get({ attempt }: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    const passphrase = this.#env[this.#variable];
    if (passphrase === undefined || passphrase === '' || attempt > 0) return undefined;
    return { passphrase, source: this.#variable };
  }

  advice(): string {
    return `Set ${this.#variable}`;
  }

  absence(): PassphraseAbsence[] {
    return [notSet(this.#variable)];
  }
}

/** How many digits of a key's ID the name of its own variable has. */
const DIGITS_IN_VARIABLE = 7;

/** The variables for one key alone: `TABELLION_PASSPHRASE_135a78a`, or in capitals. */
export function keyVariables(keyId: string): string[] {
  const digits = keyId.slice(0, DIGITS_IN_VARIABLE);
  const names = [digits, digits.toUpperCase()].map(text => `TABELLION_PASSPHRASE_${text}`);
  return [...new Set(names)];
}

/** The passphrase in the variable of one key. Used verbatim; empty counts as unset. A wrong one is final. */
export class KeyVariablePassphrases implements PassphraseSource {
  readonly name = 'environment';
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  async get({ keyId, attempt }: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    if (keyId === undefined || !isKeyId(keyId) || attempt > 0) return undefined;
    const source = keyVariables(keyId).find(name => this.#env[name]);
    const passphrase = source === undefined ? undefined : this.#env[source];
    if (source === undefined || passphrase === undefined) return undefined;
    return { passphrase, source, ...paddingNote(passphrase, `The value of ${source}`) };
  }

  absence({ keyId }: PassphraseRequest): PassphraseAbsence[] {
    return keyId === undefined || !isKeyId(keyId)
      ? []
      : keyVariables(keyId).slice(0, 1).map(notSet);
  }
}
