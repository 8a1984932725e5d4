import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the helper does when asked for a server: other servers are not known to it. */
export type HelperAnswer =
  | { readonly username: string; readonly secret: string }
  | { readonly exitCode: number; readonly stdout: string }
  | 'waits';

/**
 * Writes a program `docker-credential-<name>` that speaks the protocol of Docker's helpers, and notes the servers
 * that it was asked for in a file `asked` beside it, with the names of the variables that it was given.
 *
 * @param folder to be put into `PATH`
 */
export async function writeCredentialHelper(
  folder: string,
  name: string,
  answers: Readonly<Record<string, HelperAnswer>>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `docker-credential-${name}`);
  await writeFile(
    file,
    `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs');
const answers = ${JSON.stringify(answers)};
const server = readFileSync(0, 'utf8');
appendFileSync(${JSON.stringify(join(folder, 'asked'))}, JSON.stringify({ args: process.argv.slice(2), server, variables: Object.keys(process.env) }) + '\\n');
const answer = Object.hasOwn(answers, server) ? answers[server] : undefined;
if (answer === undefined) {
  console.log('credentials not found in native keychain');
  process.exit(1);
} else if (answer === 'waits') {
  setInterval(() => {}, 60000);
} else if ('exitCode' in answer) {
  process.stdout.write(answer.stdout, () => process.exit(answer.exitCode));
} else {
  console.log(JSON.stringify({ ServerURL: server, Username: answer.username, Secret: answer.secret }));
}
`,
  );
  await chmod(file, 0o755);
}
