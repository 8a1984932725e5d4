import { describe, expect, it } from 'vitest';
import { PassphraseCommand } from '../../src/keys/passphrase-command.ts';

const ID = 'ab'.repeat(32);
const REQUEST = { purpose: 'unlock', keyId: ID, role: 'alice', attempt: 0 } as const;
const NAME = '--passphrase-command';

/** A command of the shell that runs JavaScript, on every system. */
const script = (code: string): string => `"${process.execPath}" -e "${code}"`;

const source = (command: string, timeoutMs = 20_000) =>
  new PassphraseCommand({ command, env: process.env, name: NAME, timeoutMs });

describe('PassphraseCommand', () => {
  it('takes the first line of what the command prints', async () => {
    const answer = await source('echo the passphrase').get(REQUEST);
    expect(answer).toMatchObject({ passphrase: 'the passphrase', source: NAME });
  });

  it('tells the command which passphrase is wanted', async () => {
    const code = `console.log(['ID','ROLE','REPOSITORY'].map(n => process.env['TABELLION_KEY_' + n]) + process.env.TABELLION_PASSPHRASE_PURPOSE)`;
    const asked = source(script(code));
    expect((await asked.get(REQUEST))?.passphrase).toBe(`${ID},alice,unlock`);
    const created = await asked.get({ purpose: 'create', role: 'targets', gun: 'a/b', attempt: 0 });
    expect(created?.passphrase).toBe(',targets,a/bcreate');
  });

  it('has none when the command prints nothing, and is run once for a key', async () => {
    expect(await source(script('')).get(REQUEST)).toBeUndefined();
    expect(await source('echo x').get({ ...REQUEST, attempt: 1 })).toBeUndefined();
  });

  it.each([
    ['fails', `console.log('hunter2'); console.error('hunter2'); process.exit(3)`, /exit code 3$/],
    [
      'prints without end',
      `console.log('hunter2'.repeat(100000)); setTimeout(() => {}, 3000)`,
      /far more/,
    ],
    [
      'is ended',
      `console.log('hunter2'); process.kill(process.pid, 'SIGKILL')`,
      /SIGKILL|exit code/,
    ],
  ])('names a command that %s, and shows nothing of it', async (_name, code, how) => {
    const error = await source(script(code))
      .get(REQUEST)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'PASSPHRASE_COMMAND_FAILED',
      exitCode: 4,
      message: expect.stringMatching(how),
    });
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter2');
  });

  it('ends a command that gives no answer', async () => {
    await expect(
      source(script('setTimeout(() => {}, 3000)'), 200).get(REQUEST),
    ).rejects.toMatchObject({ message: expect.stringContaining('no answer within 0.2 seconds') });
  });
});
