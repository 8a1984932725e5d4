import { type Command, Option } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { TabellionError, UsageError } from '../../errors.ts';
import type { CreatedKey } from '../../operations/initialise-repository.ts';
import { type ConfirmationOptions, confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action, CommandContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { keyName } from '../key-names.ts';
import { optionValue, repeatedValue } from '../option-values.ts';
import { rotateBrief, rotateJson, rotateLines } from '../reports/rotate-report.ts';
import { runCeremonyRequest } from './ceremony-request.ts';

interface Options extends ConfirmationOptions {
  readonly serverManaged?: boolean;
  readonly key?: string[];
  readonly removeOldKey?: boolean;
  readonly offlineRoot?: string;
}

const DESCRIPTION = `Gives a role of a repository a new key; all clients follow. It needs the root
key, for a new root key the old one. Old private keys stay where they are.
ROLE is targets (the repository key, the default), root, snapshot or timestamp.`;

/** `tabellion key rotate` */
export function addKeyRotate(key: Command, action: Action): void {
  key
    .command('rotate')
    .summary('replace a key of a repository')
    .description(DESCRIPTION)
    .argument('<image>', 'the repository')
    .argument('[role]', 'whose key')
    .option('--server-managed', 'let the server keep the snapshot key')
    .addOption(
      new Option('--key <file>', 'rotate to this private key; may be repeated').argParser(
        repeatedValue('--key'),
      ),
    )
    .option('--remove-old-key', 'remove the file of the old key in the end')
    .option(
      '--offline-root <file>',
      'only write a request for the root key in the safe',
      optionValue('--offline-root'),
    )
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'check what it needs, change nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion key rotate reg.example/app', 'a new repository key'],
        ['tabellion key rotate reg.example/app root', 'a new root key'],
      ),
    )
    .action(
      action<[string, string | undefined], Options>(async (context, options, image, given) => {
        const role = given ?? 'targets';
        if (options.offlineRoot !== undefined)
          return await requestRotation(context, options, image, role, options.offlineRoot);
        const { checkRotation, rotateKey } = await import('../../operations/rotate.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const gun = repositoryName(image);
        // The server's own key is nobody else's to manage.
        const serverManaged = options.serverManaged === true || role === 'timestamp';
        checkRotation(role, serverManaged);
        requireConfirmation(context, options, 'Rotating a key');
        const created: CreatedKey[] = [];
        const { display } = context;
        const report = await context.withSession(session =>
          confirmed(
            context,
            options,
            dryRun =>
              rotateKey(session, gun, {
                role,
                serverManaged,
                keyFiles: options.key ?? [],
                removeOldKeys: options.removeOldKey === true,
                dryRun,
                created,
              }).catch(error => failed(context, created, error)),
            plan => ({
              lines: rotateLines(plan, display.errorPaint),
              warnings: plan.warnings,
              question: `Replace the ${keyName(role)} of ${printable(gun)}?`,
            }),
          ),
        );
        display.result({
          json: () => rotateJson(report),
          text: () => rotateLines(report, display.paint),
          brief: () => rotateBrief(report),
          warnings: report.warnings,
        });
        return EXIT.done;
      }),
    );
}

/** The same as a request for signatures; with a root key its certificates are given by --key. */
async function requestRotation(
  context: CommandContext,
  options: Options,
  image: string,
  role: string,
  output: string,
): Promise<number> {
  const { key = [], serverManaged = false, dryRun = false, removeOldKey = false } = options;
  if (removeOldKey)
    throw new UsageError(
      'OPTIONS_CONFLICT',
      '--remove-old-key is for a rotation that is published at once',
    );
  return await runCeremonyRequest(context, {
    ...(role === 'root' ? { kind: 'rotate-root' as const } : { kind: 'rotate' as const, role }),
    ...{ images: [image], output, certificateFiles: key, serverManaged, dryRun, qr: false },
  });
}

/** A key that was made for nothing must not be a surprise, and must not be lost if it counts after all. */
function failed(context: CommandContext, created: readonly CreatedKey[], error: unknown): never {
  if (error instanceof TabellionError) {
    for (const { role, file } of created) {
      context.display.warn(
        `A new ${keyName(role)} was stored in ${file}; remove it only when you know that nothing needs it`,
      );
    }
  }
  throw error;
}
