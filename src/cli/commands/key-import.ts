import type { Command } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { optionValue } from '../option-values.ts';
import { GENERATE_PASSPHRASE } from '../passphrase-options.ts';
import {
  keyImportBrief,
  keyImportJson,
  keyImportLines,
  keyImportOutcome,
  keyImportWarnings,
} from '../reports/key-import-report.ts';

interface Options {
  readonly role?: string;
  readonly repository?: string;
}

const DESCRIPTION = `Brings private keys from PEM files into the trust directory: exports of Notary
and Tabellion, keys of OpenSSL. Either all keys of all files are stored or none;
a key that is there already stays as it is.`;

const BASE_ROLES = new Set(['root', 'targets', 'snapshot', 'timestamp']);
const SIGNER_NAME = /^[a-z0-9][a-z0-9_-]*$/;

/** `tabellion key import` */
export function addKeyImport(key: Command, action: Action): void {
  key
    .command('import')
    .summary('bring in keys from files')
    .description(DESCRIPTION)
    .argument('<file...>', 'PEM files with private keys')
    .option('--role <role>', 'of keys that do not say: root, a signer …', optionValue('--role'))
    .option(
      '--repository <name>',
      'of targets and snapshot keys that do not say',
      optionValue('--repository'),
    )
    .option(...GENERATE_PASSPHRASE)
    .addHelpText(
      'after',
      examples(
        ['tabellion key import backup.pem', 'what key export wrote'],
        ['tabellion key import --role alice ec.pem', "a signer's key, made by OpenSSL"],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, files) => {
        const { role, repository } = options;
        if (role !== undefined) checkRole(role);
        const { parseImageReference } = await import('../../registry/image-reference.ts');
        const gun =
          repository === undefined ? undefined : parseImageReference(repository).repository;
        const { importKeys } = await import('../../operations/keys/import-keys.ts');
        const report = await context.withSession(session =>
          importKeys(session, {
            files,
            ...(role === undefined ? {} : { role }),
            ...(gun === undefined ? {} : { gun }),
          }),
        );
        const { display } = context;
        display.result({
          json: () => keyImportJson(report),
          text: () => keyImportLines(report, display.paint),
          brief: () => keyImportBrief(report),
          warnings: keyImportWarnings(report),
        });
        // With --quiet nothing else would say why.
        const outcome = keyImportOutcome(report);
        if (outcome !== EXIT.done && display.options.quiet && !display.options.json) {
          display.error(...keyImportLines(report, display.errorPaint));
        }
        return outcome;
      }),
    );
}

function checkRole(role: string): void {
  if (BASE_ROLES.has(role) || SIGNER_NAME.test(role)) return;
  throw new UsageError('ROLE_INVALID', `“${printable(role)}” is neither a role nor a signer`, {
    hint: 'Give root, targets, snapshot, or the name of a signer, without “targets/”.',
  });
}
