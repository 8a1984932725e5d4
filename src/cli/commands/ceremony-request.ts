import { Argument, type Command, Option } from 'commander';
import { CEREMONY_KINDS, type CeremonyKind } from '../../ceremony/ceremony-file.ts';
import { TabellionError, UsageError } from '../../errors.ts';
import type { CreatedKey } from '../../operations/initialise-repository.ts';
import type { Action, CommandContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { keyName } from '../key-names.ts';
import { optionValue, repeatedValue, wholeNumber } from '../option-values.ts';
import {
  requestedBrief,
  requestedJson,
  requestedLines,
  requestWarnings,
} from '../reports/ceremony-report.ts';
import { ceremonyCodes } from './ceremony-codes.ts';

/** More root keys than anybody gathers for a signature. */
const THRESHOLD_LIMIT = 50;

interface Options {
  readonly output: string;
  readonly role?: string;
  readonly certificate?: string[];
  readonly threshold?: number;
  readonly serverManaged?: boolean;
  readonly qr?: boolean;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Writes a request for signatures of root keys that are kept offline. CHANGE is
rotate (the key of --role), init, rotate-root, add-root-key or renew-root.
Nothing is published before “tabellion ceremony apply”.`;

/** `tabellion ceremony request` */
export function addCeremonyRequest(ceremony: Command, action: Action): void {
  ceremony
    .command('request')
    .summary('ask for signatures of root keys')
    .description(DESCRIPTION)
    .usage('[options] <change> <image...>')
    .addArgument(new Argument('<change>', 'what shall be done').choices(CEREMONY_KINDS))
    .argument('<image...>', 'the repositories')
    .requiredOption('-o, --output <file>', 'where the request goes', optionValue('--output'))
    .option('--role <role>', 'targets (default), snapshot or timestamp', optionValue('--role'))
    .addOption(
      new Option('--certificate <file>', 'of new root keys; may be repeated').argParser(
        repeatedValue('--certificate'),
      ),
    )
    .option(
      '--threshold <n>',
      'how many root keys must sign then',
      wholeNumber('--threshold', 1, THRESHOLD_LIMIT),
    )
    .option('--server-managed', 'let the server keep the snapshot key')
    .option('--qr', 'show it as QR codes too')
    .option('--dry-run', 'check what it needs, make and write nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion ceremony request rotate reg.example/app -o r.tbr', 'a new repository key'],
        [
          'tabellion ceremony request add-root-key reg.example/app -o r.tbr \\\n    --certificate new.pem --threshold 2',
          'from now on two root keys must sign',
        ],
      ),
    )
    .action(
      action<[CeremonyKind, string[]], Options>(async (context, options, kind, images) =>
        runCeremonyRequest(context, {
          kind,
          images,
          ...(options.role === undefined ? {} : { role: options.role }),
          output: options.output,
          certificateFiles: options.certificate ?? [],
          ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
          serverManaged: options.serverManaged === true,
          qr: options.qr === true,
          dryRun: options.dryRun === true,
        }),
      ),
    );
}

export interface CeremonyRequestOptions {
  readonly kind: CeremonyKind;
  readonly images: readonly string[];
  readonly role?: string;
  readonly output: string;
  readonly certificateFiles: readonly string[];
  readonly threshold?: number;
  readonly serverManaged: boolean;
  readonly qr: boolean;
  readonly dryRun: boolean;
}

/** The request, for this command and for `key rotate --offline-root`. */
export async function runCeremonyRequest(
  context: CommandContext,
  { images, qr, ...options }: CeremonyRequestOptions,
): Promise<number> {
  const { requestCeremony } = await import('../../operations/ceremony/request.ts');
  const { repositoryName } = await import('../../operations/images.ts');
  const request = { ...options, repositories: images.map(repositoryName) };
  const role = options.kind === 'rotate' ? (options.role ?? 'targets') : undefined;
  if (role === undefined && options.role !== undefined)
    throw new UsageError('OPTIONS_CONFLICT', `--role is for “rotate”, not for “${options.kind}”`);
  const created: CreatedKey[] = [];
  const report = await context
    .withSession(session =>
      requestCeremony(session, { ...request, ...(role === undefined ? {} : { role }), created }),
    )
    .catch((error: unknown) => {
      if (error instanceof TabellionError) warnOfKeys(context, created);
      throw error;
    });
  const codes = qr && !report.dryRun ? await ceremonyCodes([report.file]) : undefined;
  const { display, host } = context;
  display.result({
    json: () => requestedJson(report, codes),
    text: () => requestedLines(report, codes, display.paint, host.now()),
    brief: () => requestedBrief(report, codes),
    warnings: requestWarnings(report),
  });
  return EXIT.done;
}

/** A key that was made for nothing must not be a surprise. */
function warnOfKeys({ display }: CommandContext, created: readonly CreatedKey[]): void {
  for (const { role, file } of created)
    display.warn(`A new ${keyName(role)} was stored in ${file}; nothing needs it yet`);
}
