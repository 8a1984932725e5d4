import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';

const HUB = 'docker.io';
const HUB_SERVER = 'https://notary.docker.io';

/**
 * The trust server of a registry, without a final slash (cli.md 3.3).
 *
 * @param domain the registry's domain, with its port, as in an image reference
 * @param override the server that was named instead, as by `--server` or `DOCKER_CONTENT_TRUST_SERVER`
 * @throws UsageError `SERVER_URL_INVALID`
 */
export function trustServerUrl(domain: string, override?: string): string {
  const text = override?.trim();
  if (text) return checkServerUrl(text);
  return domain === HUB ? HUB_SERVER : checkServerUrl(`https://${domain}`);
}

/** `host[:port]` of a server's URL as it is written there: Docker names its folders for TLS by it. */
export function serverAuthority(url: string): string {
  return /^[^:/]+:\/\/([^/?#]*)/.exec(url)?.[1] ?? '';
}

/**
 * Checks the URL of a trust server: https, a host, perhaps a path, and nothing else.
 *
 * @returns the URL without slashes at its end: `//v2/` is another address than `/v2/`.
 * @throws UsageError `SERVER_URL_INVALID`
 */
export function checkServerUrl(text: string): string {
  const hint = 'Write it like https://notary.example.com:4443';
  if (!URL.canParse(text)) {
    throw invalid(`“${shown(text)}” is not the URL of a trust server`, hint);
  }
  const url = new URL(text);
  // Nothing of a URL with a password is shown.
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      `The URL of the trust server ${url.host} has a user name or password in it`,
      'Log in with docker login, or set NOTARY_AUTH, and leave the URL without them.',
    );
  }
  if (url.protocol === 'http:') {
    throw invalid(
      `The trust server “${shown(text)}” must be reached by https, never by plain http`,
      hint,
    );
  }
  if (url.protocol !== 'https:' || !/^https:\/\//i.test(text)) {
    throw invalid(`“${shown(text)}” is not an https URL`, hint);
  }
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) {
    throw invalid(`The URL of the trust server “${shown(text)}” has a query or fragment`, hint);
  }
  return text.replace(/^https/i, 'https').replace(/\/+$/, '');
}

function invalid(message: string, hint: string): UsageError {
  return new UsageError('SERVER_URL_INVALID', message, { hint });
}

function shown(text: string): string {
  // The part before an “@” may hold a password even where the whole is no URL.
  return printable(text.slice(0, 200)).replace(/^.*@/, '…@');
}
