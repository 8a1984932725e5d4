import { isIPv4 } from 'node:net';

/** Whether a host name, as in `URL.hostname` or bare, is this machine by its very spelling: nothing is looked up. */
export function isLoopback(hostname: string): boolean {
  const host = bareHost(hostname).toLowerCase();
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** A host name without the brackets that an IPv6 address has inside a URL. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
}
