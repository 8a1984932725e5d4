import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { passphraseCheckLines } from '../reports/passphrase-report.ts';

const DESCRIPTION = `Tries each passphrase in the keychain on its key. Exit code 4 if one does not
open its key any more. Entries of keys that this trust directory does not have
are named, and count for nothing.`;

/** `tabellion passphrase check` */
export function addPassphraseCheck(passphrase: Command, action: Action): void {
  passphrase
    .command('check')
    .summary('say which of them still open their key')
    .description(DESCRIPTION)
    .addHelpText('after', examples(['tabellion passphrase check', 'before they are needed']))
    .action(
      action<[], object>(async context => {
        const { display } = context;
        const { checkPassphrases } = await import(
          '../../operations/passphrases/stored-passphrases.ts'
        );
        const passphrases = await context.withSession(checkPassphrases);
        const wrong = passphrases.filter(({ state }) => state === 'wrong');
        display.result({
          json: () => ({ schemaVersion: SCHEMA_VERSION, ok: wrong.length === 0, passphrases }),
          text: () => passphraseCheckLines(passphrases, display.paint),
          brief: () => wrong.map(({ keyId }) => keyId),
        });
        return wrong.length === 0 ? EXIT.done : EXIT.key;
      }),
    );
}
