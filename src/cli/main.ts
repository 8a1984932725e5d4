import { EXIT } from './exit-codes.ts';
import { type Host, processHost } from './host.ts';
import { flush, watchOutput } from './output-streams.ts';
import type { RunResult } from './run.ts';

/**
 * The command `tabellion`. Sets `process.exitCode` and lets the process end by itself, so that no
 * output is cut; only a command that was left unfinished, whose work may still hold the process, is
 * ended, and that after its output is out.
 *
 * @param argv the words after the program's name.
 */
export async function main(argv: string[]): Promise<void> {
  // Until the opposite is known. Work that never settles must not look like success.
  process.exitCode = EXIT.failed;
  const host = processHost();
  const output = watchOutput(host.stdout);
  watchOutput(host.stderr);

  const { exitCode, abandoned } = await runDialect(argv, host);
  await flush(host.stdout);
  const failure = output.failure();
  if (failure !== undefined) {
    host.stderr.write(`tabellion: the output could not be written: ${failure.message}\n`);
  }
  await flush(host.stderr);
  process.exitCode = failure !== undefined && exitCode === EXIT.done ? EXIT.failed : exitCode;
  if (abandoned) process.exit();
}

/** Loads only the dialect that is spoken: Notary's and Docker's have their own rules for the command line. */
async function runDialect(argv: string[], host: Host): Promise<RunResult> {
  const [first, ...rest] = argv;
  if (first === 'notary') return await (await import('./notary/run.ts')).runNotary(rest, host);
  if (first === 'docker-trust')
    return await (await import('./docker-trust/run.ts')).runDockerTrust(rest, host);
  // As which docker starts it, by the script of `tabellion plugin install`.
  if (first === 'docker-cli-plugin')
    return await (await import('./docker-trust/plugin.ts')).runPlugin(rest, host);
  return await (await import('./run.ts')).run(argv, host);
}
