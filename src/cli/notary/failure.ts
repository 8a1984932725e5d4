/**
 * What is printed after `* fatal: ` (cli.md 1.5): where the original has a sentence for a failure, that one;
 * else our own message.
 */
import { printable } from '../../crypto/printable.ts';
import { TabellionError } from '../../errors.ts';
import { ROOT, TARGETS } from '../../tuf/role-name.ts';
import { Fatal } from './fatal.ts';
import { errorCode, goFileError } from './go-file-error.ts';

/** The collection and server that a failure is about. */
export interface Subject {
  readonly gun: string;
  readonly server: string;
}

type Sentence = (error: TabellionError, subject: Subject) => string | undefined;

const WRONG_PASSPHRASE = 'password invalid, operation has failed.';
const PIN_PREFIX = 'could not validate the path to a trusted root: ';

/** By the code of the error; undefined: its own message. */
const SENTENCES: ReadonlyMap<string, Sentence> = new Map<string, Sentence>([
  [
    'NO_TRUST_DATA',
    (_, { gun, server }) => `${authority(server)} does not have trust data for ${gun}`,
  ],
  ['NOT_PINNED', () => `${PIN_PREFIX}invalid trust pinning specified`],
  ['PIN_MISMATCH', () => `${PIN_PREFIX}unable to match any certificates to trust_pinning config`],
  ['PINNED_CA_UNREADABLE', () => `${PIN_PREFIX}could not load root cert from CA path`],
  [
    'ROOT_ROTATION',
    () =>
      'could not rotate trust to a new trusted root: failed to validate data with current trusted certificates',
  ],
  ['UNAUTHORIZED', unauthorized],
  ['SERVER_UNREACHABLE', cut],
  ['RESPONSE_CUT', cut],
  ['FORBIDDEN', unreachable],
  ['SERVER_ERROR', unreachable],
  ['RATE_LIMITED', unreachable],
  ['REDIRECT_REFUSED', unreachable],
  ['RESPONSE_UNEXPECTED', unreachable],
  ['NOT_A_TRUST_SERVER', notFound],
  ['VERSION_CONFLICT', () => 'trust server rejected operation.'],
  ['SERVER_REJECTED', rejected],
  ['ROLE_UNKNOWN', unknownRole],
  ['ROLE_INVALID', error => invalidRole(error, 'cannot add targets to this role')],
  [
    'ROLE_UNSIGNABLE',
    error =>
      invalidRole(
        error,
        'role does not specify enough valid signing keys to meet its required threshold',
      ),
  ],
  ['ROLE_UNSIGNED', error => invalidRole(error, 'this role is not known')],
  ['PATH_NOT_ALLOWED', pathNotAllowed],
  ['CHANGE_UNSUPPORTED', unsupportedChange],
  ['ROTATION_NOT_ALLOWED', rotationNotAllowed],
  ['KEY_MISSING', missingKeys],
  ['KEY_NOT_ENCRYPTED', () => 'only encrypted root keys may be imported'],
  ['KEY_PASSPHRASE_MISSING', missingPassphrase],
  ['KEY_PASSPHRASE_TOO_SHORT', missingPassphrase],
  ['KEY_PASSPHRASE_WRONG', () => WRONG_PASSPHRASE],
  ['TLS_PAIR_INCOMPLETE', () => 'either pass both client key and cert, or neither'],
  ['TLS_FILE_INVALID', tlsFile],
]);

/** The sentence for a failure of work on a collection. */
export function sentenceFor(error: TabellionError, subject: Subject): string {
  return SENTENCES.get(error.code)?.(error, subject) ?? error.message;
}

/** The sentence for a failure of work on keys alone. */
export function keySentence(error: TabellionError): string {
  return sentenceFor(error, { gun: '', server: '' });
}

/** The sentence for anything that ended a command. */
export function failureSentence(error: unknown): string {
  if (error instanceof Fatal) return error.message;
  if (error instanceof TabellionError) return keySentence(error);
  return error instanceof Error ? error.message : String(error);
}

/** What is said of keys that are not there, or cannot be opened. */
export function noSigningKeys(ids: unknown): string {
  const list = Array.isArray(ids) ? ids.join(', ') : String(ids);
  return `could not find necessary signing keys, at least one of these keys must be available: ${list}`;
}

