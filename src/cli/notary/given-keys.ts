/** Private key files on the command line: looked at before anything else happens, and before a question is asked. */
import { decodePem } from '../../crypto/pem.ts';
import { printable } from '../../crypto/printable.ts';
import type { PrivateKey } from '../../crypto/private-key.ts';
import { KeyError } from '../../errors.ts';
import { readGivenKey } from '../../operations/keys/given-key.ts';
import type { Session } from '../../operations/session.ts';
import { ROOT } from '../../tuf/role-name.ts';
import { goQuote } from './command-line/go-values.ts';
import { keySentence } from './failure.ts';
import { Fatal } from './fatal.ts';
import { readFileOrFail } from './go-file-error.ts';

const NO_KEY = 'no valid private key found';

/** The keys in the files. @throws Fatal when a file cannot be used as a key of the role */
export async function checkGivenKeys(
  session: Session,
  files: readonly string[],
  role: string,
): Promise<{ readonly id: string }[]> {
  const found: { id: string }[] = [];
  for (const file of files) {
    checkLabel(await readFileOrFail(file, 'Error reading input root key file: '), role);
    found.push(await checkGivenKey(session, file, role));
  }
  return found;
}

async function checkGivenKey(session: Session, file: string, role: string): Promise<PrivateKey> {
  try {
    const key = await readGivenKey(session, file, { encryptedOnly: role === ROOT });
    const stored = await (await session.keys()).find(key.id);
    if (stored === undefined || stored.role === role) return key;
    throw new Fatal(
      `Error importing key: key with same ID already exists for role: ${stored.role}`,
    );
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new Fatal(error.code === 'KEY_FILE_DAMAGED' ? NO_KEY : keySentence(error), error);
  }
}

function checkLabel(content: Uint8Array, role: string): void {
  const block = decodePem(content);
  if (block === undefined) throw new Fatal(NO_KEY);
  if (block.label.endsWith('PRIVATE KEY')) return;
  throw new Fatal(
    role === ROOT
      ? 'only encrypted root keys may be imported'
      : `unsupported key type ${goQuote(printable(block.label))}`,
  );
}
