import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { optionValue } from '../option-values.ts';
import {
  inventoryBrief,
  inventoryJson,
  inventoryLines,
  inventoryWarnings,
} from '../reports/inventory-report.ts';

const DESCRIPTION = `Shows which keys stand behind which repositories of the trust directory, whether
the private keys are on this machine, and what expires when. No passphrase is
asked, and no server unless --fresh is given.`;
const ROOT = '--root <key-id>';

/** `tabellion inventory` */
export function addInventory(program: Command, action: Action): void {
  program
    .command('inventory')
    .summary('show repositories with their keys, by root key')
    .description(DESCRIPTION)
    .option(ROOT, 'only what is under this root key', optionValue(ROOT))
    .option('--fresh', 'ask the trust servers first')
    .addHelpText(
      'after',
      examples(
        ['tabellion inventory', 'everything in the trust directory'],
        ['tabellion inventory --quiet --root 1a2b3c4', 'the repositories under one root key'],
      ),
    )
    .action(
      action<[], { root?: string; fresh?: boolean }>(async (context, { root, fresh = false }) => {
        const { inventory } = await import('../../operations/inventory/inventory.ts');
        const report = await context.withSession(session =>
          inventory(session, { fresh, ...(root === undefined ? {} : { root }) }),
        );
        const { display, host } = context;
        const style = { paint: display.paint, now: host.now() };
        display.result({
          json: () => inventoryJson(report),
          text: () => inventoryLines(report, style),
          brief: () => inventoryBrief(report),
          warnings: inventoryWarnings(report),
        });
        return EXIT.done;
      }),
    );
}
