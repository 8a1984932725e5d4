// One question to the operating system's keychain, asked in a process of its own: a call that hangs cannot be
// taken back, and some crash on a locked keychain; a process can be ended, and takes nobody with it.
//
// Standard input has the question as JSON, standard output gets the answer. No secret is ever an argument.
// What `keytar` cannot leave out, the passphrases in a list, stays in here.
import { writeSync } from 'node:fs';

/** The module that knows the keychain; a test has one of its own. */
const module = process.argv[2] ?? 'keytar';

const OPERATIONS = {
  get: (keytar, { service, account }) => keytar.getPassword(service, account),
  set: (keytar, { service, account, passphrase }) =>
    keytar.setPassword(service, account, passphrase),
  delete: (keytar, { service, account }) => keytar.deletePassword(service, account),
  list: async (keytar, { service }) =>
    (await keytar.findCredentials(service)).map(({ account }) => account),
};

async function answer() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const question = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  let keytar;
  try {
    const loaded = await import(module);
    keytar = loaded.default ?? loaded;
  } catch (error) {
    return { failed: 'load', message: messageOf(error) };
  }
  try {
    return { result: (await OPERATIONS[question.operation](keytar, question)) ?? null };
  } catch (error) {
    return { failed: 'call', message: messageOf(error) };
  }
}

function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

writeSync(1, JSON.stringify(await answer()));
// Threads that still wait for the keychain must not hold this process.
process.exit();
