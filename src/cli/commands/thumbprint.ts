import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { parseExpected } from '../../operations/thumbprints/thumbprint-text.ts';
import { confirmed } from '../confirmation.ts';
import type { Action, CommandContext } from '../context.ts';
import { EXIT, worstExitCode } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { repeatedValue } from '../option-values.ts';
import {
  thumbprintBrief,
  thumbprintErrors,
  thumbprintJson,
  thumbprintLines,
  thumbprintWarnings,
} from '../reports/thumbprint-report.ts';

interface Options {
  readonly role?: string[];
  readonly expect?: string[];
  readonly pin?: boolean;
  readonly unpin?: boolean;
  readonly changed?: boolean;
  readonly offline?: boolean;
  readonly words?: boolean;
  readonly yes?: boolean;
}

const DESCRIPTION = `Shows the keys of a repository by every number that people know them by, after
verifying it in full. Compare them with what the owner says: --expect does it,
with exit code 3 on a difference; --pin has every command check the root.`;
const ROLE = '--role <name>';
const EXPECT = '--expect <[role=]thumbprint>';

/** `tabellion thumbprint` */
export function addThumbprint(program: Command, action: Action): void {
  program
    .command('thumbprint')
    .summary('show, compare and pin the thumbprints of keys')
    .description(DESCRIPTION)
    .argument('<image...>', 'the repositories')
    .option(ROLE, 'only this role; may be repeated', repeatedValue(ROLE))
    .option(EXPECT, 'compare; the root unless a role is given', repeatedValue(EXPECT))
    .option('--pin', 'trust only these root certificates from now on')
    .option('--unpin', 'forget the pin')
    .option('--changed', 'show only what differs from what was last shown')
    .option('--words', 'show each SHA-256 in words too, to be read aloud')
    .option('--offline', 'use cached trust data only')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples(
        ['tabellion thumbprint --role root reg.example/app', 'the root, for comparing'],
        ['tabellion thumbprint --expect AB:CD… --pin reg.example/app', 'in a script'],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, images) => {
        const { repositoryName } = await import('../../operations/images.ts');
        const guns = [...new Set(images.map(repositoryName))];
        return options.unpin === true
          ? await unpin(context, options, guns)
          : await show(context, options, guns);
      }),
    );
}

async function show(
  context: CommandContext,
  options: Options,
  guns: readonly string[],
): Promise<number> {
  const { expect = [], pin = false, offline = false, changed } = options;
  const expected = await Promise.all(expect.map(readExpected));
  const { json, quiet } = context.display.options;
  const compared = expected.map(text => parseExpected(text).role);
  // A person who compares is shown what is compared; programs, everything.
  const named = options.role ?? (json || quiet || compared.length === 0 ? undefined : compared);
  // Nobody pins what is not shown.
  const roles = pin && named !== undefined ? [...named, 'root'] : named;
  // Without a person who compares, something must be there to compare with.
  const sure = !pin || options.yes === true || compared.includes('root');
  if (!sure)
    requirePerson(context, 'Pinning', 'Give --expect with the root’s thumbprint, or --yes.');
  const { thumbprints } = await import('../../operations/thumbprints/thumbprint.ts');
  const { display, host } = context;
  const words =
    options.words === true
      ? { words: await (await import('../thumbprint-words.ts')).loadThumbprintWords() }
      : {};
  const view = { now: host.now(), changedOnly: changed === true, ...words };
  let shown: string[] | undefined;
  const reports = await context.withSession(session =>
    confirmed(
      context,
      { yes: sure },
      async dryRun => {
        const found = await thumbprints(session, guns, {
          expected,
          offline,
          pin: pin && !dryRun,
          ...(roles === undefined ? {} : { roles }),
          ...(shown === undefined ? {} : { shown }),
        });
        if (dryRun) {
          const root = found.flatMap(report => report.roles.filter(({ role }) => role === 'root'));
          shown = root.flatMap(({ keys }) => keys.map(({ keyId }) => keyId));
        }
        return found;
      },
      planned => ({
        lines: thumbprintLines(planned, { ...view, paint: display.errorPaint }),
        warnings: thumbprintWarnings(planned),
        question: planned.some(({ error, known }) => error === undefined || known === undefined)
          ? 'Has the owner confirmed these thumbprints of the root? Pin it?'
          : undefined,
      }),
    ),
  );
  display.result({
    json: () => thumbprintJson(reports),
    text: () => thumbprintLines(reports, { ...view, paint: display.paint }),
    brief: () => thumbprintBrief(reports),
    warnings: thumbprintWarnings(reports),
  });
  if (!display.options.json) display.error(...thumbprintErrors(reports));
  return worstExitCode(reports.map(({ exitCode }) => exitCode));
}

/** Words are dear to load: only what is no number may be words. */
async function readExpected(text: string): Promise<string> {
  if (!/[a-z]+[\s,.-]+[a-z]/i.test(text)) return text;
  return await (await import('../thumbprint-words.ts')).digitsOfWords(text);
}

/** Checks that there is somebody to ask. */
function requirePerson({ prompts }: CommandContext, what: string, hint: string): void {
  if (prompts !== undefined) return;
  throw new UsageError(
    'CONFIRMATION_NEEDED',
    `${what} needs a confirmation, and nobody can be asked here`,
    { hint },
  );
}

async function unpin(
  context: CommandContext,
  options: Options,
  guns: readonly string[],
): Promise<number> {
  if (options.pin === true || options.expect !== undefined || options.changed === true) {
    throw new UsageError('OPTIONS_CONFLICT', '--unpin goes with no other wish', {
      hint: 'Unpin first, then look again.',
    });
  }
  if (options.yes !== true) requirePerson(context, 'Unpinning', 'Add --yes.');
  const { prompts, display } = context;
  const question = `Trust whatever root follows properly for ${guns.length === 1 ? 'this repository' : 'these repositories'} again?`;
  if (options.yes !== true && !(await prompts?.confirm(question))) return EXIT.failed;
  const { removeOwnPin } = await import('../../operations/thumbprints/own-pins.ts');
  const results = await context.withSession(async session => {
    const found: { repository: string; unpinned: boolean }[] = [];
    for (const gun of guns) {
      const { server } = await session.localRepository(gun);
      const unpinned = await removeOwnPin(session.trustDir.own, gun, server);
      found.push({ repository: gun, unpinned });
    }
    return found;
  });
  display.result({
    json: () => ({ schemaVersion: SCHEMA_VERSION, repositories: results }),
    text: () =>
      results.map(({ repository, unpinned }) =>
        unpinned ? `${repository} is no longer pinned` : `${repository} was not pinned`,
      ),
    brief: () => results.filter(({ unpinned }) => unpinned).map(({ repository }) => repository),
  });
  return EXIT.done;
}
