import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { passphraseListLines } from '../reports/passphrase-report.ts';

const DESCRIPTION = `Lists the keys whose passphrase is in the keychain; never a passphrase. To see
whether they still fit: tabellion passphrase check`;

/** `tabellion passphrase list` */
export function addPassphraseList(passphrase: Command, action: Action): void {
  passphrase
    .command('list')
    .summary('list the keys whose passphrase is kept')
    .description(DESCRIPTION)
    .addHelpText('after', examples(['tabellion passphrase list', 'what the keychain has']))
    .action(
      action<[], object>(async context => {
        const { display } = context;
        const { listPassphrases } = await import(
          '../../operations/passphrases/stored-passphrases.ts'
        );
        const passphrases = await context.withSession(listPassphrases);
        display.result({
          json: () => ({ schemaVersion: SCHEMA_VERSION, passphrases }),
          text: () => passphraseListLines(passphrases, display.paint),
          brief: () => passphrases.map(({ keyId }) => keyId),
        });
        return EXIT.done;
      }),
    );
}
