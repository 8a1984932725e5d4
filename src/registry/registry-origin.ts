import { printable } from '../crypto/printable.ts';
import { ConnectionError, UsageError } from '../errors.ts';
import { isLoopback } from '../http/loopback.ts';
import type { HttpTransport } from '../http/transport.ts';
import { HUB_DOMAIN } from './image-reference.ts';

const HUB_REGISTRY_HOST = 'registry-1.docker.io';
const MAX_PING_BYTES = 1024 * 1024;
/** Failures of HTTPS that a server without TLS causes. A certificate that is not trusted is none of them. */
const PLAIN_AFTER: ReadonlySet<string> = new Set(['SERVER_UNREACHABLE', 'TLS_FAILED']);

/**
 * The origin of a registry.
 *
 * @param domain as in an image reference
 * @throws {UsageError} `REGISTRY_HOST_INVALID` when a URL cannot name that host as it is written: a
 *   number like `0x7f.1` would silently become another host
 */
export function registryUrl(domain: string, scheme: 'https' | 'http' = 'https'): URL {
  const host = domain === HUB_DOMAIN ? HUB_REGISTRY_HOST : domain;
  try {
    const url = new URL(`${scheme}://${host}/`);
    const typed = host.toLowerCase().replace(/:[0-9]+$/, '');
    // Only IPv6 has several ways of writing one address that are all plain to see.
    if (url.hostname === typed || typed.startsWith('[')) return url;
  } catch {
    // Told below.
  }
  throw new UsageError(
    'REGISTRY_HOST_INVALID',
    `“${printable(domain.slice(0, 300))}” cannot be the address of a registry`,
    { hint: 'Write the host name or IP address, with a port up to 65535 if it needs one.' },
  );
}

/**
 * Finds out whether a registry is reached by HTTPS or, where that is allowed, by plain HTTP. HTTPS is
 * tried first; a certificate that is not trusted never leads to plain HTTP. No credentials are sent.
 *
 * @param plainAllowed also for hosts that are not loopback
 * @throws {ConnectionError} of the transport
 */
export async function findOrigin(
  transport: HttpTransport,
  domain: string,
  plainAllowed: boolean,
): Promise<URL> {
  const https = registryUrl(domain);
  if (!plainAllowed && !isLoopback(https.hostname)) return https;
  try {
    await ping(transport, https);
    return https;
  } catch (error) {
    if (!(error instanceof ConnectionError) || !PLAIN_AFTER.has(error.code)) throw error;
    const http = registryUrl(domain, 'http');
    const status = await ping(transport, http);
    // A TLS server answers 400 to plain HTTP: then HTTPS was right, and its failure is what counts.
    if (status === 400) throw error;
    return http;
  }
}

async function ping(transport: HttpTransport, origin: URL): Promise<number> {
  const response = await transport.request({
    method: 'GET',
    url: new URL('/v2/', origin),
    maxBytes: MAX_PING_BYTES,
    retry: false,
  });
  return response.status;
}
