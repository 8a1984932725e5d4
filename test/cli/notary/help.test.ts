import { describe, expect, it } from 'vitest';
import { notary } from './run-notary.ts';

const COMMANDS = [
  '',
  'version',
  'help',
  'init',
  'status',
  'reset',
  'publish',
  'lookup',
  'list',
  'add',
  'remove',
  'addhash',
  'verify',
  'witness',
  'delete',
  'key',
  'key list',
  'key generate',
  'key remove',
  'key passwd',
  'key rotate',
  'key import',
  'key export',
  'delegation',
  'delegation list',
  'delegation purge',
  'delegation remove',
  'delegation add',
];

describe('help', () => {
  it.each(COMMANDS)('of "%s" is the original’s', async command => {
    const words = command.split(' ').filter(Boolean);
    const { exitCode, out, err } = await notary([...words, '--help']);
    // The snapshots are what notary 0.7 prints.
    await expect(out).toMatchFileSnapshot(`help/${words.join('-') || 'notary'}.txt`);
    expect([exitCode, err]).toEqual([0, '']);
    expect((await notary(['help', ...words])).out).toBe(out);
  });

  it('of something unknown shows the usage, with exit code 0', async () => {
    const { exitCode, out } = await notary(['help', 'bogus']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^Unknown help topic \[`bogus`\]\nUsage:\n/);
    expect(out).not.toContain('--help help');
  });
});
