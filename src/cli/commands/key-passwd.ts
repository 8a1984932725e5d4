import type { Command } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { GENERATE_PASSPHRASE } from '../passphrase-options.ts';

interface Options {
  readonly generatePassphrase?: boolean;
}

const DESCRIPTION = `Gives a private key a new passphrase. The old one comes from the usual variables
or is asked for, the new one from TABELLION_NEW_PASSPHRASE or is asked for.
Until the key is safely stored under the new one, the old one opens it.`;

/** `tabellion key passwd` */
export function addKeyPasswd(key: Command, action: Action): void {
  key
    .command('passwd')
    .summary('change the passphrase of a key')
    .description(DESCRIPTION)
    .argument('<key-id>', 'the key, by its ID or the first 7 digits or more')
    .option(...GENERATE_PASSPHRASE)
    .addHelpText(
      'after',
      examples(['tabellion key passwd 135a78a586dd', 'see key list for the IDs']),
    )
    .action(
      action<[string], Options>(async (context, options, given) => {
        if (options.generatePassphrase === true && context.prompts === undefined) {
          throw new UsageError(
            'TERMINAL_NEEDED',
            'A generated passphrase for a key that exists must be seen before it is used, and there is no terminal',
            { hint: 'Give the new one in TABELLION_NEW_PASSPHRASE.' },
          );
        }
        const { changePassphrase } = await import('../../operations/keys/change-passphrase.ts');
        const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
        const report = await context.withSession(async session => {
          const [id = given] = await resolveKeyIds(session, [given]);
          return changePassphrase(session, { id });
        });
        const { id, role, gun, file } = report;
        context.display.result({
          json: () => ({ schemaVersion: SCHEMA_VERSION, ...report }),
          text: () => [
            `The ${keyName(role, gun)} ${shortKeyId(id)} has a new passphrase`,
            `  private key  ${printable(file)}`,
          ],
          brief: () => [printable(id)],
        });
        return EXIT.done;
      }),
    );
}
