import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runCli } from './test-host.ts';

/** What bash offers after these words, the last of which is being typed. */
async function offers(script: string, words: readonly string[]): Promise<string[]> {
  const program = `${script}
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _tabellion
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', [
    '-c',
    program,
    'bash',
    'tabellion',
    ...words,
  ]);
  return stdout.split('\n').filter(Boolean);
}

describe('completion', () => {
  it('works in bash', async () => {
    const { out: script, exitCode } = await runCli(['completion', 'bash']);
    expect(exitCode).toBe(0);
    expect(await offers(script, ['rev'])).toEqual(['revoke']);
    expect(await offers(script, ['key', ''])).toEqual(
      expect.arrayContaining(['list', 'generate', 'import', 'export', 'passwd', 'remove']),
    );
    expect(await offers(script, ['key', 'export', '--rep'])).toEqual(['--repository']);
    // Options before the command do not lead astray.
    expect(await offers(script, ['--json', 'key', 'l'])).toEqual(['list']);
    expect(await offers(script, ['completion', ''])).toEqual(['bash', 'zsh', 'fish']);
    expect(await offers(script, ['sign', '--d'])).toEqual(['--digest', '--dry-run']);
    // Global options fit everywhere; those of another command do not.
    expect(await offers(script, ['verify', '--js'])).toEqual(['--json']);
    expect(await offers(script, ['verify', '--fro'])).toEqual([]);
    // A value is the business of bash, which then offers files.
    expect(await offers(script, ['sign', '--from', ''])).toEqual([]);
    expect(await offers(script, ['--trust-dir', ''])).toEqual([]);
    // Unless there are words for it; and what takes a value elsewhere may take none here.
    expect(await offers(script, ['key', 'generate', '--algorithm', ''])).toEqual([
      'ecdsa',
      'ed25519',
    ]);
    expect(await offers(script, ['key', 'rotate', '--old-key', 'a'])).toEqual(['archive']);
    expect(await offers(script, ['recover', '--compromised', ''])).toEqual([]);
    expect(await offers(script, ['key', 'rotate', '--compromised', '--dr'])).toEqual([
      '--drop',
      '--drop-signer',
      '--drop-rest',
      '--dry-run',
    ]);
  });

  it.each(['bash', 'zsh', 'fish'])('names every command and option for %s', async shell => {
    const { out } = await runCli(['completion', shell]);
    for (const word of [
      'sign',
      'verify',
      'inspect',
      'revoke',
      'key',
      'generate',
      'serve',
      'demo',
    ]) {
      expect(out).toMatch(new RegExp(`\\b${word}\\b`));
    }
    for (const option of ['dry-run', 'require-fresh', 'trust-dir', 'repository', 'no-color']) {
      expect(out).toContain(option);
    }
  });

  it.each([
    ['zsh', `    ' key generate --algorithm') compadd -- ecdsa ed25519; return ;;`],
    ['zsh', `    *' --trust-dir') _files; return ;;`],
    ['fish', "-l algorithm -r -f -a 'ecdsa ed25519' -d "],
  ])('offers the values of options in %s', async (shell, line) => {
    expect((await runCli(['completion', shell])).out).toContain(line);
  });

  it('quotes meanings that have apostrophes', async () => {
    const { out: zsh } = await runCli(['completion', 'zsh']);
    expect(zsh).toContain(`'--config:Notary'\\''s config.json`);
    const { out: fish } = await runCli(['completion', 'fish']);
    expect(fish).toContain(`-d 'Notary\\'s config.json`);
  });
});
