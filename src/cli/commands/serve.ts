import type { Command } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import type { RunningServer } from '../../operations/serve.ts';
import type { Action } from '../context.ts';
import type { Paint } from '../display.ts';
import { EXIT } from '../exit-codes.ts';
import type { GlobalOptions } from '../global-options.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { optionValue, wholeNumber } from '../option-values.ts';

interface Options {
  readonly dir?: string;
  readonly port: number;
  readonly host: string;
}

const DESCRIPTION = `Runs a trust server on this machine, for trials, tests and networks without one.
It speaks the API of a Notary server over TLS and keeps its data in a directory.
Given no certificate it makes its own, and says how clients learn to trust it.`;

/** `tabellion serve` */
export function addServe(program: Command, action: Action): void {
  program
    .command('serve')
    .summary('run a trust server of your own')
    .description(DESCRIPTION)
    .option(
      '--dir <dir>',
      'where its data is kept (default: a temporary folder)',
      optionValue('--dir'),
    )
    .option(
      '--port <number>',
      'port, 0 for any that is free',
      wholeNumber('--port', 0, 65_535),
      4443,
    )
    .option('--host <address>', 'address to listen on', optionValue('--host'), '127.0.0.1')
    .option(
      '--tls-cert <file>',
      "the server's certificate, with --tls-key",
      optionValue('--tls-cert'),
    )
    .option('--tls-key <file>', 'its private key', optionValue('--tls-key'))
    .addHelpText('after', examples(['tabellion serve --dir ./trust-server', 'until Ctrl-C']))
    .action(
      action<[], Options>(async (context, options) => {
        const { display, globals } = context;
        checkCertificateOptions(globals);
        const { serve } = await import('../../operations/serve.ts');
        const server = await serve(context.sessionOptions, {
          ...(options.dir === undefined ? {} : { dir: options.dir }),
          host: options.host,
          port: options.port,
          // Commander gives these two to the program, which knows them first.
          ...(globals.tlsCert === undefined ? {} : { tlsCert: globals.tlsCert }),
          ...(globals.tlsKey === undefined ? {} : { tlsKey: globals.tlsKey }),
        });
        const stopped = context.interruption.stopRequested();
        try {
          display.result({
            json: () => serverJson(server),
            text: () => serverLines(server, display.paint),
            brief: () => [printable(server.url)],
            warnings: isLoopback(options.host) ? [] : [OPEN_TO_OTHERS],
          });
          await stopped;
        } finally {
          await server.close();
        }
        display.note('', 'stopped');
        return EXIT.done;
      }),
    );
}

const OPEN_TO_OTHERS =
  'The server has no accounts: whoever reaches this address may read, publish and delete';

/** Whether only this machine can reach an address. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

function checkCertificateOptions(globals: GlobalOptions): void {
  if ((globals.tlsCert === undefined) !== (globals.tlsKey === undefined)) {
    const missing = globals.tlsCert === undefined ? '--tls-cert' : '--tls-key';
    throw new UsageError(
      'OPTION_MISSING',
      `--tls-cert and --tls-key go together; ${missing} is missing`,
    );
  }
}

function serverJson(server: RunningServer): object {
  const { url, dir, caFile } = server;
  return { schemaVersion: SCHEMA_VERSION, url, dir, ...(caFile === undefined ? {} : { caFile }) };
}

function serverLines(server: RunningServer, paint: Paint): string[] {
  const url = printable(server.url);
  const ca = server.caFile === undefined ? undefined : printable(server.caFile);
  const lines = [
    `${paint.green('●')} trust server at ${paint.bold(url)}`,
    `  data in ${printable(server.dir)}`,
    '',
  ];
  const host = new URL(server.url).host;
  const withCa = (flag: string): string => (ca === undefined ? '' : ` ${flag} ${shellWord(ca)}`);
  lines.push(
    paint.dim('tabellion'),
    `  tabellion --server ${url}${withCa('--tls-ca')} inspect IMAGE`,
    paint.dim('notary'),
    `  notary -s ${url}${withCa('--tlscacert')} -d ~/.docker/trust list GUN`,
    paint.dim('docker'),
  );
  if (ca !== undefined) {
    lines.push(
      `  mkdir -p ~/.docker/tls/${host}`,
      `  cp ${shellWord(ca)} ~/.docker/tls/${host}/ca.crt`,
    );
  }
  lines.push(`  export DOCKER_CONTENT_TRUST_SERVER=${url}`, '', 'Ctrl-C stops it.');
  return lines;
}

/** A word that can be pasted into a shell. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
