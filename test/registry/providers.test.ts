import { describe, expect, it } from 'vitest';
import { endedOn, PROVIDERS, providerOf, stateOf } from '../../src/registry/providers.ts';

const day = (text: string): Date => new Date(`${text}T12:00:00Z`);

describe('a provider', () => {
  it.each([
    ['docker.io', 'docker-hub'],
    ['registry-1.docker.io', 'docker-hub'],
    ['mydocker.io', 'self-hosted'],
    ['registry.hub.docker.com', 'self-hosted'],
    ['contoso.azurecr.io', 'azure'],
    ['Contoso.Azurecr.IO:443', 'azure'],
    ['contoso.azurecr.cn', 'azure'],
    ['azurecr.io', 'self-hosted'],
    ['contoso.azurecr.io.example', 'self-hosted'],
    ['icr.io', 'ibm-cloud'],
    ['de.icr.io', 'ibm-cloud'],
    ['private.us.icr.io', 'ibm-cloud'],
    ['registry.ng.bluemix.net', 'ibm-cloud'],
    ['registry.bluemix.net', 'ibm-cloud'],
    ['notmicr.io', 'self-hosted'],
    ['localhost:5000', 'self-hosted'],
    ['[::1]:5000', 'self-hosted'],
  ])('of %s is %s', (domain, id) => {
    expect(providerOf(domain).id).toBe(id);
  });

  it('is known by the way in which it asks for a login', () => {
    const of = (realm: string, service: string) => providerOf('r.example', { realm, service }).id;
    expect(of('https://r.example/service/token', 'harbor-registry')).toBe('harbor');
    expect(of('https://elsewhere.example/t', 'harbor-notary')).toBe('harbor');
    expect(of('https://r.example/auth/token', 'r.example')).toBe('msr');
    expect(of('https://elsewhere.example/auth/token', 'r.example')).toBe('self-hosted');
    expect(of('no address', '')).toBe('self-hosted');
  });
});

describe('the state of content trust', () => {
  const of = (domain: string, date: string) => stateOf(providerOf(domain), day(date));

  it('at Docker Hub goes to its end', () => {
    expect(of('docker.io', '2026-07-13')).toContain('announced');
    expect(of('docker.io', '2026-08-11')).toMatch(/test from 2026-08-10 to 2026-08-12\. .*will/);
    expect(of('docker.io', '2026-11-22')).toBe(
      'Docker will switch its trust server notary.docker.io off on 2026-12-08.',
    );
    for (const date of ['2026-12-08', '2030-01-01']) {
      expect(of('docker.io', date)).toMatch(/was switched off on 2026-12-08\.$/);
    }
    expect(endedOn(providerOf('docker.io'), day('2026-12-07'))).toBeUndefined();
    expect(endedOn(providerOf('docker.io'), day('2026-12-08'))).toBe('2026-12-08');
  });

  it('at Azure and IBM Cloud is told with its days', () => {
    expect(of('a.azurecr.io', '2026-11-22')).toMatch(
      /closed .* on 2026-05-31\. .* on 2028-03-31\.$/,
    );
    expect(of('a.azurecr.io', '2028-03-31')).toBe('Azure removed content trust on 2028-03-31.');
    expect(of('de.icr.io', '2026-11-22')).toMatch(/were switched off on 2021-11-01\.$/);
    expect(of('localhost:5000', '2026-11-22')).toBeUndefined();
  });

  it('has its days in order', () => {
    for (const { milestones } of PROVIDERS) {
      const dates = milestones.map(({ date }) => date);
      expect(dates).toEqual([...dates].sort());
      for (const date of dates) expect(day(date).toISOString().slice(0, 10)).toBe(date);
    }
  });
});