function authority(server: string): string {
  return /^[^:/]+:\/\/([^/?#]*)/.exec(server)?.[1] ?? server;
}

function unauthorized({ details, message }: TabellionError): string {
  const { username, schemes, reason } = details ?? {};
  if (reason === 'login-refused') {
    const [, said = 'login refused'] = /\(it says: (.*)\)$/s.exec(message) ?? [];
    return `unauthorized: ${said}`;
  }
  return username === undefined && Array.isArray(schemes) && schemes.includes('basic')
    ? 'no basic auth credentials'
    : 'you are not authorized to perform this operation: server returned 401.';
}

function notFound({ details }: TabellionError, { gun, server }: Subject): string | undefined {
  return details?.status === 404
    ? `${authority(server)} does not have trust data for ${gun}`
    : undefined;
}

/** A connection that ends without an answer. */
function cut({ code, details }: TabellionError): string | undefined {
  const { reason } = details ?? {};
  return code === 'RESPONSE_CUT' || reason === 'ECONNRESET' || reason === 'EPIPE'
    ? 'EOF'
    : undefined;
}

function unreachable({ details }: TabellionError): string | undefined {
  const status = details?.status;
  return typeof status === 'number'
    ? `unable to reach trust server at this time: ${status}.`
    : undefined;
}

const CHECKS: ReadonlyMap<unknown, string> = new Map([
  ['ErrValidation', 'An error occurred during validation'],
  ['ErrBadHierarchy', 'Metadata hierarchy is incomplete'],
  ['ErrBadRoot', 'The root metadata is invalid'],
  ['ErrBadTargets', 'The targets metadata is invalid'],
  ['ErrBadSnapshot', 'The snapshot metadata is invalid'],
]);

function rejected({ details, message }: TabellionError): string {
  const check = CHECKS.get(details?.check);
  if (check === undefined) return 'trust server rejected operation.';
  const at = message.toLowerCase().indexOf(check.replace('Metadata', 'the metadata').toLowerCase());
  const reason = at < 0 ? '' : message.slice(at).replace(/^[^:]*:? ?/, '');
  return `${check}: ${reason}`;
}

function invalidRole({ details }: TabellionError, reason: string): string | undefined {
  const role = details?.role;
  if (typeof role !== 'string') return undefined;
  return `tuf: invalid role ${printable(role)}. ${reason}`.trimEnd();
}

/** What was to be done with the role decides the words. */
function unknownRole(error: TabellionError): string | undefined {
  switch (error.details?.wanted) {
    case 'witness':
      return invalidRole(error, 'this role is not known');
    case 'create':
      return invalidRole(error, '');
    default:
      return invalidRole(error, 'delegation does not exist');
  }
}

function pathNotAllowed(error: TabellionError): string | undefined {
  return error.details?.name === undefined
    ? invalidRole(error, 'invalid paths to add to role')
    : 'Could not add all targets';
}

function unsupportedChange(error: TabellionError): string | undefined {
  const { role, type, action } = error.details ?? {};
  if (typeof role !== 'string') return undefined;
  if (role.endsWith('/*')) return invalidRole(error, 'does not exist');
  if (role === ROOT && type !== 'role') {
    return `type of root change not yet supported: ${String(type)}`;
  }
  if (role === ROOT) return `action not yet supported for root: ${String(action)}`;
  return role === TARGETS || role.startsWith(`${TARGETS}/`)
    ? `action not yet supported: ${String(action)}`
    : `scope not supported: ${printable(role)}`;
}

function rotationNotAllowed({ details }: TabellionError): string {
  const role = printable(String(details?.role));
  return details?.by === undefined
    ? `notary does not currently permit rotating the ${role} key`
    : `notary does not permit the ${String(details.by)} managing the ${role} key`;
}

function missingKeys({ details }: TabellionError): string | undefined {
  const ids = details?.keyIds;
  if (!Array.isArray(ids)) return undefined;
  return `signing keys not available: need 1 keys from ${ids.length} possible keys (${ids.join(', ')})`;
}

function missingPassphrase({ details }: TabellionError): string {
  return details?.purpose === 'unlock'
    ? WRONG_PASSPHRASE
    : 'maximum number of passphrase attempts exceeded';
}

function tlsFile(error: TabellionError): string {
  const prefix = 'unable to configure TLS: ';
  const file = String(error.details?.file);
  const quoted = JSON.stringify(file);
  const isMissing = errorCode(error) !== undefined;
  if (!error.message.startsWith('Cannot use the client ')) {
    return isMissing
      ? `${prefix}could not read CA certificate ${quoted}: ${goFileError(error, file)}`
      : `${prefix}failed to append certificates from PEM file: ${quoted}`;
  }
  return `${prefix}Could not load X509 key pair: ${isMissing ? goFileError(error, file) : pairProblem(error.message)}`;
}

function pairProblem(message: string): string {
  if (message.includes('not a certificate in PEM form')) {
    return 'tls: failed to find any PEM data in certificate input';
  }
  if (message.includes('does not belong to')) {
    return 'tls: private key does not match public key';
  }
  return message;
}
