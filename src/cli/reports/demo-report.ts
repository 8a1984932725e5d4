import { printable } from '../../crypto/printable.ts';
import type { DemoStep } from '../../operations/demo.ts';
import type { Paint } from '../display.ts';
import { shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { inspectLines } from './inspect-report.ts';
import { signLines } from './sign-report.ts';
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
    case 'thief':
      return [
        '',
        title('The worst day: a thief has the repository key, and signs'),
        command(step.command),
        ...signLines(step.report, paint),
      ];
    case 'rotate':
      return [
        '',
        title('The key is replaced; what is signed again was reviewed before'),
        command(step.command),
        ...rotationLines(step.report, paint),
      ];
    case 'thief-refused':
      return [
        '',
        title('The thief tries again'),
        command(step.command),
        `${paint.green('✓')} refused: ${printable(step.message)}`,
      ];
    case 'thumbprint':
      return [
        '',
        title('The root is still the one that consumers compare'),
        command(step.command),
        ...thumbprintLines([step.report], { ...style, changedOnly: false }),
      ];
    case 'root-lost':
      return [
        '',
        title('And then the root key is lost'),
        `${paint.red('✗')} The file of ${printable(step.keyId)} is gone.`,
      ];
    case 'recover':
      return [
        '',
        title('A sealed backup, a new root, everything signed again'),
        command(step.command),
        ...step.history.map(line => `${paint.green('✓')} ${printable(line)}`),
      ];
    case 'verify-again':
      return [
        '',
        title('Whoever verifies now finds the same image, under the new root'),
        command(step.command),
        ...verifyLines({ images: [step.result] }, style),
      ];
    case 'done':
      return [
        '',
        title('Nothing was lost.'),
        'Next: tabellion sign --help, and tabellion recover --drill with your own repositories',
      ];
  }
}

function rotationLines(
  { newKeys, oldKeys, review }: Extract<DemoStep, { step: 'rotate' }>['report'],
  paint: Paint,
): string[] {
  const ids = (keys: readonly { readonly id: string }[]): string =>
    keys.map(({ id }) => shortKeyId(id)).join(', ');
  return [
    `${paint.green('✓')} repository key ${ids(oldKeys)} → ${ids(newKeys)}`,
    ...(review?.removedTags ?? []).map(
      ({ tag }) => `${paint.green('✓')} ${printable(tag)} is gone, in the same publish`,
    ),
  ];
}
