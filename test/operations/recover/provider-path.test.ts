import { describe, expect, it } from 'vitest';
import {
  type Place,
  providerPath,
  ticketText,
} from '../../../src/operations/recover/provider-path.ts';

const NOW = new Date('2026-11-26T00:00:00Z');

function place(provider: Place['provider'], domain: string, others: string[] = []): Place {
  return {
    domain,
    server: `https://${domain}`,
    provider,
    repositories: [`${domain}/ns/app`, `${domain}/ns/db`, `${domain}/second/app`],
    others,
  };
}

describe('the path of a provider', () => {
  it.each(['harbor', 'msr', 'self-hosted'] as const)(
    '%s: through the API, with a text for the operator',
    id => {
      const path = providerPath(place(id, 'reg.example'), { now: NOW });
      expect(path).toMatchObject({ removal: 'api', deletesOthers: false, commands: [] });
      expect(ticketText(path, ['reg.example/ns/app'])).toContain('reg.example/ns/app');
    },
  );

  it('IBM Cloud: a ticket with the account and the namespaces, and Image Enforcement restarted', () => {
    const path = providerPath(place('ibm-cloud', 'us.icr.io'), { now: NOW, account: 'abc123' });
    expect(path.removal).toBe('person');
    expect(path.ticket).toContain('Account ID: abc123');
    expect(path.ticket).toMatch(/ {2}ns\n {2}second$/m);
    expect(path.consumerCommands.join('\n')).toContain(
      'kubectl rollout restart deployment cise-ibmcloud-image-enforcement -n ibm-system',
    );
    // Its trust servers are gone: said, not found out by a DNS error.
    expect(path.explanation.join(' ')).toContain('2021-11-01');
  });

  it('IBM Cloud: a namespace with repositories under other roots is not deleted', () => {
    const shared = place('ibm-cloud', 'us.icr.io', ['us.icr.io/second/other']);
    const path = providerPath(shared, { now: NOW, path: 'namespace' });
    expect(path.commands).toEqual(['ibmcloud cr namespace-rm ns', 'ibmcloud cr namespace-add ns']);
    expect(path.explanation.join(' ')).toContain('Do not do it for second');
  });

  it('Azure: says what else is deleted, and since when disabling may be for ever', () => {
    const others = ['team.azurecr.io/other'];
    const before = providerPath(place('azure', 'team.azurecr.io', others), {
      now: new Date('2026-05-30T00:00:00Z'),
    });
    expect(before.deletesOthers).toBe(true);
    expect(before.explanation.join(' ')).toContain('team.azurecr.io/other');
    expect(before.commands[0]).toBe(
      'az acr config content-trust update --registry team --status disabled',
    );
    expect(before.ticket).toBeUndefined();
    const after = providerPath(place('azure', 'team.azurecr.io', others), { now: NOW });
    expect(after.explanation[0]).toContain('ContentTrustUnsupported');
    expect(after.ticket).toContain('Please confirm');
  });

  it('Docker Hub: support, and the day on which its trust server ends', () => {
    const path = providerPath(place('docker-hub', 'docker.io'), { now: NOW });
    expect(path.removal).toBe('person');
    expect(path.explanation.join(' ')).toContain('2026-12-08');
  });
});
