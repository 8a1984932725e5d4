import { type Command, Option } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { TabellionError } from '../../errors.ts';
import type { CreatedKey } from '../../operations/initialise-repository.ts';
import { requireConfirmation } from '../confirmation.ts';
import type { Action, CommandContext } from '../context.ts';
import { examples } from '../help-text.ts';
import { keyName } from '../key-names.ts';
import { moment, oneOf, optionValue, repeatedValue } from '../option-values.ts';
import { GENERATE_PASSPHRASE } from '../passphrase-options.ts';
import {
  rotateBrief,
  rotateJson,
  rotateLines,
  rotateOutcome,
  rotateWarnings,
} from '../reports/rotate-report.ts';
import { checkOptions, OLD_KEYS, type RotationOptions, readWords } from '../rotation-request.ts';
import { runCeremonyRequest } from './ceremony-request.ts';

const DESCRIPTION = `Gives a role of repositories a new key; clients follow. It needs the root key,
for a new root key the old one. Old private keys stay until the server has
accepted the new ones and a fresh client has verified the result.
The last word is the role if it is targets (the repository key, the default),
root, snapshot or timestamp. With --compromised, what a repository holds is
reviewed before it is signed again: each tag and signer is kept, or removed in
the same publish. At a terminal you tick what stays.`;

/** `tabellion key rotate` */
export function addKeyRotate(key: Command, action: Action): void {
  const command = key
    .command('rotate')
    .summary('replace a key of a repository')
    .description(DESCRIPTION)
    .usage('[options] <image...> [role]')
    .argument('[words...]', 'the repositories, then the role')
    .option('--server-managed', 'let the server keep the snapshot key')
    .addOption(repeated('--key <file>', 'rotate to this private key: a file, or an ID'))
    .addOption(
      new Option(
        '--all-using <key-id>',
        'wherever this machine knows the key to be used',
      ).argParser(optionValue('--all-using')),
    )
    .addOption(
      // The choices are for completion; the parser has the words of all others.
      new Option('--old-key <what>', 'in the end: keep (default), archive or remove it')
        .choices(OLD_KEYS)
        .argParser(oneOf('--old-key', OLD_KEYS)),
    )
    .addOption(
      new Option('--archive <file>', 'the sealed backup for --old-key archive').argParser(
        optionValue('--archive'),
      ),
    )
    .option(
      '--offline-root <file>',
      'only write a request for the root key in the safe',
      optionValue('--offline-root'),
    )
    .option('--update-pins', 'let the pins of this machine allow a new root')
    .option('--compromised', 'somebody else may have the key: review')
    .addOption(
      new Option(
        '--trusted-since <date>',
        'all was well at this date: what was there is known',
      ).argParser(moment('--trusted-since')),
    )
    .option('--keep-known', 'keep what was there at that date')
    .addOption(repeated('--keep <tag>', 'keep this tag, or TAG@sha256:…; may be repeated'))
    .addOption(repeated('--drop <tag>', 'remove this tag; may be repeated'))
    .addOption(repeated('--keep-signer <name>', 'keep this signer as it is; may be repeated'))
    .addOption(repeated('--drop-signer <name>', 'remove this signer; may be repeated'))
    .addOption(repeated('--rekey-signer <name>', 'a new key for this signer, or NAME=PUBLIC-KEY'))
    .option('--keep-all', 'keep everything else')
    .option('--drop-rest', 'remove everything else')
    .option('--no-registry', 'do not ask the registry what it holds')
    .option(...GENERATE_PASSPHRASE)
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'check what it needs, show it, change nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion key rotate reg.example/app reg.example/db root', 'new root keys'],
        [
          'tabellion key rotate reg.example/app --compromised --trusted-since 2026-11-20',
          'somebody may have the key: see and tick what stays',
        ],
        [
          'tabellion key rotate reg.example/app --compromised --yes \\\n    --trusted-since 2026-11-20 --keep-known --drop-rest',
          'the same without a question',
        ],
        ['tabellion key rotate --all-using 135a78a586dd --yes', 'wherever the key is used'],
      ),
    );
  command.action(
    action<[string[]], RotationOptions>(async (context, options, words) => {
      const { images, role } = readWords(words);
      checkOptions({ images, role }, options, context.host.now());
      if (options.offlineRoot !== undefined)
        return await requestRotation(context, options, images, role, options.offlineRoot);
      const { repositoryName } = await import('../../operations/images.ts');
      const { checkRotation } = await import('../../operations/rotation/rotate.ts');
      const { Rotations } = await import('../rotations.ts');
      const repositories = images.map(repositoryName);
      // The server's own key is nobody else's to manage.
      checkRotation(role, options.serverManaged === true || role === 'timestamp');
      requireConfirmation(context, options, 'Rotating a key');
      const created: CreatedKey[] = [];
      const { display } = context;
      const report = await context.withSession(session =>
        new Rotations(context, session, options, role, created)
          .run(repositories)
          .catch(error => failed(context, created, error)),
      );
      display.result({
        json: () => rotateJson(report),
        text: () => rotateLines(report, display.paint),
        brief: () => rotateBrief(report),
        warnings: rotateWarnings(report),
      });
      return rotateOutcome(report);
    }),
  );
}

function repeated(flags: string, description: string): Option {
  return new Option(flags, description).argParser(repeatedValue(flags));
}

/** The same as a request for signatures; with a root key its certificates are given by --key. */
async function requestRotation(
  context: CommandContext,
  options: RotationOptions,
  images: readonly string[],
  role: string,
  output: string,
): Promise<number> {
  const { key = [], serverManaged = false, dryRun = false } = options;
  return await runCeremonyRequest(context, {
    ...(role === 'root' ? { kind: 'rotate-root' as const } : { kind: 'rotate' as const, role }),
    ...{ images: [...images], output, certificateFiles: key, serverManaged, dryRun, qr: false },
  });
}

/** A key that was made for nothing must not be a surprise, and must not be lost if it counts after all. */
function failed(context: CommandContext, created: readonly CreatedKey[], error: unknown): never {
  if (error instanceof TabellionError) {
    for (const { role, file } of created) {
      context.display.warn(
        `A new ${keyName(role)} was stored in ${printable(file)}; the next rotation uses it`,
      );
    }
  }
  throw error;
}
