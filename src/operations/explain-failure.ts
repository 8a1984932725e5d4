/** Adds to a failure what is known of the service that failed: what it means there, and what to try. */
import { printable } from '../crypto/printable.ts';
import type { TabellionError } from '../errors.ts';
import {
  type AdviceSubject,
  endedOn,
  type FailureKind,
  type Provider,
  providerOf,
  stateOf,
} from '../registry/providers.ts';

export interface FailureContext {
  /** The registry of the image. */
  readonly domain: string;
  /** The trust server, when it is what failed; absent for the registry. */
  readonly server?: string;
  readonly gun?: string;
  readonly now: Date;
}

/** Failures after which it matters whether the trust server still exists, or is somewhere else. */
const ABOUT_THE_SERVER: ReadonlySet<FailureKind> = new Set<FailureKind>([
  'host-unknown',
  'unreachable',
  'tls-untrusted',
  'not-found',
  'no-trust-data',
]);

/** The same error, with one or more sentences of the provider's. */
export function explainFailure(error: TabellionError, context: FailureContext): TabellionError {
  const kind = kindOf(error);
  if (kind === undefined) return error;
  const { domain, server, now } = context;
  const provider = providerOf(domain, {
    ...text('realm', error.details?.realm),
    ...text('service', error.details?.service),
  });
  const subject: AdviceSubject = {
    domain: printable(domain),
    trustServer: server !== undefined,
    ...(context.gun?.startsWith(`${domain}/`)
      ? { path: printable(context.gun.slice(domain.length + 1)) }
      : text('path', error.details?.path)),
  };
  const sentences = [
    ...(server === undefined ? [] : aboutServer(provider, kind, domain, server, now)),
    ...(kind === 'login-missing' && provider.id !== 'self-hosted'
      ? [provider.login(subject.domain)]
      : []),
    ...(provider.advice[kind] === undefined ? [] : [provider.advice[kind](subject)]),
  ];
  if (provider.id !== 'self-hosted') error.noting({ provider: provider.id });
  for (const sentence of sentences) error.advising(sentence);
  return error;
}

/** That the provider's trust server is gone, or is at another address, when it is the provider's that was asked. */
function aboutServer(
  provider: Provider,
  kind: FailureKind,
  domain: string,
  server: string,
  now: Date,
): string[] {
  if (!ABOUT_THE_SERVER.has(kind) || !isProviders(provider, domain, server)) return [];
  const state = stateOf(provider, now);
  const sentences = state === undefined ? [] : [state];
  const override = provider.overrideFor?.(domain);
  if (override !== undefined && override !== server && endedOn(provider, now) === undefined) {
    sentences.push(
      `At ${provider.name} the trust server is ${printable(override)}: name it with --server or DOCKER_CONTENT_TRUST_SERVER.`,
    );
  }
  return sentences;
}

/** A server of one's own, which also signs for images at a provider, does not end with that provider's. */
function isProviders(provider: Provider, domain: string, server: string): boolean {
  const { hostname } = new URL(server);
  if (provider.id === 'docker-hub') return hostname === 'notary.docker.io';
  return hostname === domain.toLowerCase().replace(/:\d+$/, '');
}

function kindOf(error: TabellionError): FailureKind | undefined {
  const { details } = error;
  switch (error.code) {
    case 'UNAUTHORIZED':
      if (details?.reason === 'login-missing') return 'login-missing';
      if (details?.reason === 'scope-insufficient') return 'denied';
      return details?.reason === 'login-refused' ? 'login-refused' : undefined;
    case 'FORBIDDEN':
      return 'denied';
    case 'SERVER_UNREACHABLE':
      return details?.reason === 'ENOTFOUND' ? 'host-unknown' : 'unreachable';
    case 'TLS_UNTRUSTED':
      return 'tls-untrusted';
    case 'TOKEN_SERVER_UNREACHABLE':
    case 'TOKEN_SERVER_ERROR':
      return 'token-server-down';
    case 'IMAGE_NOT_FOUND':
    case 'NOT_A_TRUST_SERVER':
      return 'not-found';
    case 'NO_TRUST_DATA':
      return 'no-trust-data';
    default:
      return undefined;
  }
}

function text<N extends string>(name: N, value: unknown): { [K in N]?: string } {
  return (typeof value === 'string' ? { [name]: value } : {}) as { [K in N]?: string };
}
