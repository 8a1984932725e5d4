import { UsageError } from '../errors.ts';
import { readSecretLine } from '../keys/secret-text.ts';
import type { CommandContext } from './context.ts';

export interface SecretQuestion {
  /** What is asked at a terminal: `Passphrase of the backup:`. */
  readonly question: string;
}

/**
 * A secret that a command is told: typed at the terminal, where nothing of it is shown and white space around it does
 * not count; else the first line of standard input, verbatim.
 * @throws UsageError `SECRET_MISSING`; KeyError `SECRET_EMPTY` | `SECRET_INVALID`; Interrupted
 */
export async function readSecret(
  { host, prompts }: Pick<CommandContext, 'host' | 'prompts'>,
  { question }: SecretQuestion,
): Promise<string> {
  if (host.stdin.isTTY !== true) return await readSecretLine(host.stdin, 'standard input');
  if (prompts === undefined) {
    throw new UsageError('SECRET_MISSING', 'A passphrase is needed, and nobody can be asked here', {
      hint: 'Give it on the first line of standard input.',
    });
  }
  for (;;) {
    const typed = (await prompts.password(question)).trim();
    if (typed !== '') return typed;
  }
}
