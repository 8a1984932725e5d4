/** What the command line and the environment say about passphrases, for a session. */
import { UsageError } from '../errors.ts';
import type { Remembering } from '../keys/keychain-passphrases.ts';
import type { PassphraseSearch, PassphraseSubject } from '../keys/passphrase.ts';
import type { GivenPassphrase, SessionOptions } from '../operations/session.ts';
import type { Display } from './display.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Host } from './host.ts';
import { keyName, shortKeyId } from './key-names.ts';
import { usesKeychain } from './keychain-switch.ts';
import type { Prompts } from './prompts.ts';
import { searchJson, searchLines } from './reports/passphrase-search-report.ts';

/** Whether typed passphrases are kept, for a machine: `ask`, `always` or `never`. */
export const REMEMBER_VARIABLE = 'TABELLION_REMEMBER';

/** Comes right after the question for the passphrase itself, which names the key. */
const REMEMBER_QUESTION = 'Keep this passphrase in the system’s keychain?';

export interface PassphraseSettingsContext {
  readonly globals: GlobalOptions;
  readonly host: Host;
  readonly display: Display;
  /** Absent where nobody can be asked. */
  readonly prompts: Prompts | undefined;
}

/** @throws UsageError `OPTIONS_CONFLICT` | `VARIABLE_INVALID` */
export function passphraseSettings({
  globals,
  host,
  display,
  prompts,
}: PassphraseSettingsContext): Partial<SessionOptions> {
  const { explainPassphrase = false, generatePassphrase = false, remember } = globals;
  return {
    givenPassphrase: givenPassphrase(globals),
    remembering:
      remember === undefined ? rememberVariable(host.env) : remember ? 'always' : 'never',
    notice: onceEach(line => display.warn(line)),
    ...(usesKeychain(globals, host.env) ? { openKeychain: () => host.openKeychain() } : {}),
    ...(generatePassphrase
      ? { generatedPassphrases: prompts === undefined ? {} : { show: shower(display) } }
      : {}),
    ...(explainPassphrase ? { onPassphraseSearch: explainer(display) } : {}),
    ...(prompts === undefined
      ? {}
      : {
          askPassphrase: prompts.passphrase,
          askRemember: () => prompts.confirm(REMEMBER_QUESTION),
        }),
  };
}

/** What is true of two keys is not told twice. */
function onceEach(tell: (line: string) => void): (line: string) => void {
  const told = new Set<string>();
  return line => {
    if (!told.has(line)) tell(line);
    told.add(line);
  };
}

function givenPassphrase(globals: GlobalOptions): GivenPassphrase {
  const { passphraseFile: file, passphraseFd: fd, passphraseCommand: command } = globals;
  const given = [
    file === undefined ? [] : ['--passphrase-file'],
    fd === undefined ? [] : ['--passphrase-fd'],
    command === undefined ? [] : ['--passphrase-command'],
  ].flat();
  if (given.length > 1) {
    throw new UsageError('OPTIONS_CONFLICT', `${given.join(' and ')} say different things`, {
      hint: 'Give one of them.',
    });
  }
  if (fd === 0 && globals.passwordStdin) {
    throw new UsageError(
      'OPTIONS_CONFLICT',
      'Standard input cannot carry both the password and the passphrase',
      { hint: 'Use another file descriptor, or --passphrase-file.' },
    );
  }
  return {
    ...(file === undefined ? {} : { file }),
    ...(fd === undefined ? {} : { fd }),
    ...(command === undefined ? {} : { command }),
  };
}

/** What the environment says of it. @throws UsageError `VARIABLE_INVALID` */
export function rememberVariable(env: NodeJS.ProcessEnv): Remembering {
  const value = env[REMEMBER_VARIABLE] || 'ask';
  if (value === 'ask' || value === 'always' || value === 'never') return value;
  throw new UsageError(
    'VARIABLE_INVALID',
    `${REMEMBER_VARIABLE} must be “ask”, “always” or “never”`,
  );
}

/** The only place that prints a passphrase: at a terminal, of a new key file, when the person asked for that. */
function shower(display: Display) {
  const shown = new Set<string>();
  return ({ role, gun, keyId = '' }: PassphraseSubject, passphrase: string, isKept: boolean) => {
    const key = `${keyName(role, gun)} (${shortKeyId(keyId)})`;
    if (shown.has(passphrase)) {
      display.error(`The ${key} has the same passphrase.`);
      return;
    }
    shown.add(passphrase);
    display.error(
      `The passphrase of the ${key}, shown once:`,
      '',
      `  ${passphrase}`,
      '',
      isKept ? 'The keychain has it; keep a copy elsewhere.' : 'Write it down now.',
    );
  };
}

/** Shows each search as it ends; with `--json` all of them in the document. */
function explainer(display: Display): (search: PassphraseSearch) => void {
  const searches: object[] = [];
  if (display.options.json) display.addMember('passphraseSearches', searches);
  return search => {
    searches.push(searchJson(search));
    if (!display.options.json) display.error(...searchLines(search));
  };
}
