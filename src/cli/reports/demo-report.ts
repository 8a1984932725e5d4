import { printable } from '../../crypto/printable.ts';
import type { DemoStep } from '../../operations/demo/demo.ts';
import type { PlanStep } from '../../operations/recover/plan.ts';
import { errorLines } from '../error-report.ts';
import type { ReportStyle } from '../report-style.ts';
import { inspectLines } from './inspect-report.ts';
import { recoveryPlanLines } from './recovery-plan-report.ts';
import { rotateLines } from './rotate-report.ts';
import { signLines } from './sign-report.ts';
import { signerLines } from './signer-report.ts';
import { thumbprintLines } from './thumbprint-report.ts';
import { verifyLines } from './verify-report.ts';

/** One step of the demonstration: what happens, the command that does it, what that prints. */
export function demoLines(step: DemoStep, style: ReportStyle): string[] {
  const { paint } = style;
  const title = (text: string): string => paint.bold(paint.cyan(text));
  const command = (text: string): string => `${paint.dim('$')} ${printable(text)}`;
  switch (step.step) {
    case 'server':
      return [
        title('A trust server of our own'),
        `It listens at ${printable(step.url)}, with a certificate it made itself.`,
        'All of this lies in a temporary folder that is removed at the end.',
      ];
    case 'sign':
      return [
        '',
        title('Two tags are signed in one publish, without a Docker daemon'),
        command(step.command),
        ...signLines(step.report, paint),
      ];
    case 'verify':
      return [
        '',
        title('The signature is verified'),
        command(step.command),
        ...verifyLines({ images: [step.result] }, style),
      ];
    case 'inspect':
      return [
        '',
        title('Who signed what, with which keys, until when'),
        command(step.command),
        ...inspectLines({ images: [step.result] }, style),
      ];
    case 'other-image':
      return [
        '',
        title('Somebody passes another image off as the signed one'),
        command(step.command),
        ...verifyLines({ images: [step.result] }, style),
      ];
    case 'forged-metadata':
      return [
        '',
        title('Somebody alters the trust data to vouch for another image'),
        command(step.command),
        ...verifyLines({ images: [step.result] }, style),
      ];
    case 'theft':
      return [
        '',
        title('One night the build machine is copied, with its keys and passphrases'),
        'The thief signs another image, and lets an accomplice sign as well.',
        command(step.command),
        ...signLines(step.report, paint),
        command(step.signerCommand),
        ...signerLines(step.signers, paint),
      ];
    case 'believed':
      return [
        '',
        title('Everybody believes it: the keys are the right ones'),
        command(step.command),
        ...verifyLines({ images: [step.result] }, style),
      ];
    case 'rotate':
      return [
        '',
        title('The owner replaces the keys, and signs again only what was there before'),
        'At a terminal, --compromised shows everything in a list to tick. The root key was not stolen.',
        command(step.command),
        ...rotateLines({ ...step.report, removedKeys: [], warnings: [] }, paint),
      ];
    case 'refused':
      return [
        '',
        title('A consumer who had believed it follows the new root'),
        command(step.command),
        ...verifyLines({ images: [step.result] }, style),
      ];
    case 'thief-locked-out':
      return [
        '',
        title('The thief can sign no more'),
        command(step.command),
        ...errorLines(step.error),
      ];
    case 'thumbprint':
      return [
        '',
        title('The thumbprint of the root, to compare and to pin'),
        command(step.command),
        ...thumbprintLines(step.reports, { ...style, changedOnly: false }),
      ];
    case 'root-lost':
      return [
        '',
        title('The root key is lost, and nobody has a copy'),
        command(step.command),
        ...recoveryPlanLines({ ...step.plan, steps: step.plan.steps.map(titleOnly) }, paint),
      ];
    case 'recovery':
      return ['', ...step.history.map(what => `${paint.green('✓')} ${printable(what)}`)];
    case 'recovered':
      return [
        '',
        title('Everything that was signed is trusted again, under a new root'),
        command(step.command),
        ...verifyLines({ images: [step.result] }, style),
      ];
    case 'done':
      return [
        '',
        title('That was the worst day. Make a backup now, and it need never come.'),
        'Next: tabellion sign --help; tabellion backup create --help; tabellion recover --drill',
      ];
  }
}

/** What a step is for is in the guide itself. */
function titleOnly({ ticket: _, ...step }: PlanStep): PlanStep {
  return { ...step, details: [] };
}
