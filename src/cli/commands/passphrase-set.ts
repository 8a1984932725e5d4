import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { readSecret } from '../secret-input.ts';

interface Options {
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Puts the passphrase of a key into the keychain, after it has opened the key. It
is typed at the terminal, where it is not shown, or is the first line of
standard input.`;

/** `tabellion passphrase set` */
export function addPassphraseSet(passphrase: Command, action: Action): void {
  passphrase
    .command('set')
    .summary('put the passphrase of a key there')
    .description(DESCRIPTION)
    .argument('<key-id>', 'the key, by its ID or the first 7 digits or more')
    .option('--dry-run', 'only see whether it opens the key')
    .addHelpText(
      'after',
      examples(
        ['tabellion passphrase set 135a78a586dd', 'type it'],
        ['tabellion passphrase set 135a78a586dd < FILE', 'without a terminal'],
      ),
    )
    .action(
      action<[string], Options>(async (context, { dryRun = false }, given) => {
        const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
        const { encryptedKey, storePassphrase } = await import(
          '../../operations/passphrases/stored-passphrases.ts'
        );
        const stored = await context.withSession(async session => {
          const [id = given] = await resolveKeyIds(session, [given]);
          const { role, gun } = await encryptedKey(session, id);
          const question = `Passphrase for the ${keyName(role, gun)} (${shortKeyId(id)}):`;
          const secret = await readSecret(context, { question });
          return await storePassphrase(session, { id, passphrase: secret, dryRun });
        });
        const { keyId, role = '', gun } = stored;
        const name = `${keyName(role, gun)} ${shortKeyId(keyId)}`;
        context.display.result({
          json: () => ({ schemaVersion: SCHEMA_VERSION, dryRun, ...stored }),
          text: () => [
            dryRun
              ? `It opens the ${name}; nothing was stored`
              : `The keychain has the passphrase of the ${name}`,
          ],
          brief: () => [keyId],
        });
        return EXIT.done;
      }),
    );
}
