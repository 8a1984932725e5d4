import { describe, expect, it } from 'vitest';
import { runCli } from './test-host.ts';

const COMMANDS = [
  '',
  'sign',
  'push',
  'verify',
  'inspect',
  'recover',
  'renew',
  'thumbprint',
  'revoke',
  'key',
  'inventory',
  'key list',
  'key generate',
  'key rotate',
  'ceremony',
  'ceremony new-root',
  'ceremony request',
  'ceremony show',
  'ceremony sign',
  'ceremony status',
  'ceremony merge',
  'ceremony apply',
  'ceremony scan',
  'ceremony list',
  'ceremony cancel',
  'signer',
  'signer list',
  'signer add',
  'signer remove',
  'signer rotate',
  'delegation',
  'delegation list',
  'delegation add',
  'delegation remove',
  'delegation purge',
  'witness',
  'key import',
  'key export',
  'key check',
  'key harden',
  'key passwd',
  'key remove',
  'passphrase',
  'passphrase list',
  'passphrase set',
  'passphrase forget',
  'passphrase check',
  'backup',
  'backup create',
  'backup show',
  'backup verify',
  'backup restore',
  'serve',
  'demo',
  'plugin',
  'plugin install',
  'plugin status',
  'plugin remove',
  'completion',
];

/** On the day on which somebody needs every option of it, two screens are no waste. */
const TWO_SCREENS = ['key rotate', 'recover'];

describe('--help', () => {
  it.each(COMMANDS)('of "%s" is on stdout, reads well and fits a screen', async command => {
    const words = command.split(' ').filter(Boolean);
    const { exitCode, out, err } = await runCli([...words, '--help']);
    await expect(out).toMatchFileSnapshot(`help/${words.join('-') || 'tabellion'}.txt`);
    const lines = out.trimEnd().split('\n');
    expect(Math.max(...lines.map(line => [...line].length))).toBeLessThanOrEqual(80);
    if (command !== '')
      expect(lines.length).toBeLessThanOrEqual(TWO_SCREENS.includes(command) ? 2 * 24 : 24);
    expect(lines.filter(line => line !== line.trimEnd())).toEqual([]);
    expect(err).toBe('');
    expect(exitCode).toBe(0);
  });

  it('is what the help command shows', async () => {
    const [asOption, asCommand] = await Promise.all([
      runCli(['verify', '--help']),
      runCli(['help', 'verify']),
    ]);
    expect(asCommand).toEqual(asOption);
  });

  it('has what to do on a bad day on the first screen of the program’s help', async () => {
    const { out } = await runCli(['--help']);
    const firstScreen = out.split('\n').slice(0, 24).join('\n');
    expect(firstScreen).toMatch(/^When keys are lost or leaked.*:\n {2}recover /m);
    expect(firstScreen).toContain('  key rotate --compromised  ');
    expect((await runCli(['help', 'key'])).out).not.toContain('recover');
  });

  it('lists every command that has help of its own', async () => {
    const { out } = await runCli(['--help']);
    for (const command of COMMANDS.filter(
      name => !['key', 'backup', 'ceremony', 'signer', 'delegation', 'plugin'].includes(name),
    ))
      expect(out).toContain(`  ${command}`);
  });
});

it('tells the version', async () => {
  const { exitCode, out } = await runCli(['--version']);
  expect(out).toMatch(/^tabellion \d+\.\d+\.\d+\S*\n$/);
  expect(exitCode).toBe(0);
});
