import { BlockList, isIP } from 'node:net';
import { UsageError } from '../errors.ts';
import { bareHost, isLoopback } from './loopback.ts';

/**
 * The proxy for a URL, by the rules of Go's programs (`notary`, `docker`), which differ from those of most others: a
 * domain in `NO_PROXY` covers its subdomains, address ranges count, and `ALL_PROXY` does not.
 *
 * @returns undefined when no variable applies; loopback is never proxied.
 * @throws UsageError `PROXY_INVALID`. The value is not shown: it may hold a password.
 * @see package golang.org/x/net/http/httpproxy
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = variable(env, name);
  if (value === '' || isLoopback(url.hostname)) return undefined;
  if (isExcluded(url, variable(env, 'NO_PROXY'))) return undefined;
  // Without a scheme Go takes http, whatever it is for.
  const proxy = parse(value.includes('://') ? value : `http://${value}`);
  if (proxy === undefined) {
    throw new UsageError('PROXY_INVALID', `${name} does not hold the address of a proxy`, {
      hint: `Set ${name} to something like http://proxy.example.com:3128, or list ${url.hostname} in NO_PROXY.`,
    });
  }
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    throw new UsageError(
      'PROXY_INVALID',
      `${name} names a proxy of the kind “${proxy.protocol.slice(0, -1)}”; only http and https are supported`,
    );
  }
  return proxy;
}

function variable(env: NodeJS.ProcessEnv, name: string): string {
  return (env[name] || env[name.toLowerCase()] || '').trim();
}

function parse(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.hostname === '' ? undefined : url;
}

function isExcluded(url: URL, noProxy: string): boolean {
  const host = bareHost(url.hostname).toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy.split(',').some(entry => matches(entry.trim().toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  if (entry.includes('/')) return inRange(entry, host);
  const { name, entryPort } = splitPort(entry);
  if (entryPort !== undefined && entryPort !== port) return false;
  if (isIP(name) !== 0) return name === host;
  const suffix = name.startsWith('*.') ? name.slice(1) : name;
  if (suffix.startsWith('.')) return host.endsWith(suffix);
  return host === suffix || host.endsWith(`.${suffix}`);
}

function splitPort(entry: string): { name: string; entryPort: string | undefined } {
  if (isIP(entry) !== 0) return { name: entry, entryPort: undefined };
  const colon = /^(.*):([0-9]+)$/.exec(entry);
  return { name: bareHost(colon?.[1] ?? entry), entryPort: colon?.[2] };
}

function inRange(entry: string, host: string): boolean {
  const family = isIP(host);
  const slash = entry.indexOf('/');
  const network = entry.slice(0, slash);
  const prefix = Number(entry.slice(slash + 1));
  if (family === 0 || isIP(network) !== family) return false;
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) return false;
  const range = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  range.addSubnet(network, prefix, type);
  return range.check(host, type);
}
