import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { keyListBrief, keyListJson, keyListLines } from '../reports/key-list-report.ts';

const DESCRIPTION = `Lists the private keys in the trust directory, those of Docker and Notary among
them: whose they are, and whether a file is damaged or not encrypted.`;

/** `tabellion key list` */
export function addKeyList(key: Command, action: Action): void {
  key
    .command('list')
    .summary('list the private keys you have')
    .description(DESCRIPTION)
    .addHelpText('after', examples(['tabellion key list', 'the keys in the trust directory']))
    .action(
      action<[], object>(async context => {
        const { display } = context;
        const { listKeys } = await import('../../operations/key-list.ts');
        const report = await context.withSession(session => listKeys(session));
        display.result({
          json: () => keyListJson(report),
          text: () => keyListLines(report, display.paint),
          brief: () => keyListBrief(report),
        });
        return EXIT.done;
      }),
    );
}
