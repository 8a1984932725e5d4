import { printable } from '../crypto/printable.ts';
import { ConnectionError } from '../errors.ts';

/** How far an exchange had come: connecting (with a proxy's tunnel), TLS handshake, waiting for the answer, reading its body. */
export type Stage = 'connect' | 'tls' | 'answer' | 'body';

export interface FailureContext {
  readonly url: URL;
  readonly stage: Stage;
  /** `host:port` of the proxy in between. */
  readonly proxy: string | undefined;
  /** The request went out on a connection that had been used before. */
  readonly reused: boolean;
}

const UNKNOWN_ISSUER: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

/** Names of OpenSSL's verification results that are not told apart below (openssl-verification-options(1)). */
const OTHER_UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
]);

/** Reasons of an unreachable server that may pass within a second. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'PROXY_UNAVAILABLE',
]);

/** Turns what node reports about a failed exchange into an error that says what to do. */
export function connectionFailure(error: unknown, context: FailureContext): ConnectionError {
  const code = errorCode(error);
  const untrusted = untrustedCertificate(code, error, context);
  if (untrusted !== undefined) return untrusted;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return tlsFailed(code, error, context);
  }
  if (code.startsWith('HPE_')) {
    return new ConnectionError(
      'RESPONSE_INVALID',
      `${context.url.host} did not answer with HTTP (${code === 'HPE_HEADER_OVERFLOW' ? 'its headers are too large' : code})`,
      {
        hint: 'Is the address that of a trust server or registry, with the right port?',
        cause: error,
        details: details(code, context),
      },
    );
  }
  if (context.stage === 'body') return responseCut(code, context, error);
  return unreachable(code, context, error);
}

/** The server could not be reached: the only kind of failure after which cached data may be shown. */
export function unreachable(
  reason: string,
  context: FailureContext,
  cause?: unknown,
): ConnectionError {
  const { host } = context.url;
  const target =
    context.proxy !== undefined && context.stage === 'connect'
      ? `${host} through the proxy ${context.proxy}`
      : host;
  return new ConnectionError('SERVER_UNREACHABLE', `Cannot reach ${target}: ${words(reason)}`, {
    hint: unreachableHint(reason, context),
    ...(cause === undefined ? {} : { cause }),
    details: details(reason, context),
  });
}

/** The answer ended before its end. */
export function responseCut(
  reason: string,
  context: FailureContext,
  cause?: unknown,
): ConnectionError {
  return new ConnectionError(
    'RESPONSE_CUT',
    `The answer of ${context.url.host} broke off: ${words(reason)}`,
    {
      hint: 'Try again; if it happens each time, look at the server and at proxies in between.',
      ...(cause === undefined ? {} : { cause }),
      details: details(reason, context),
    },
  );
}

/** What a proxy said instead of making a tunnel. Nothing of it may ever pass as the server's answer. */
export function proxyRefused(status: number, context: FailureContext): ConnectionError {
  // A gateway that cannot get through says in another way that the server is not reachable.
  if (status === 502 || status === 503 || status === 504) {
    return unreachable('PROXY_UNAVAILABLE', context);
  }
  return new ConnectionError(
    'PROXY_REFUSED',
    `The proxy ${context.proxy ?? ''} refused to connect to ${context.url.host} (${status})`,
    {
      hint:
        status === 407
          ? 'The proxy wants a login: write it as http://user:password@host:port in HTTPS_PROXY.'
          : `Ask the proxy's administrator, or list ${context.url.hostname} in NO_PROXY.`,
      details: { ...details('PROXY_REFUSED', context), status },
    },
  );
}

/** Whether another try of a read, a moment later, may succeed. Silence is not repeated: it has been waited out already. */
export function isTransient(error: ConnectionError): boolean {
  return error.code === 'SERVER_UNREACHABLE' && TRANSIENT.has(reasonOf(error));
}

/** Whether a read only met the end of a connection that had been left open. */
export function wasStale(error: ConnectionError): boolean {
  return (
    error.code === 'SERVER_UNREACHABLE' &&
    error.details?.reused === true &&
    (reasonOf(error) === 'ECONNRESET' || reasonOf(error) === 'EPIPE')
  );
}

/** Whether the certificate was refused for nothing but that its issuer is not known. */
export function issuerIsUnknown(error: ConnectionError): boolean {
  return error.code === 'TLS_UNTRUSTED' && UNKNOWN_ISSUER.has(reasonOf(error));
}

/** Whether the request may have come through to the server although it failed. */
export function mayHaveArrived(error: ConnectionError): boolean {
  const { stage } = error.details ?? {};
  return stage === 'answer' || stage === 'body';
}

