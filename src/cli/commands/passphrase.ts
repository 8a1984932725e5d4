import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { GLOBAL_OPTIONS_NOTE } from '../help-text.ts';
import { addPassphraseCheck } from './passphrase-check.ts';
import { addPassphraseForget } from './passphrase-forget.ts';
import { addPassphraseList } from './passphrase-list.ts';
import { addPassphraseSet } from './passphrase-set.ts';

/** `tabellion passphrase …` */
export function addPassphrase(program: Command, action: Action): void {
  const passphrase = program
    .command('passphrase')
    .usage('<command> [options]')
    .summary('keep passphrases in the keychain')
    .description(
      `Looks after the passphrases of keys in this system's keychain: macOS Keychain,
Windows Credential Manager, or the Secret Service of a Linux desktop.`,
    )
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`);
  addPassphraseList(passphrase, action);
  addPassphraseSet(passphrase, action);
  addPassphraseForget(passphrase, action);
  addPassphraseCheck(passphrase, action);
}
