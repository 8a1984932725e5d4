import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';

interface Options {
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Takes the passphrase of a key out of the keychain. The key and its passphrase
stay as they are: it has to be given by other means from now on.`;

/** `tabellion passphrase forget` */
export function addPassphraseForget(passphrase: Command, action: Action): void {
  passphrase
    .command('forget')
    .summary('take the passphrase of a key away from there')
    .description(DESCRIPTION)
    .argument('<key-id>', 'the key, by its ID or the first 7 digits or more')
    .option('--dry-run', 'only see whether there is one')
    .addHelpText(
      'after',
      examples(['tabellion passphrase forget 135a78a586dd', 'see passphrase list for the IDs']),
    )
    .action(
      action<[string], Options>(async (context, { dryRun = false }, given) => {
        const { resolveStoredKeyId } = await import('../../operations/keys/stored-key-id.ts');
        const { forgetPassphrase } = await import(
          '../../operations/passphrases/stored-passphrases.ts'
        );
        const forgotten = await context.withSession(async session =>
          forgetPassphrase(session, { id: await resolveStoredKeyId(session, given), dryRun }),
        );
        const { keyId, role, gun } = forgotten;
        const name = role === undefined ? 'key' : keyName(role, gun);
        context.display.result({
          json: () => ({ schemaVersion: SCHEMA_VERSION, dryRun, ...forgotten }),
          text: () => [
            dryRun
              ? `The keychain has the passphrase of the ${name} ${shortKeyId(keyId)}; nothing was changed`
              : `The keychain has forgotten the passphrase of the ${name} ${shortKeyId(keyId)}`,
          ],
          brief: () => [keyId],
        });
        return EXIT.done;
      }),
    );
}
