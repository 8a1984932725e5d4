import { Command } from 'commander';
import { addBackup } from './commands/backup.ts';
import { addCeremony } from './commands/ceremony.ts';
import { addCompletion } from './commands/completion.ts';
import { addDelegation } from './commands/delegation.ts';
import { addDemo } from './commands/demo.ts';
import { addDialects } from './commands/dialects.ts';
import { addInspect } from './commands/inspect.ts';
import { addInventory } from './commands/inventory.ts';
import { addKey } from './commands/key.ts';
import { addPassphrase } from './commands/passphrase.ts';
import { addPlugin } from './commands/plugin.ts';
import { addPush } from './commands/push.ts';
import { addRecover } from './commands/recover.ts';
import { addRenew } from './commands/renew.ts';
import { addRevoke } from './commands/revoke.ts';
import { addServe } from './commands/serve.ts';
import { addSign } from './commands/sign.ts';
import { addSigner } from './commands/signer.ts';
import { addThumbprint } from './commands/thumbprint.ts';
import { addVerify } from './commands/verify.ts';
import { addWitness } from './commands/witness.ts';
import { actionMaker, type Runtime } from './context.ts';
import { addGlobalOptions } from './global-options.ts';
import { helpFormatter, type PointedOutRow } from './help-format.ts';
import { PROGRAM_NOTES } from './help-text.ts';
import { VERSION } from './version.ts';

const DESCRIPTION = `Sign the tags of container images, and verify them before they are used:
Docker Content Trust (Notary v1), with Docker's own keys and no daemon.`;

/** What somebody looks for who has no time to read: near the top, on the first screen. */
const BAD_DAY = 'When keys are lost or leaked, or signatures run out:';

/** One option of a command that is listed among the keys, but is looked for here. */
const LEAKED_KEY: PointedOutRow = {
  after: 'recover',
  term: 'key rotate --compromised',
  meaning: 'replace a key that leaked, review what it signed',
};

/** The command tree. Nothing heavy is loaded: each command imports its operation when it runs. */
export function buildProgram(runtime: Runtime): Command {
  const { host } = runtime;
  const program = new Command('tabellion')
    .description(DESCRIPTION)
    .usage('<command> [options]')
    .configureHelp({ formatHelp: helpFormatter([LEAKED_KEY]) })
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .configureOutput({
      writeOut: text => void host.stdout.write(text),
      writeErr: text => void host.stderr.write(text),
      // Shown by run(), in one form for all errors.
      outputError: () => {},
    })
    .version(`tabellion ${VERSION}`, '-V, --version', 'show the version');
  addGlobalOptions(program);
  program.addHelpText('after', PROGRAM_NOTES);

  const action = actionMaker(runtime);
  program.commandsGroup('Images:');
  addSign(program, action);
  addPush(program, action);
  addVerify(program, action);
  addInspect(program, action);
  addRevoke(program, action);
  program.commandsGroup(BAD_DAY);
  addRecover(program, action);
  addInventory(program, action);
  addThumbprint(program, action);
  addRenew(program, action);
  program.commandsGroup('Keys:');
  addKey(program, action);
  program.commandsGroup('Keeping keys safe:');
  addBackup(program, action);
  addPassphrase(program, action);
  addCeremony(program, action);
  program.commandsGroup('Signers and delegations:');
  addSigner(program, action);
  addDelegation(program, action);
  addWitness(program, action);
  program.commandsGroup('In the old words:');
  addDialects(program);
  program.commandsGroup('More:');
  addServe(program, action);
  addDemo(program, action);
  addPlugin(program, action);
  addCompletion(program, action);
  return program;
}
