import { runNotary } from '../../../src/cli/notary/run.ts';
import { createTestHost, type TestHostOptions } from '../test-host.ts';

export interface NotaryRun {
  exitCode: number;
  out: string;
  err: string;
}

export interface NotaryRunOptions extends TestHostOptions {
  /** Standard input; empty unless given. */
  readonly stdin?: string;
}

/** Runs a command line of the dialect on a host of its own. */
export async function notary(
  words: readonly string[],
  options: NotaryRunOptions = {},
): Promise<NotaryRun> {
  const host = createTestHost(options);
  host.stdin.end(options.stdin ?? '');
  const { exitCode } = await runNotary(words, host);
  return { exitCode, out: host.out(), err: host.err() };
}

/** What is printed after `* fatal: `. */
export function fatal({ exitCode, out }: NotaryRun): string {
  if (exitCode !== 1) throw new Error(`exit code ${exitCode}: ${out}`);
  return /(?:^|\n)\* fatal: ([\s\S]*)\n$/.exec(out)?.[1] ?? '';
}
