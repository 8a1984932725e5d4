import { printable } from '../../crypto/printable.ts';
import type { DemoStep } from '../../operations/demo.ts';
import type { ReportStyle } from '../report-style.ts';
import { inspectLines } from './inspect-report.ts';
import { signLines } from './sign-report.ts';
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
    case 'done':
      return ['', title('Both were found out.'), 'Next: tabellion sign --help'];
  }
}
