import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { confirmed } from '../../../src/cli/notary/confirmation.ts';
import { StandardInput } from '../../../src/cli/notary/input.ts';

function input(text: string): StandardInput {
  const stream = new PassThrough();
  stream.end(text);
  return new StandardInput(stream);
}

describe('standard input', () => {
  it('is read by lines, and the rest as a whole', async () => {
    const lines = input('one\ntwo\nthree\nfour');
    expect(await lines.line()).toBe('one');
    expect(await lines.secret()).toBe('two');
    expect((await lines.all()).toString()).toBe('three\nfour');
    expect(await lines.line()).toBeUndefined();
  });

  it.each(['y\n', 'Y', 'yes\n', ' YES \r\n', 'yEs'])('%j says yes', async text => {
    expect(await confirmed(input(text))).toBe(true);
  });

  it.each(['', '\n', 'n\n', 'yes please\n', 'yess\n', '\nyes\n'])('%j says no', async text => {
    expect(await confirmed(input(text))).toBe(false);
  });
});

/** A terminal in raw mode hands over each key as it is pressed. */
describe('what is typed unseen', () => {
  function terminal(keys: string): { typed: Promise<string | undefined>; modes: boolean[] } {
    const modes: boolean[] = [];
    const stream = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (mode: boolean) => modes.push(mode),
    });
    stream.write(keys);
    return { typed: new StandardInput(stream).secret(), modes };
  }

  it('can be corrected', async () => {
    const { typed, modes } = terminal('abü\u007fc\u0015xy\bz\r');
    expect(await typed).toBe('xz');
    expect(modes).toEqual([true, false]);
  });

  it('ends with Ctrl-D, and Ctrl-C interrupts', async () => {
    expect(await terminal('\u0004').typed).toBeUndefined();
    const { typed, modes } = terminal('abc\u0003');
    await expect(typed).rejects.toThrow('Interrupted');
    expect(modes).toEqual([true, false]);
  });
});
