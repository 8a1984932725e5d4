import { type Command, Option } from 'commander';
import { UsageError } from '../../errors.ts';
import type { Action, CommandContext } from '../context.ts';
import { examples } from '../help-text.ts';
import { moment, optionValue, repeatedValue } from '../option-values.ts';
import { PROVIDER_IDS, type RecoverOptions, SYMPTOMS } from '../recover/recover-options.ts';
import { checkTrustedSince } from '../rotation-request.ts';

const DESCRIPTION =
  'When a key or passphrase is lost or leaked: looks what is so, plans, recovers.';

/** What a person is asked at a terminal, and can be said beforehand. */
const ANSWERS = 'Answers, where nobody is to be asked:';

/** `tabellion recover` */
export function addRecover(program: Command, action: Action): void {
  const value = (flags: string, meaning: string): Option =>
    new Option(flags, meaning).argParser(optionValue(flags));
  const answer = (flags: string, meaning: string): Option =>
    value(flags, meaning).helpGroup(ANSWERS);
  const repeated = (flags: string, meaning: string): Option =>
    new Option(flags, meaning).argParser(repeatedValue(flags)).helpGroup(ANSWERS);
  program
    .command('recover')
    .summary('when a key is lost or leaked: look, plan, recover')
    .description(DESCRIPTION)
    .argument('[image...]', 'the repositories it is about; all that are known')
    .addOption(value('--lost <key>', 'this key is lost: an ID, root, targets, a signer …'))
    .addOption(value('--compromised <key>', 'somebody else may have this key'))
    .addOption(value('--lost-passphrase <key>', 'try all that may open this key'))
    .addOption(new Option('--symptom <what>', 'what is seen').choices([...SYMPTOMS]))
    .addOption(value('--blast-radius <key>', 'only tell what a key can sign'))
    .option('--plan', 'only show what is so, and the plan')
    .option('-y, --yes', 'do not ask')
    .option('--resume [id]', 'carry on with a recovery')
    .option('--list', 'show the recoveries that were begun')
    .option('--drill [case]', 'practise in a sandbox, with throw-away keys')
    .addOption(
      new Option('--provider <who>', 'who runs the registry')
        .choices([...PROVIDER_IDS])
        .helpGroup(ANSWERS),
    )
    .addOption(
      new Option('--path <path>', 'rotate or anew: a leaked root; ticket, namespace: IBM')
        .choices(['rotate', 'anew', 'ticket', 'namespace'])
        .helpGroup(ANSWERS),
    )
    .addOption(answer('--account <id>', 'at IBM Cloud: the account, for the ticket'))
    .addOption(answer('--backup <file>', 'where the sealed backup goes'))
    .addOption(answer('--use-root <key>', 'a root key that is here, not a new one'))
    .addOption(
      new Option('--keep <which>', 'after a leak: what is signed again')
        .choices(['known', 'all'])
        .helpGroup(ANSWERS),
    )
    .addOption(
      new Option('--trusted-since <date>', 'known: verified here before that day')
        .argParser(moment('--trusted-since'))
        .helpGroup(ANSWERS),
    )
    .addOption(repeated('--drop <image:tag>', 'do not sign this tag again (repeatable)'))
    .addOption(repeated('--drop-signer <name>', 'a signer who does not come back (repeatable)'))
    .addOption(repeated('--skip <image>', 'leave this repository alone (repeatable)'))
    .addOption(
      new Option('--no-registry', 'do not ask whether the registry has the images').helpGroup(
        ANSWERS,
      ),
    )
    .addOption(answer('--report <file>', 'write the report there too (.md or .json)'))
    .addHelpText(
      'after',
      examples(
        ['tabellion recover --lost root --plan', 'show what would be done'],
        [
          'tabellion recover --compromised root --keep known \\\n    --trusted-since 2026-11-20 --yes',
          'in a script: only what was known before stays',
        ],
      ),
    )
    .action(
      action<[string[]], RecoverOptions>(async (context, options, images) => {
        checkOneThing(options);
        checkKnown(options, context.host.now());
        return await dispatch(context, options, images);
      }),
    );
}

/** Each of these says what the command is about: two of them would be two commands. */
const SUBJECTS = [
  'lost',
  'compromised',
  'lostPassphrase',
  'symptom',
  'blastRadius',
  'resume',
  'list',
  'drill',
] as const;

function checkOneThing(options: RecoverOptions): void {
  const given = SUBJECTS.filter(name => options[name] !== undefined);
  if (given.length < 2) return;
  const flags = given.map(
    name => `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`,
  );
  throw new UsageError('OPTIONS_CONFLICT', `${flags.join(' and ')} are different things`, {
    hint: 'Give one of them.',
  });
}

/** What counts as known must have been there at a day that is named and past: else all of it would, or nothing. */
function checkKnown({ keep, trustedSince }: RecoverOptions, now: Date): void {
  checkTrustedSince(trustedSince, now);
  if (keep !== 'known' || trustedSince !== undefined) return;
  throw new UsageError(
    'OPTIONS_CONFLICT',
    '--keep known needs --trusted-since: nobody knows what was there before an unnamed day',
  );
}

async function dispatch(
  context: CommandContext,
  options: RecoverOptions,
  images: readonly string[],
): Promise<number> {
  return await context.withSession(async session => {
    const { blastRadius, resume: id, list, drill: practised } = options;
    if (blastRadius !== undefined) {
      const { showBlastRadius } = await import('../recover/blast-radius.ts');
      return await showBlastRadius(context, session, blastRadius);
    }
    if (list === true) {
      const { listRecoveries } = await import('../recover/resume.ts');
      return await listRecoveries(context, session);
    }
    if (id !== undefined) {
      const { resume } = await import('../recover/resume.ts');
      return await resume(context, session, id === true ? undefined : id, options);
    }
    if (practised !== undefined) {
      const { drill } = await import('../recover/drill.ts');
      const given = practised === true ? undefined : practised;
      return await drill(context, session, given, options);
    }
    const { begin } = await import('../recover/begin.ts');
    return await begin(context, session, images, options);
  });
}
