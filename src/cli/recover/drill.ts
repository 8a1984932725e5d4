import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import type { DrillCase, DrillEvent } from '../../operations/recover/drill.ts';
import type { Session } from '../../operations/session.ts';
import type { CommandContext } from '../context.ts';
import type { Paint } from '../display.ts';
import { EXIT } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { recoveryPlanLines } from '../reports/recovery-plan-report.ts';
import type { RecoverOptions } from './recover-options.ts';

/** `--drill [CASE]` */
export async function drill(
  context: CommandContext,
  session: Session,
  given: string | undefined,
  { provider }: Pick<RecoverOptions, 'provider'>,
): Promise<number> {
  const operation = await import('../../operations/recover/drill.ts');
  const { display } = context;
  const what = await caseOf(context, operation.DRILL_CASES, given);
  const events: object[] = [];
  await operation.drill(session, {
    case: what,
    ...(provider === undefined ? {} : { provider }),
    narrate: event => {
      events.push(event.event === 'plan' ? { event: event.event, steps: event.plan.steps } : event);
      display.tell(eventLines(event, display.paint));
    },
  });
  if (display.options.json) display.json({ schemaVersion: SCHEMA_VERSION, case: what, events });
  return EXIT.done;
}

async function caseOf(
  { prompts }: CommandContext,
  cases: readonly DrillCase[],
  given: string | undefined,
): Promise<DrillCase> {
  if (given !== undefined) {
    const known = cases.find(name => name === given);
    if (known !== undefined) return known;
    throw new UsageError('OPTION_VALUE_INVALID', `There is no drill “${printable(given)}”`, {
      hint: `There are ${cases.join(', ')}.`,
      details: { option: '--drill' },
    });
  }
  return await askDrill({ prompts });
}

/** Which disaster, where somebody can be asked. */
export async function askDrill({ prompts }: Pick<CommandContext, 'prompts'>): Promise<DrillCase> {
  if (prompts === undefined) return 'root';
  return await prompts.choose<DrillCase>('Which disaster?', [
    { value: 'root', name: 'The root key is lost' },
    { value: 'root-compromised', name: 'Somebody else has the root key' },
    { value: 'targets', name: 'A repository key is lost' },
    { value: 'delegation', name: 'A signer’s key is lost' },
    { value: 'snapshot', name: 'The server’s snapshot key is lost' },
  ]);
}

function eventLines(event: DrillEvent, paint: Paint): string[] {
  switch (event.event) {
    case 'copied':
      return [
        event.isSample
          ? 'This trust directory holds no repositories: the drill uses three made-up ones.'
          : `Copied into a sandbox: ${event.repositories} of your repositories with ${event.tags} tags; their names and digests, none of your keys.`,
        'Nothing that happens now touches your own folder or any server but the sandbox’s.',
        '',
      ];
    case 'disaster':
      return [`${paint.red('✗')} ${paint.bold(event.what)}`, ''];
    case 'plan':
      return [...recoveryPlanLines(event.plan, paint), ''];
    case 'provider':
      return [`${paint.yellow('…')} ${event.what}`];
    case 'step':
      return [`${paint.green('✓')} ${printable(event.what)}`];
    case 'done':
      return [
        '',
        `${paint.green('✓')} ${paint.bold(`All ${event.tags} tags came back.`)} The sandbox is gone.`,
        'On the day: tabellion recover. Until then: tabellion backup create, and keep it elsewhere.',
      ];
  }
}
