import { join } from 'node:path';
import type { Command } from 'commander';
import type { DemoStep } from '../../operations/demo.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import { demoLines } from '../reports/demo-report.ts';

const DESCRIPTION = `Shows what Tabellion does, on this machine alone: starts a trust server, signs
an image, verifies it, shows how tampering is found; then a thief comes, the key
is replaced, the root is lost, and all is recovered. It happens in a temporary
directory that is removed at the end.`;

/** `tabellion demo` */
export function addDemo(program: Command, action: Action): void {
  program
    .command('demo')
    .summary('see it work, without any set-up')
    .description(DESCRIPTION)
    .addHelpText('after', examples(['tabellion demo', 'takes a few seconds']))
    .action(
      action<[], object>(async context => {
        const { display, host } = context;
        const { demo } = await import('../../operations/demo.ts');
        const steps: DemoStep[] = [];
        await demo(context.sessionOptions, join(PACKAGE_ROOT, 'fixtures', 'demo-image'), step => {
          steps.push(step);
          display.tell(demoLines(step, { paint: display.paint, now: host.now() }));
        });
        if (display.options.json) display.json({ schemaVersion: SCHEMA_VERSION, steps });
        return EXIT.done;
      }),
    );
}
