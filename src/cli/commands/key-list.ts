import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { showReminders } from '../reminders.ts';
import {
  keyListBrief,
  keyListJson,
  keyListLines,
  keyListWarnings,
} from '../reports/key-list-report.ts';

const DESCRIPTION = `Lists the private keys in the trust directory, those of Docker and Notary among
them: whose they are, how well their files are encrypted, how old they are, if
the keychain has the passphrase, and which repositories trust them, as far as
the trust data on this machine says. No key is unlocked.`;

/** `tabellion key list` */
export function addKeyList(key: Command, action: Action): void {
  key
    .command('list')
    .summary('list the private keys you have')
    .description(DESCRIPTION)
    .addHelpText('after', examples(['tabellion key list', 'the keys in the trust directory']))
    .action(
      action<[], object>(async context => {
        const { display, host } = context;
        const { listKeys } = await import('../../operations/keys/key-list.ts');
        const report = await context.withSession(session => listKeys(session, { keychain: true }));
        if (report.keychainProblem !== undefined) display.step(report.keychainProblem);
        display.result({
          json: () => keyListJson(report),
          text: () => keyListLines(report, { paint: display.paint, now: host.now() }),
          brief: () => keyListBrief(report),
          warnings: keyListWarnings(report),
        });
        showReminders(display, report.reminders);
        return EXIT.done;
      }),
    );
}
