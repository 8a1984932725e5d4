import { type Command, Option } from 'commander';
import { optionValue, repeatedValue } from './option-values.ts';
import { addPassphraseOptions, type PassphraseOptions } from './passphrase-options.ts';

/** The options that every command understands, before or after its name. */
export interface GlobalOptions extends PassphraseOptions {
  readonly trustDir?: string;
  readonly server?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly config?: string;
  readonly insecure?: string[];
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** False for `--no-color`. */
  readonly color?: boolean;
}

/** Adds them to the program. */
export function addGlobalOptions(program: Command): void {
  const valued: [string, string][] = [
    ['--trust-dir <dir>', "where keys and trust data are (default: Docker's)"],
    ['--server <url>', 'the trust server (default: as Docker chooses it)'],
    ['--tls-ca <file>', "accept only these CAs for the trust server's TLS"],
    ['--tls-cert <file>', 'client certificate for the trust server'],
    ['--tls-key <file>', 'its private key'],
    ['--config <file>', "Notary's config.json, for its trust pinning"],
    ['--username <name>', 'log in as this user, not as docker login left it'],
  ];
  const switches: [string, string][] = [
    ['--password-stdin', "that user's password comes on standard input"],
    ['--json', 'one JSON document on stdout, no prompts'],
    ['-q, --quiet', 'only the bare result and errors'],
    ['-v, --verbose', 'tell each step on stderr'],
    ['--no-color', 'no colours (as does NO_COLOR)'],
  ];
  program.optionsGroup('Global options (before or after the command):');
  for (const [flags, description] of valued) {
    program.addOption(new Option(flags, description).argParser(optionValue(flags)));
  }
  program.addOption(
    new Option('--insecure <host>', 'a registry to reach without proof of who it is').argParser(
      repeatedValue('--insecure'),
    ),
  );
  for (const [flags, description] of switches) program.option(flags, description);
  addPassphraseOptions(program);
}
