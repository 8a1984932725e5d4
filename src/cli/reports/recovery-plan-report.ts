import { printable } from '../../crypto/printable.ts';
import type { Diagnosis } from '../../operations/recover/diagnose.ts';
import type { PlanStep, RecoveryPlan } from '../../operations/recover/plan.ts';
import { dateWithDistance } from '../dates.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';

export function recoveryPlanJson(diagnosis: Diagnosis, plan: RecoveryPlan | undefined): object {
  return {
    schemaVersion: SCHEMA_VERSION,
    diagnosis,
    ...(plan === undefined
      ? {}
      : {
          plan: {
            case: plan.case,
            repositories: plan.repositories.map(
              ({ gun, server, provider, under, oldRootKeys, oldRootCertificates }) => ({
                repository: gun,
                server,
                provider,
                under,
                rootKeyIds: oldRootKeys,
                rootCertificateIds: oldRootCertificates,
              }),
            ),
            steps: plan.steps,
            warnings: plan.warnings,
          },
        }),
  };
}

/** The titles, one a line. */
export function recoveryPlanBrief({ steps }: RecoveryPlan): string[] {
  return steps.map(({ number, title }) => `${number}. ${title}`);
}

export function recoveryPlanLines(plan: RecoveryPlan, paint: Paint): string[] {
  return [
    paint.bold(`The plan: ${caseName(plan)}`),
    ...plan.steps.flatMap(step => stepLines(step, paint)),
  ];
}

/** What goes on working until the plan is carried out. */
export function meanwhileLines(
  { case: what }: Pick<RecoveryPlan, 'case'>,
  { repositories }: Diagnosis,
  { paint, now }: ReportStyle,
): string[] {
  const ends = repositories.flatMap(({ validUntil }) => validUntil ?? []).sort();
  const [first] = ends;
  const until = first === undefined ? '' : ` until ${dateWithDistance(new Date(first), now)}`;
  const verify =
    what.reason === 'compromised'
      ? 'Consumers go on trusting whatever the key signs, also what a thief signs: be quick.'
      : `Consumers go on verifying what is signed${until}.`;
  const signs = repositories.filter(({ roles }) =>
    roles.some(({ role, canSign }) => canSign && role !== 'root' && role !== 'snapshot'),
  );
  const sign =
    signs.length === 0
      ? 'No tags can be signed from here.'
      : `Tags can still be signed from here in ${signs.length} of ${repositories.length}.`;
  const change = what.kind === 'root' ? ' No key can be replaced any more.' : '';
  return [paint.bold('Until then'), `  ${verify} ${sign}${what.reason === 'lost' ? change : ''}`];
}

/** As in “the root key 1a2b3c4d5e6f is lost, with 20 repositories under it”. */
export function caseName({
  case: what,
  repositories,
}: Pick<RecoveryPlan, 'case' | 'repositories'>): string {
  const own = repositories.filter(({ under }) => under === 'affected').length;
  const count = `${own} ${own === 1 ? 'repository' : 'repositories'}`;
  if (what.kind === 'expired') return `${count} with expired metadata`;
  const signers = (what.signers ?? []).join(', ');
  const name = keyName(what.kind === 'delegation' ? signers : what.kind);
  const id = what.keyId === undefined ? '' : ` ${shortKeyId(what.keyId)}`;
  const happened = what.reason === 'lost' ? 'is lost' : 'may be in other hands';
  return `the ${name}${id} ${happened}, ${count}`;
}

function stepLines(step: PlanStep, paint: Paint): string[] {
  const { number, title, details, effect, by, commands, ticket } = step;
  const effects: Readonly<Record<PlanStep['effect'], string>> = {
    nothing: paint.green('changes nothing'),
    reversible: paint.cyan('can be undone'),
    irreversible: paint.red('cannot be undone'),
  };
  const whose = by === 'you' ? `${paint.yellow('you do this')}; ` : '';
  const indent = ' '.repeat(String(number).length + 4);
  return [
    `  ${number}. ${paint.bold(title)} [${whose}${effects[effect]}]`,
    ...details.map(line => `${indent}${line}`),
    ...commands.map(line => `${indent}  $ ${printable(line)}`.replace('$ #', '#')),
    ...(ticket === undefined
      ? []
      : [
          `${indent}${by === 'you' ? 'The text to send' : 'If it is refused, the text to send'}:`,
          ...ticket
            .trimEnd()
            .split('\n')
            .map(line => `${indent}  | ${printable(line)}`),
        ]),
  ];
}
