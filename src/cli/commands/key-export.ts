import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { optionValue, repeatedValue } from '../option-values.ts';
import {
  keyExportBrief,
  keyExportJson,
  keyExportLines,
  keyExportWarnings,
} from '../reports/key-export-report.ts';

interface Options {
  readonly repository?: string[];
  readonly output?: string;
  readonly force?: boolean;
}

const DESCRIPTION = `Copies private keys out of the trust directory, as they are encrypted there: all
of them, or those of the key IDs and repositories given. The file is for you
alone; it is read back and its keys are counted.`;

/** `tabellion key export` */
export function addKeyExport(key: Command, action: Action): void {
  key
    .command('export')
    .summary('copy keys out, for a backup')
    .description(DESCRIPTION)
    .argument('[key-id...]', 'keys, by ID or its first 7 digits or more')
    .option(
      '--repository <name>',
      'its targets and snapshot keys; may be repeated',
      repeatedValue('--repository'),
    )
    .option('-o, --output <file>', 'where to (default: stdout)', optionValue('--output'))
    .option('--force', 'replace the file if it exists')
    .addHelpText(
      'after',
      examples(
        ['tabellion key export -o backup.pem', 'every key'],
        ['tabellion key export --repository reg.example/app', 'on stdout'],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, ids) => {
        const { repository = [], output, force = false } = options;
        const { display } = context;
        if (output === undefined && (display.options.json || display.options.quiet)) {
          throw new UsageError('OUTPUT_MISSING', 'Keys are no part of a report: name a file', {
            hint: 'Add -o FILE.',
          });
        }
        const { parseImageReference } = await import('../../registry/image-reference.ts');
        const guns = repository.map(name => parseImageReference(name).repository);
        const { exportKeys } = await import('../../operations/keys/export-keys.ts');
        const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
        const report = await context.withSession(async session =>
          exportKeys(session, {
            ids: await resolveKeyIds(session, ids),
            guns,
            ...(output === undefined ? {} : { file: output, overwrite: force }),
          }),
        );
        if (output === undefined) {
          for (const warning of keyExportWarnings(report)) display.warn(warning);
          display.raw(report.pem);
        } else {
          display.result({
            json: () => keyExportJson(report),
            text: () => keyExportLines(report, display.paint),
            brief: () => keyExportBrief(report),
            warnings: keyExportWarnings(report),
          });
        }
        return report.skipped.length === 0 ? EXIT.done : EXIT.key;
      }),
    );
}
