import { join } from 'node:path';
import type { Command } from 'commander';
import type { DemoStep } from '../../operations/demo/demo.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import { demoLines } from '../reports/demo-report.ts';

const DESCRIPTION = `Tells the whole story, on this machine alone: starts a trust server, signs and
verifies an image, finds tampering, ends a theft of keys, and recovers from the
loss of the root key. All of it happens in a temporary folder that is removed.`;

/** `tabellion demo` */
export function addDemo(program: Command, action: Action): void {
  program
    .command('demo')
    .summary('see it work, without any set-up')
    .description(DESCRIPTION)
    .addHelpText('after', examples(['tabellion demo', 'takes a few seconds']))
    .action(
      action<[], object>(async context => {
        const { display } = context;
        const { demo } = await import('../../operations/demo/demo.ts');
        const steps: DemoStep[] = [];
        const image = join(PACKAGE_ROOT, 'fixtures', 'demo-image');
        await demo(context.sessionOptions, image, (step, now) => {
          steps.push(step);
          display.tell(demoLines(step, { paint: display.paint, now }));
        });
        if (display.options.json) display.json({ schemaVersion: SCHEMA_VERSION, steps });
        return EXIT.done;
      }),
    );
}
