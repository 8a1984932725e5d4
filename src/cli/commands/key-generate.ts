import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { optionValue } from '../option-values.ts';
import { GENERATE_PASSPHRASE } from '../passphrase-options.ts';

interface Options {
  readonly role?: string;
  readonly repository?: string;
  readonly dir?: string;
  readonly algorithm?: 'ecdsa' | 'ed25519';
}

const DESCRIPTION = `Makes a private key, encrypted by a passphrase, in the trust directory. With a
NAME: a signer's key, and NAME.pub for the person who adds you as a signer.`;

/** The grammar of signer names (cli.md 2.5), so that `docker trust` can use the key. */
const SIGNER_NAME = /^[a-z0-9][a-z0-9_-]*$/;
/** Notary and Docker sign and verify with such a key once it is in the trust data, but cannot put it there. */
const ED25519_NOTES = [
  'Notary and Docker use this key, but do not read its public half from a file:',
  'have it added by “tabellion signer add”, or rotate to it by “tabellion key rotate”.',
];
/** Roles whose key belongs to one repository. */
const REPOSITORY_ROLES = new Set(['targets', 'snapshot']);

/** `tabellion key generate` */
export function addKeyGenerate(key: Command, action: Action): void {
  key
    .command('generate')
    .summary('make a signing key')
    .description(DESCRIPTION)
    .argument('[name]', 'name of the signer')
    .option('--role <role>', 'a root, targets or snapshot key instead', optionValue('--role'))
    .option(
      '--repository <name>',
      'repository of a targets or snapshot key',
      optionValue('--repository'),
    )
    .addOption(
      new Option('--algorithm <name>', 'ecdsa (P-256, the default) or ed25519').choices([
        'ecdsa',
        'ed25519',
      ]),
    )
    .option(...GENERATE_PASSPHRASE)
    .option('--dir <dir>', 'where NAME.pub goes (default: here)', optionValue('--dir'))
    .addHelpText(
      'after',
      examples(
        ['tabellion key generate alice', 'a signer key, and alice.pub to hand out'],
        ['tabellion key generate --role root', 'a root key, before the first signature'],
      ),
    )
    .action(
      action<[string | undefined], Options>(async (context, options, name) => {
        const request = keyRequest(name, options);
        const { generateKey } = await import('../../operations/keys/key-generate.ts');
        const made = await context.withSession(session =>
          generateKey(session, {
            ...request,
            ...(options.algorithm === undefined ? {} : { algorithm: options.algorithm }),
          }),
        );
        context.display.result({
          json: () => ({ schemaVersion: SCHEMA_VERSION, ...made }),
          text: () => {
            const lines = [
              `Made the ${keyName(made.role, request.repository)} ${shortKeyId(made.id)}`,
              `  private key  ${printable(made.file)}`,
            ];
            if (made.publicKeyFile) lines.push(`  public key   ${printable(made.publicKeyFile)}`);
            if (made.algorithm === 'ed25519') lines.push(...ED25519_NOTES);
            return lines;
          },
          brief: () => [made.id],
        });
        return EXIT.done;
      }),
    );
}

interface KeyRequest {
  readonly role: string;
  readonly repository?: string;
  readonly publicKeyFile?: string;
}

function keyRequest(name: string | undefined, options: Options): KeyRequest {
  const { role, repository, dir } = options;
  if ((name === undefined) === (role === undefined)) {
    throw new UsageError(
      'KEY_NAME_OR_ROLE',
      'A key is made either for a signer, by NAME, or for a role, by --role',
      { hint: 'See: tabellion key generate --help' },
    );
  }
  if (name !== undefined) {
    if (!SIGNER_NAME.test(name)) {
      throw new UsageError('SIGNER_NAME_INVALID', `“${name}” cannot be the name of a signer`, {
        hint: 'Use lower-case letters and digits, and “-” or “_” after the first of them.',
      });
    }
    if (repository !== undefined) {
      throw new UsageError(
        'OPTIONS_CONFLICT',
        'The key of a signer belongs to no single repository: leave --repository out',
      );
    }
    return { role: name, publicKeyFile: join(dir ?? '', `${name}.pub`) };
  }
  const ofRepository = REPOSITORY_ROLES.has(role ?? '');
  if (!ofRepository && role !== 'root') {
    throw new UsageError(
      'ROLE_INVALID',
      `--role must be root, targets or snapshot, found “${role}”`,
      {
        hint: 'For a signer give the name: tabellion key generate NAME',
      },
    );
  }
  if (ofRepository !== (repository !== undefined)) {
    const problem = ofRepository
      ? `A ${role} key needs --repository`
      : 'A root key takes no --repository';
    throw new UsageError('OPTIONS_CONFLICT', problem);
  }
  if (dir !== undefined)
    throw new UsageError('OPTIONS_CONFLICT', '--dir is for the key of a signer');
  return { role: role ?? '', ...(repository === undefined ? {} : { repository }) };
}
