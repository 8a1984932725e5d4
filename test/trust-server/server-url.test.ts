import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { serverAuthority, trustServerUrl } from '../../src/trust-server/server-url.ts';

describe('the trust server of a registry', () => {
  it.each([
    ['docker.io', undefined, 'https://notary.docker.io'],
    ['docker.io', '', 'https://notary.docker.io'],
    ['localhost:5000', undefined, 'https://localhost:5000'],
    ['[::1]:5000', undefined, 'https://[::1]:5000'],
    ['Example.Com:443', undefined, 'https://Example.Com:443'],
    ['registry.hub.docker.com', undefined, 'https://registry.hub.docker.com'],
    ['localhost:5000', 'https://h:4443', 'https://h:4443'],
    ['localhost:5000', 'https://h:4443/', 'https://h:4443'],
    ['localhost:5000', 'HTTPS://h/prefix//', 'https://h/prefix'],
  ])('%s with %s is %s', (domain, override, url) => {
    expect(trustServerUrl(domain, override)).toBe(url);
  });

  it.each([
    'http://h',
    'h:4443',
    'ftp://h',
    'https://',
    'https:h',
    'https://h?x',
    'https://h/#x',
    'https://h/?',
    'nonsense',
  ])('is not %s', override => {
    expect(() => trustServerUrl('h', override)).toThrow(UsageError);
  });

  it.each(['https://user:hunter2@h', 'http://user:hunter2@h', 'https://user:hunter2@h h'])(
    'is never shown with a password',
    override => {
      let message = '';
      try {
        trustServerUrl('h', override);
      } catch (error) {
        message = String(error);
      }
      expect(message).not.toBe('');
      expect(message).not.toContain('hunter2');
    },
  );

  it('keeps its authority as it is written', () => {
    expect(serverAuthority('https://Example.Com:443/x')).toBe('Example.Com:443');
    expect(serverAuthority('https://[::1]:4443')).toBe('[::1]:4443');
  });
});
