import { type Command, Option } from 'commander';
import { UsageError } from '../../errors.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { repeatedValue } from '../option-values.ts';
import { delegationBrief, delegationJson, delegationLines } from '../reports/delegation-report.ts';

interface Options {
  readonly path?: string[];
  readonly allPaths?: boolean;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Lets a role sign in a repository, or gives it more keys or paths. ROLE is a name
such as alice, or alice/ci for one that alice delegates to.`;

/** `tabellion delegation add` */
export function addDelegationAdd(delegation: Command, action: Action): void {
  delegation
    .command('add')
    .summary('let somebody sign')
    .description(DESCRIPTION)
    .argument('<image>', 'the repository')
    .argument('<role>', 'the role')
    .argument('[file...]', 'public keys or certificates (PEM)')
    .addOption(
      new Option('--path <prefix>', 'how tags it may sign begin; may be repeated').argParser(
        repeatedValue('--path'),
      ),
    )
    .option('--all-paths', 'it may sign all tags')
    .option('--dry-run', 'show what would change, publish nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion delegation add reg.example/app alice alice.pub --all-paths', 'a new signer'],
        ['tabellion delegation add reg.example/app ci ci.crt --path nightly-', 'for some tags'],
      ),
    )
    .action(
      action<[string, string, string[]], Options>(async (context, options, image, role, files) => {
        const { path = [], allPaths = false, dryRun = false } = options;
        if (allPaths && path.length > 0) {
          throw new UsageError('OPTIONS_CONFLICT', '--all-paths includes every --path', {
            hint: 'Give one of them.',
          });
        }
        const { addDelegation } = await import('../../operations/delegations/delegation.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const gun = repositoryName(image);
        const paths = allPaths ? [''] : path;
        const report = await context.withSession(session =>
          addDelegation(session, gun, { role, keyFiles: files, paths, dryRun }),
        );
        const { display } = context;
        display.result({
          json: () => delegationJson(report),
          text: () => delegationLines(report, display.paint),
          brief: () => delegationBrief(report),
          warnings: report.warnings,
        });
        return EXIT.done;
      }),
    );
}
