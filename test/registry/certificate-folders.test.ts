import { describe, expect, test } from 'vitest';
import { certificateFolders } from '../../src/registry/certificate-folders.ts';

const options = {
  domain: 'reg.example:5000',
  home: '/home/me',
  env: {},
  platform: 'linux',
} as const;

describe('the folders with a registry’s certificates', () => {
  test('are Docker’s and those of skopeo, the user’s before the machine’s', () => {
    expect(certificateFolders(options)).toEqual([
      '/home/me/.config/docker/certs.d/reg.example:5000',
      '/etc/docker/certs.d/reg.example:5000',
      '/home/me/.config/containers/certs.d/reg.example:5000',
      '/etc/containers/certs.d/reg.example:5000',
    ]);
    const [moved] = certificateFolders({ ...options, env: { XDG_CONFIG_HOME: '/cfg' } });
    expect(moved).toBe('/cfg/docker/certs.d/reg.example:5000');
  });

  test('have no colon on Windows', () => {
    const env = { ProgramData: 'D:\\Data' };
    expect(certificateFolders({ ...options, env, platform: 'win32' })).toEqual([
      'D:\\Data\\docker\\certs.d\\reg.example5000',
    ]);
  });

  test.each(['..', '.', '', 'a/../..', 'a\\b'])('are none for “%s”', domain => {
    expect(certificateFolders({ ...options, domain })).toEqual([]);
  });
});
