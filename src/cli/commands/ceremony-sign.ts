import type { Command } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { OperationError, UsageError } from '../../errors.ts';
import type { ShownCeremony } from '../../operations/ceremony/sign.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { optionValue } from '../option-values.ts';
import {
  shownLines,
  shownWarnings,
  signedBrief,
  signedJson,
  signedLines,
  signedWarnings,
} from '../reports/ceremony-report.ts';
import { ceremonyCodes } from './ceremony-codes.ts';

interface Options {
  readonly output?: string;
  readonly newHistory?: boolean;
  readonly qr?: boolean;
  readonly yes?: boolean;
}

const DESCRIPTION = `Shows what a request would change, asks, and signs it with each root key that is
on this machine. It needs no network. The answer goes into the file itself, or
to --output; pass it on until enough keys have signed.`;

/** `tabellion ceremony sign` */
export function addCeremonySign(ceremony: Command, action: Action): void {
  ceremony
    .command('sign')
    .summary('sign a request with the root keys here')
    .description(DESCRIPTION)
    .argument('<file>', 'the request, or an answer to it')
    .option('-o, --output <file>', 'where the answer goes', optionValue('--output'))
    .option('--new-history', 'although this machine remembers another root')
    .option('--qr', 'show the answer as QR codes too')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples(['tabellion ceremony sign r.tbr -o answer.tbr', 'in the safe']))
    .action(
      action<[string], Options>(async (context, options, file) => {
        const { reviewBeforeSigning, signCeremony } = await import(
          '../../operations/ceremony/sign.ts'
        );
        const { display, host, prompts } = context;
        if (options.yes !== true && prompts === undefined) {
          throw new UsageError(
            'CONFIRMATION_NEEDED',
            'Signing with a root key needs a confirmation, and nobody can be asked here',
            { hint: 'Add --yes; what would be signed is told by: tabellion ceremony show FILE' },
          );
        }
        const request = {
          files: [file],
          output: options.output ?? file,
          newHistory: options.newHistory === true,
        };
        const report = await context.withSession(async session => {
          if (options.yes === true) return await signCeremony(session, request);
          const shown = await reviewBeforeSigning(session, request);
          display.error(...shownLines(shown, undefined, display.errorPaint, host.now()));
          for (const warning of shownWarnings(shown)) display.warn(warning);
          if (!(await prompts?.confirm(`Sign ${subject(shown)}?`)))
            throw new OperationError('DECLINED', 'Nothing was signed');
          return await signCeremony(session, { ...request, fingerprint: shown.fingerprint });
        });
        const codes = options.qr === true ? await ceremonyCodes([report.file]) : undefined;
        display.result({
          json: () => signedJson(report, codes),
          text: () => signedLines(report, codes, display.paint),
          brief: () => signedBrief(report, codes),
          warnings: signedWarnings(report),
        });
        return EXIT.done;
      }),
    );
}

function subject({ repositories }: ShownCeremony): string {
  const [first, ...others] = repositories;
  if (others.length > 0) return `these roots of ${repositories.length} repositories`;
  return `this root of ${printable(first?.repository ?? '')}`;
}