function reasonOf(error: ConnectionError): string {
  return String(error.details?.reason);
}

function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'UNKNOWN';
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Several addresses were tried: the first failure stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  return 'UNKNOWN';
}

function details(reason: string, context: FailureContext): Record<string, unknown> {
  return {
    host: context.url.host,
    reason,
    stage: context.stage,
    ...(context.proxy === undefined ? {} : { proxy: context.proxy }),
    ...(context.reused ? { reused: true } : {}),
  };
}

function untrustedCertificate(
  code: string,
  error: unknown,
  context: FailureContext,
): ConnectionError | undefined {
  const { host, hostname } = context.url;
  const make = (problem: string, hint: string) =>
    new ConnectionError(
      'TLS_UNTRUSTED',
      `The TLS certificate of ${host} is not trusted: ${problem}`,
      {
        hint,
        cause: error,
        details: details(code, context),
      },
    );
  const authority = `Give the authority's certificate with --tls-ca FILE, or put it as ca.crt into the folder tls/${host}/ of Docker's configuration (~/.docker).`;
  if (code === 'DEPTH_ZERO_SELF_SIGNED_CERT') return make('it is self-signed', authority);
  if (UNKNOWN_ISSUER.has(code)) return make('it was issued by an unknown authority', authority);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = certificateNames(error);
    return make(
      `it is not for the name ${hostname}${names === '' ? '' : ` but for ${names}`}`,
      'Use a name that the certificate is for; neither --tls-ca nor the tls folder of Docker helps here.',
    );
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return make(
      'it has expired',
      "Check this machine's clock; else the server's administrator has to renew it (--tls-ca and Docker's tls folder do not help here).",
    );
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return make('it is not yet valid', "Check this machine's clock.");
  }
  return OTHER_UNTRUSTED.has(code) ? make(code, authority) : undefined;
}

function certificateNames(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('cert' in error)) return '';
  const { cert } = error;
  if (typeof cert !== 'object' || cert === null || !('subjectaltname' in cert)) return '';
  const names = String(cert.subjectaltname).replaceAll(/\b(?:DNS|IP Address):/g, '');
  return printable(names.length > 200 ? `${names.slice(0, 200)}…` : names);
}

function tlsFailed(code: string, error: unknown, context: FailureContext): ConnectionError {
  const reason = tlsReason(error) ?? code;
  return new ConnectionError(
    'TLS_FAILED',
    `No TLS connection with ${context.url.host} came about: ${printable(reason)}`,
    {
      hint: tlsHint(`${code} ${reason}`),
      cause: error,
      details: details(code, context),
    },
  );
}

/** OpenSSL's words: by themselves, or as the last part of a line such as `write EPROTO 40…:error:…:wrong version number:…`. */
function tlsReason(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('reason' in error && typeof error.reason === 'string') return error.reason;
  return /:error:[^:]*:[^:]*:[^:]*:([^:]+):/.exec(error.message)?.[1] ?? undefined;
}

function tlsHint(reason: string): string {
  if (/wrong.version.number|packet.length.too.long|http.request|record.overflow/i.test(reason)) {
    return 'The server seems to speak plain http on this port: is it the right port?';
  }
  if (/certificate.required|bad.certificate|handshake.failure|unknown.ca/i.test(reason)) {
    return 'The server may want a client certificate: give it with --tls-cert and --tls-key, or in the tls folder of Docker.';
  }
  return 'Check the port, and that the server speaks TLS 1.2 or later.';
}

function words(reason: string): string {
  switch (reason) {
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection was closed from the other side';
    case 'ENOTFOUND':
      return 'there is no host of that name';
    case 'EAI_AGAIN':
      return 'the name could not be looked up at the moment';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
      return 'there is no route to it';
    case 'ETIMEDOUT':
      return 'it did not answer in time';
    case 'CONNECT_TIMEOUT':
      return 'the connection was not made in time';
    case 'TLS_TIMEOUT':
      return 'the TLS handshake was not done in time';
    case 'IDLE_TIMEOUT':
      return 'nothing came for too long';
    case 'TOTAL_TIMEOUT':
      return 'it took too long in all';
    case 'PROXY_UNAVAILABLE':
      return 'the proxy could not connect to it';
    default:
      return reason;
  }
}

function unreachableHint(reason: string, context: FailureContext): string {
  if (context.proxy !== undefined) {
    return `Check the proxy ${context.proxy} (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) and the address.`;
  }
  if (reason === 'ENOTFOUND' || reason === 'EAI_AGAIN') {
    return 'Check the spelling of the name and the network; behind a proxy set HTTPS_PROXY.';
  }
  return 'Check the address and port, and that the server runs; behind a proxy set HTTPS_PROXY.';
}
