/** `notary init`: first keys and metadata of a collection, on this machine. */
import { KeyError } from '../../../errors.ts';
import { initialiseRepository } from '../../../operations/initialise.ts';
import type { CreatedKey } from '../../../operations/initialise-repository.ts';
import { onCollection, tellCreated } from '../collection.ts';
import type { NotaryAction } from '../context.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { checkGivenKeys } from '../given-keys.ts';
import { readFileOrFail } from '../go-file-error.ts';
import { notReached, reach } from '../online.ts';
import { autoPublish } from './publish.ts';

const ROOT = 'root';

export const init: NotaryAction = async (context, [gun], flags) => {
  if (gun === undefined) throw new WrongArguments('Must specify a GUN');
  const rootKeyFile = flags.text('rootkey');
  const rootCertificateFile = flags.text('rootcert');
  const created: CreatedKey[] = [];
  await onCollection(context, gun, async session => {
    const found = await reach(context, session, gun);
    const [root] =
      rootKeyFile === ''
        ? // The original takes one at random.
          await (await session.keys()).keysOfRole(ROOT)
        : await checkGivenKeys(session, [rootKeyFile], ROOT);
    if (root !== undefined) context.print(`Root key found, using: ${root.id}\n`);
    if (rootCertificateFile !== '') {
      await readFileOrFail(rootCertificateFile, 'error reading certificate file: ');
    }
    if (found !== 'reachable') throw notReached(found);
    try {
      await initialiseRepository(session, gun, {
        ...(rootKeyFile === '' ? {} : { rootKeyFile }),
        ...(rootCertificateFile === '' ? {} : { rootCertificateFile }),
        // A live collection is never overwritten: this machine would be cut off from it.
        existing: 'replace-unpublished',
        created,
      });
    } catch (error) {
      throw rootCertificateFailure(error, rootKeyFile !== '');
    } finally {
      tellCreated(context, created);
    }
  });
  await autoPublish(context, gun, flags);
};

/** Problems of `--rootcert` in the words of the original; anything else as it is. */
function rootCertificateFailure(error: unknown, isKeyGiven: boolean): unknown {
  if (!(error instanceof KeyError)) return error;
  if (error.code === 'KEY_NOT_FOUND') {
    return new Fatal(
      isKeyGiven
        ? 'could not obtain public key from IDs: private key is nil or does not match public key'
        : 'error initializing repository with certificate: cannot find matching private key id',
      error,
    );
  }
  if (error.code !== 'CERTIFICATE_MALFORMED') return error;
  return new Fatal(
    error.message.includes('no PEM block')
      ? 'the provided file does not contain a valid PEM certificate <nil>'
      : 'Parsing certificate PEM bytes to x509 certificate: x509: malformed tbs certificate',
    error,
  );
}
