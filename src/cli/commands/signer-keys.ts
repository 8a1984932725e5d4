import { type Command, Option } from 'commander';
import { repeatedValue } from '../option-values.ts';

/** The options by which a signer's keys are named. */
export interface SignerKeyOptions {
  readonly key?: string[];
  readonly keyId?: string[];
}

/** @param what what the key does for the signer: `the signer's` */
export function addSignerKeyOptions(command: Command, what: string): Command {
  return command
    .addOption(
      new Option('--key <file>', `${what} public key or certificate; may be repeated`).argParser(
        repeatedValue('--key'),
      ),
    )
    .addOption(
      new Option('--key-id <id>', 'one of your keys, by 7 digits; may be repeated').argParser(
        repeatedValue('--key-id'),
      ),
    );
}

/** For the request of an operation. */
export function signerKeys(options: SignerKeyOptions): { keyFiles: string[]; keyIds: string[] } {
  return { keyFiles: options.key ?? [], keyIds: options.keyId ?? [] };
}
