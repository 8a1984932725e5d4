import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  OperationError,
  type TabellionError,
  TrustError,
} from '../../src/errors.ts';
import { explainFailure } from '../../src/operations/explain-failure.ts';

const NOW = new Date('2026-11-22T00:00:00Z');
const connection = (code: string, details: Record<string, unknown> = {}) =>
  new ConnectionError(code, 'It failed', { hint: 'First.', details });

function hintOf(
  error: TabellionError,
  domain: string,
  { server, path = 'team/app', now = NOW }: { server?: string; path?: string; now?: Date } = {},
): string {
  const context = {
    domain,
    now,
    ...(server === undefined ? {} : { server, gun: `${domain}/${path}` }),
  };
  return explainFailure(error, context).hint ?? '';
}

describe('a failure of a provider', () => {
  it('whose trust server is gone says since when, or until when it is there', () => {
    const unknown = () => connection('SERVER_UNREACHABLE', { reason: 'ENOTFOUND' });
    const hub = { server: 'https://notary.docker.io' };
    expect(hintOf(unknown(), 'docker.io', hub)).toMatch(/^First\. .*will .* on 2026-12-08\.$/);
    const later = { ...hub, now: new Date('2026-12-08T00:00:00Z') };
    expect(hintOf(unknown(), 'docker.io', later)).toContain('was switched off on 2026-12-08');
    for (const error of [
      connection('SERVER_UNREACHABLE', { reason: 'ECONNREFUSED' }),
      connection('TLS_UNTRUSTED'),
      connection('NOT_A_TRUST_SERVER'),
      new TrustError('NO_TRUST_DATA', 'None'),
    ]) {
      expect(hintOf(error, 'docker.io', later)).toContain('was switched off on 2026-12-08');
    }
    const ibm = { server: 'https://de.icr.io' };
    expect(hintOf(unknown(), 'de.icr.io', ibm)).toContain('switched off on 2021-11-01');
    expect(hintOf(unknown(), 'de.icr.io', ibm)).not.toContain('4443');
  });

  it('says nothing of its trust server when another one was asked, or the registry', () => {
    const failures = () => connection('SERVER_UNREACHABLE', { reason: 'ECONNREFUSED' });
    expect(hintOf(failures(), 'docker.io', { server: 'https://trust.example' })).toBe('First.');
    expect(hintOf(failures(), 'docker.io')).toBe('First.');
  });

  it('tells where its trust server is, when it is not where it was looked for', () => {
    const harbor = { realm: 'https://h.example/service/token', service: 'harbor-registry' };
    const error = connection('NOT_A_TRUST_SERVER', harbor);
    expect(hintOf(error, 'h.example', { server: 'https://h.example' })).toContain(
      'the trust server is https://h.example:4443',
    );
    const right = connection('NOT_A_TRUST_SERVER', harbor);
    const hint = hintOf(right, 'h.example', { server: 'https://h.example:4443' });
    expect(hint).not.toContain('--server');
  });

  it('tells how to log in', () => {
    const missing = () => connection('UNAUTHORIZED', { reason: 'login-missing' });
    expect(hintOf(missing(), 'contoso.azurecr.io')).toContain('az acr login --name contoso');
    expect(hintOf(missing(), 'de.icr.io')).toContain('iamapikey');
    expect(hintOf(missing(), 'docker.io')).toContain('access token');
    expect(hintOf(missing(), 'localhost:5000')).toBe('First.');
  });

  it('tells what a denial means', () => {
    for (const error of [
      connection('FORBIDDEN'),
      connection('UNAUTHORIZED', { reason: 'scope-insufficient' }),
    ]) {
      const domain = 'contoso.azurecr.io';
      expect(hintOf(error, domain, { server: `https://${domain}` })).toContain('AcrImageSigner');
    }
    expect(hintOf(connection('FORBIDDEN'), 'contoso.azurecr.io')).toContain('AcrPull');
    const ibm = connection('FORBIDDEN', { path: 'team/app' });
    expect(hintOf(ibm, 'de.icr.io')).toContain('namespace team,');
    const hub = connection('FORBIDDEN', { path: 'team/app' });
    expect(hintOf(hub, 'docker.io')).toContain('docker.io/team/app exists');
    expect(hub.details).toMatchObject({ provider: 'docker-hub' });
  });

  it('tells what a missing namespace means', () => {
    const missing = (path: string) =>
      new OperationError('IMAGE_NOT_FOUND', 'None', { details: { path } });
    expect(hintOf(missing('team/app'), 'de.icr.io')).toContain('namespace team');
    const unknown = hintOf(missing('team/\u001b[31m'), 'docker.io');
    expect(unknown).toContain('“team”');
    expect(unknown).not.toContain('\u001b');
  });

  it('that means the same everywhere is left as it is', () => {
    for (const error of [
      connection('UNAUTHORIZED', { reason: 'token-invalid' }),
      new OperationError('VERSION_CONFLICT', 'Conflict', { hint: 'First.' }),
    ]) {
      expect(hintOf(error, 'docker.io')).toBe('First.');
    }
  });
});
