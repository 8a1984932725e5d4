/** Asking the trust server whether it is there, as the first thing of every command that needs it. */
import { ConnectionError } from '../../errors.ts';
import type { Session } from '../../operations/session.ts';
import { goQuote } from './command-line/go-values.ts';
import type { NotaryContext } from './context.ts';
import { Fatal } from './fatal.ts';
import type { Settings } from './settings.ts';

const OFFLINE = 'client is offline';
const NOT_UPDATED = 'Could not publish Repository since we could not update';

/**
 * - `reachable`: it answers.
 * - `unreachable`: nothing answers at all; the cached copy may serve.
 * - `refused`: it cannot be believed, or refuses; nothing serves in its place.
 * - `web-page`: a web page answers.
 */
export type Reach = 'reachable' | 'unreachable' | 'refused' | 'web-page';

/**
 * Asks the server whether it is there; what is wrong goes to the log.
 * @throws Fatal, TabellionError for settings that cannot be used
 */
export async function reach(context: NotaryContext, session: Session, gun: string): Promise<Reach> {
  const settings = await context.settings();
  checkSetUp(settings);
  if (settings.skipTlsVerify) {
    context.log.warning(
      'remote_server.skipTLSVerify is not honoured: TLS certificates are always verified',
    );
  }
  const unsupported = unsupportedScheme(settings.server);
  if (unsupported !== undefined) {
    context.log.error(`could not reach ${settings.server}: ${unsupported}`);
    return 'refused';
  }
  const access = await session.repositoryByGun(gun);
  try {
    await access.remote.ping();
    return 'reachable';
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    if (error.code === 'NOT_A_TRUST_SERVER' && error.details?.status === 200) {
      return 'web-page';
    }
    const { server } = settings;
    context.log.error(`could not reach ${server}: ${reason(error, server)}`);
    context.log.info('continuing in offline mode');
    return error.code === 'SERVER_UNREACHABLE' ? 'unreachable' : 'refused';
  }
}

/** Only https is spoken: logins would cross anything else in clear. */
function unsupportedScheme(server: string): string | undefined {
  const [, scheme = '', rest = ''] = /^([^:]+):(.*)$/s.exec(server) ?? [];
  if (/^https$/i.test(scheme)) return undefined;
  if (/^http$/i.test(scheme)) return 'plain http is not spoken; name the server with https';
  const url = rest.startsWith('//') ? `${server}/v2/` : `${scheme}:///v2/`;
  return `Get ${goQuote(url)}: unsupported protocol scheme ${goQuote(scheme)}`;
}

/** What the logger says when a change could not begin with what the server has. */
export function notUpdated(why: string): string {
  return `${NOT_UPDATED}: ${why}`;
}

/** @throws Fatal in the order in which the original looks at these settings */
function checkSetUp({ server, tlsCert, tlsKey }: Settings): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new Fatal('either pass both client key and cert, or neither');
  }
  if (/^:/.test(server)) {
    const problem = `parse ${goQuote(server)}: missing protocol scheme`;
    throw new Fatal(`Could not parse remote trust server url (${server}): ${problem}`);
  }
  if (!/^[a-z][a-z0-9+.-]*:/i.test(server)) {
    throw new Fatal(`Trust server url has to be in the form of http(s)://URL:PORT. Got: ${server}`);
  }
}

/** The failure of a command that needs the server, or a cached copy that is not there. */
export function notReached(found: Reach, cause?: unknown): Fatal {
  return new Fatal(
    found === 'web-page' ? "invalid character '<' looking for beginning of value" : OFFLINE,
    cause,
  );
}

/** Why the server was not reached, in the words of Go's HTTP client. */
function reason(error: ConnectionError, server: string): string {
  const { status } = error.details ?? {};
  if (typeof status === 'number') return String(status);
  const url = `${server.replace(/\/+$/, '')}/v2/`;
  return `Get ${JSON.stringify(url)}: ${networkReason(error, new URL(url))}`;
}

function networkReason(error: ConnectionError, url: URL): string {
  const port = url.port || '443';
  const cause = firstOf(error.cause);
  const address = `${cause?.address ?? url.hostname}:${cause?.port ?? port}`;
  switch (error.details?.reason) {
    case 'ECONNREFUSED':
      return `dial tcp ${address}: connect: connection refused`;
    case 'EHOSTUNREACH':
      return `dial tcp ${address}: connect: no route to host`;
    case 'ENETUNREACH':
      return `dial tcp ${address}: connect: network is unreachable`;
    case 'ENOTFOUND':
      return `dial tcp: lookup ${url.hostname}: no such host`;
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${url.hostname}: Temporary failure in name resolution`;
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'x509: certificate signed by unknown authority';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'EOF';
    default:
      return error.code === 'RESPONSE_CUT' ? 'EOF' : error.message;
  }
}

interface SocketFailure {
  readonly address?: unknown;
  readonly port?: unknown;
}

/** Several addresses of a name may have been tried: the last failure is the one that is told. */
function firstOf(cause: unknown): SocketFailure | undefined {
  if (cause instanceof AggregateError) return firstOf(cause.errors.at(-1));
  return cause instanceof Error ? (cause as SocketFailure) : undefined;
}
