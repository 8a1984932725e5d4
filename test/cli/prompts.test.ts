import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createDisplay } from '../../src/cli/context.ts';
import { Interrupted } from '../../src/cli/interruption.ts';
import { createPrompts } from '../../src/cli/prompts.ts';
import { createTestHost } from './test-host.ts';

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const UNLOCK = {
  kind: 'unlock',
  keyId: '0123456789abcdef'.repeat(4),
  role: 'targets',
  gun: 'reg.example/app',
  attempt: 0,
} as const;

function setUp() {
  const host = createTestHost({ terminal: { stdin: true, stdout: true, stderr: true } });
  const prompts = createPrompts(host, createDisplay(host, { color: false }));
  let seen = 0;
  /** Types an answer as soon as the question is there (again). */
  const answer = async (question: string, typed: string): Promise<void> => {
    for (;;) {
      const at = host.err().indexOf(question, seen);
      if (at !== -1) {
        seen = at + question.length;
        break;
      }
      await new Promise(resolve => host.stderr.once('data', resolve));
    }
    host.stdin.write(typed);
  };
  return { host, prompts, answer };
}

describe('passphrase', () => {
  it('is asked on stderr, masked, and trimmed as Notary trims it', async () => {
    const { host, prompts, answer } = setUp();
    const passphrase = prompts.passphrase(UNLOCK);
    await answer(
      'Passphrase for the repository key of reg.example/app (0123456789ab):',
      '  hunter2! \r',
    );
    expect(await passphrase).toBe('hunter2!');
    expect(host.err()).not.toContain('hunter2');
    expect(host.out()).toBe('');
  });

  it('is not shown by Ctrl-T', async () => {
    const { host, prompts, answer } = setUp();
    const passphrase = prompts.passphrase(UNLOCK);
    await answer('Passphrase', 'hunter2!\u0014\r');
    await passphrase;
    expect(host.err()).not.toContain('hunter2');
  });

  it('of a new key is asked twice, and again if the two differ', async () => {
    const { host, prompts, answer } = setUp();
    const passphrase = prompts.passphrase({ ...UNLOCK, kind: 'create' });
    await answer('New passphrase for the repository key', 'long enough\r');
    await answer('The same passphrase again:', 'different\r');
    await answer('The two differ; try again.', '');
    await answer('New passphrase for the repository key', 'long enough\r');
    await answer('The same passphrase again:', 'long enough\r');
    expect(await passphrase).toBe('long enough');
    expect(host.err()).not.toContain('root key is about to be made');
  });

  it('of a new key has eight bytes at least', async () => {
    const { prompts, answer } = setUp();
    const passphrase = prompts.passphrase({ ...UNLOCK, kind: 'create' });
    // Seven characters, padded; then more.
    await answer('New passphrase', ' w7#kQz! \r');
    await answer('at least 8', '\u007f-harbour\r');
    await answer('The same passphrase again:', 'w7#kQz!-harbour\r');
    expect(await passphrase).toBe('w7#kQz!-harbour');
  });

  it('of a new key is not taken while it is easy to guess, and a meter shows it', async () => {
    const { host, prompts, answer } = setUp();
    const passphrase = prompts.passphrase({ ...UNLOCK, kind: 'create' });
    await answer('New passphrase', 'password1\r');
    await answer(
      'strength □□□□: it is a common password',
      `${'\u007f'.repeat(9)}reg.example/app1\r`,
    );
    await answer('strength ■', `${'\u007f'.repeat(16)}lamp gravel otter nine\r`);
    await answer('strength ■■■■', '');
    await answer('The same passphrase again:', 'lamp gravel otter nine\r');
    expect(await passphrase).toBe('lamp gravel otter nine');
    for (const typed of ['password1', 'app1', 'gravel']) expect(host.err()).not.toContain(typed);
  });

  it('of a new root key comes with a notice', async () => {
    const { host, prompts, answer } = setUp();
    const passphrase = prompts.passphrase({ kind: 'create', role: 'root', attempt: 0 });
    await answer('New passphrase for the root key:', 'long enough\r');
    await answer('again:', 'long enough\r');
    await passphrase;
    expect(host.err()).toContain('keep a copy of its file away from this machine');
  });

  it('is asked for one key at a time', async () => {
    const { host, prompts, answer } = setUp();
    const first = prompts.passphrase(UNLOCK);
    const second = prompts.passphrase({ ...UNLOCK, role: 'alice' });
    await answer('Passphrase for the repository key', 'one\r');
    expect(await first).toBe('one');
    await answer('Passphrase for the signer key alice', 'two\r');
    expect(await second).toBe('two');
    expect(host.err()).not.toContain('one');
  });

  it.each([
    ['Ctrl-C', CTRL_C],
    ['Ctrl-D', CTRL_D],
  ])('%s interrupts', async (_name, key) => {
    const { prompts, answer } = setUp();
    const passphrase = prompts.passphrase(UNLOCK);
    const outcome = expect(passphrase).rejects.toBeInstanceOf(Interrupted);
    await answer('Passphrase', key);
    await outcome;
  });

  it('interrupts when the terminal goes away', async () => {
    const { host, prompts, answer } = setUp();
    const outcome = expect(prompts.passphrase(UNLOCK)).rejects.toBeInstanceOf(Interrupted);
    await answer('Passphrase', '');
    host.stdin.end();
    await outcome;
  });
});

describe('confirm', () => {
  it.each([
    ['y\r', true],
    ['yes\r', true],
    ['n\r', false],
    // Enter alone is no: nothing is destroyed by a careless key.
    ['\r', false],
  ])('%j', async (typed, confirmed) => {
    const { host, prompts, answer } = setUp();
    const reply = prompts.confirm('Revoke this tag?');
    await answer('Revoke this tag?', typed);
    expect(await reply).toBe(confirmed);
    expect(stripVTControlCharacters(host.err())).toContain('(y/N)');
    expect(host.out()).toBe('');
  });
});

describe('a choice', () => {
  const DOWN = '\u001b[B';
  const choices = [
    { value: 'routine', name: 'as a routine' },
    { value: 'thief', name: 'somebody may have it' },
  ];

  it('is one of several, the first unless another is picked', async () => {
    const { host, prompts, answer } = setUp();
    const first = prompts.choose('Why?', choices);
    await answer('Why?', '\r');
    expect(await first).toBe('routine');
    const second = prompts.choose('Why now?', choices);
    await answer('Why now?', `${DOWN}\r`);
    expect(await second).toBe('thief');
    expect(host.out()).toBe('');
  });

  it('is any of several, those that were ticked to begin with unless changed', async () => {
    const { prompts, answer } = setUp();
    const list = choices.map((choice, index) => ({ ...choice, checked: index === 0 }));
    const ticked = prompts.tick('Keep?', list);
    await answer('Keep?', '\r');
    expect(await ticked).toEqual(['routine']);
    const other = prompts.tick('Keep which?', list);
    await answer('Keep which?', ` ${DOWN} \r`);
    expect(await other).toEqual(['thief']);
  });

  it('is a line of text that is checked', async () => {
    const { prompts, answer } = setUp();
    const typed = prompts.text('Since?', text => text === '2026' || 'a year, please');
    await answer('Since?', ' 26\r');
    await answer('a year, please', '\u007f\u007f\u007f2026 \r');
    expect(await typed).toBe('2026');
  });

  it('can be interrupted', async () => {
    const { prompts, answer } = setUp();
    const outcome = expect(prompts.tick('Keep?', choices)).rejects.toBeInstanceOf(Interrupted);
    await answer('Keep?', CTRL_C);
    await outcome;
  });
});
