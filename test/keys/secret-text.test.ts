import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readSecretLine, SECRET_LIMIT, secretText } from '../../src/keys/secret-text.ts';

const text = (bytes: string | Uint8Array): string => secretText(Buffer.from(bytes), 'the test');

describe('secretText', () => {
  it.each([
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\nmore\r\n', 'secret'],
    [' with spaces \n', ' with spaces '],
    ['\ufeffsecret\n', 'secret'],
    ['pässword', 'pässword'],
  ])('finds in %j the passphrase %j', (given, expected) => {
    expect(text(given)).toBe(expected);
  });

  it.each(['', '\n', '\r\n', '\nsecond line\n'])('finds none in %j', given => {
    expect(() => text(given)).toThrow(expect.objectContaining({ code: 'SECRET_EMPTY' }));
  });

  it.each([
    ['what is not UTF-8', Uint8Array.of(0x70, 0xff, 0xfe)],
    ['UTF-16', Buffer.from('secret', 'utf16le')],
    ['a line without end', 'x'.repeat(SECRET_LIMIT + 1)],
  ])('refuses %s, and does not repeat it', (_name, given) => {
    expect(() => text(given)).toThrow(
      expect.objectContaining({
        code: 'SECRET_INVALID',
        message: expect.not.stringContaining('xxx'),
      }),
    );
  });
});

describe('readSecretLine', () => {
  it('does not wait for the end of a stream', async () => {
    const stream = new Readable({ read() {} });
    stream.push('se');
    stream.push('cret\nand');
    expect(await readSecretLine(stream, 'the test')).toBe('secret');
  });

  it('takes what there is when the stream ends without a line feed', async () => {
    expect(await readSecretLine(Readable.from([Buffer.from('secret')]), 'the test')).toBe('secret');
  });
});
