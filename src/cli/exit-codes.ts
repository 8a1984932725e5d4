import { TabellionError } from '../errors.ts';
import { Interrupted } from './interruption.ts';

/** The exit codes of `tabellion`: a promise to scripts, never renumbered. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  untrusted: 3,
  key: 4,
  connection: 5,
  interrupted: 130,
} as const;

/** The exit code for an error that ended a command. Anything unknown is a defect of ours: 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return EXIT.interrupted;
  return error instanceof TabellionError ? error.exitCode : EXIT.failed;
}

/** From harmless to grave. "Not trusted" is a finding about an image, so it outranks every obstacle. */
const GRAVITY: readonly number[] = [
  EXIT.done,
  EXIT.failed,
  EXIT.usage,
  EXIT.connection,
  EXIT.key,
  EXIT.untrusted,
];

/** One exit code for several images: the gravest of theirs, 0 only if all are 0. */
export function worstExitCode(codes: Iterable<number>): number {
  let worst: number = EXIT.done;
  for (const code of codes) {
    const known = GRAVITY.includes(code) ? code : EXIT.failed;
    if (GRAVITY.indexOf(known) > GRAVITY.indexOf(worst)) worst = known;
  }
  return worst;
}
