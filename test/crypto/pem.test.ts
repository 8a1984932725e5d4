import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAllPem, decodePem, encodePem } from '../../src/crypto/pem.ts';
import { KeyError } from '../../src/errors.ts';

const BODY = 'QUJDREVG';

function block(label: string, body: string): string {
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

function read(
  text: string | Uint8Array,
): { label: string; headers: [string, string][]; text: string } | undefined {
  const found = decodePem(text);
  return (
    found && {
      label: found.label,
      headers: [...found.headers],
      text: Buffer.from(found.bytes).toString(),
    }
  );
}

const PLAIN = { label: 'X Y', headers: [], text: 'ABCDEF' };

describe('reading as Go does', () => {
  test.each<[string, string]>([
    ['as written', block('X Y', BODY)],
    ['text before and after', `hello\n\n${block('X Y', BODY)}after`],
    ['CRLF', block('X Y', BODY).replaceAll('\n', '\r\n')],
    ['no final newline', block('X Y', BODY).trimEnd()],
    ['lines of any width, blanks in them', block('X Y', 'QU\n JD\t\n\nREVG')],
    ['blanks after the marks', '-----BEGIN X Y----- \t\nQUJDREVG\n-----END X Y-----  \n'],
    ['a blank line and no headers', block('X Y', `\n${BODY}`)],
    ['a broken block before', `-----BEGIN Z-----\n${BODY}\n${block('X Y', BODY)}`],
    ['a block with bad base64 before', block('Z', 'QUJ') + block('X Y', BODY)],
    [
      'another label at the end of one before',
      `-----BEGIN Z-----\n${BODY}\n-----END W-----\n${block('X Y', BODY)}`,
    ],
    ['a begin line that is not whole before', `-----BEGIN Z\n${block('X Y', BODY)}`],
  ])('%s', (_, text) => {
    expect(read(text)).toEqual(PLAIN);
    expect(read(text)).toEqual(read(Buffer.from(text)));
  });

  test.each<[string, string]>([
    ['empty', ''],
    ['no PEM', 'hello'],
    ['cut in the body', block('X Y', BODY).slice(0, 25)],
    ['cut in the headers', '-----BEGIN X-----\na: b\n'],
    ['cut in the end line', block('X Y', BODY).slice(0, -4)],
    ['another label at the end', `-----BEGIN X-----\n${BODY}\n-----END Y-----\n`],
    ['text after the end mark', `-----BEGIN X-----\n${BODY}\n-----END X----- x\n`],
    ['the begin mark inside a line', `a-----BEGIN X-----\n${BODY}\n-----END X-----\n`],
    ['base64 without its padding', block('X', 'QUJDRA')],
    ['padding in the middle', block('X', 'QUI=QUI=')],
    ['base64url', block('X', 'QUJ_')],
  ])('%s is no block', (_, text) => {
    expect(read(text)).toBeUndefined();
  });

  test('headers: split at the first colon, trimmed, in any order, blank line or not', () => {
    const headers = ['role: Weird: Role  ', '  gun  :localhost:5000/a', 'Proc-Type: 4,ENCRYPTED'];
    for (const blank of ['', '\n']) {
      expect(read(block('X', `${headers.join('\n')}\n${blank}${BODY}`))).toEqual({
        label: 'X',
        headers: [
          ['role', 'Weird: Role'],
          ['gun', 'localhost:5000/a'],
          ['Proc-Type', '4,ENCRYPTED'],
        ],
        text: 'ABCDEF',
      });
    }
  });

  test('an empty block', () => {
    expect(read('-----BEGIN X-----\n-----END X-----\n')).toEqual({
      label: 'X',
      headers: [],
      text: '',
    });
    expect(read(block('X', 'a: b\n'))).toEqual({ label: 'X', headers: [['a', 'b']], text: '' });
  });

  test('the first of several, or all', () => {
    const three = ['A', 'B', 'C'].map(label => block(label, BODY)).join('text\n');
    expect(read(three)?.label).toBe('A');
    expect(decodeAllPem(three).map(({ label }) => label)).toEqual(['A', 'B', 'C']);
    expect(decodeAllPem('nothing')).toEqual([]);
  });

  test('hostile text takes no time that grows with its square', () => {
    const size = 1 << 20;
    const begin = '-----BEGIN X-----\n';
    const started = performance.now();
    for (const hostile of [
      begin.repeat(size / begin.length),
      `${begin.repeat(size / begin.length)}-----END X-----\n`,
      `${begin.repeat(size / begin.length)}-----END Y-----\n`,
      block('X', ' '.repeat(size) + '-'),
      block('X', `${'='.repeat(size)}A`),
      `${begin}${'a:b\n'.repeat(size / 4)}`,
      '-----BEGIN '.repeat(size / 11),
    ]) {
      decodeAllPem(hostile);
    }
    // Some tens of milliseconds; quadratic work would be minutes.
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('writing', () => {
  const label = fc.stringMatching(/^[A-Z]+( [A-Z0-9]+)?$/);
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,10}$/);
  const value = fc.string({ unit: 'grapheme' }).map(text => text.replace(/[\r\n]/g, '').trim());

  test('what is written is read again', () => {
    fc.assert(
      fc.property(
        label,
        fc.dictionary(name, value, { noNullPrototype: true }),
        fc.uint8Array({ maxLength: 200 }),
        (chosen, headers, bytes) => {
          const text = encodePem({ label: chosen, headers: Object.entries(headers), bytes });
          const found = decodePem(text);
          expect(found?.label).toBe(chosen);
          expect(Object.fromEntries(found?.headers ?? [])).toEqual(headers);
          expect(Buffer.compare(found?.bytes ?? Buffer.alloc(1), bytes)).toBe(0);
          expect(decodeAllPem(`x\n${text}${text}`)).toHaveLength(2);
          expect(text.endsWith('-----\n')).toBe(true);
          expect(encodePem({ ...(found as NonNullable<typeof found>) })).toBe(text);
        },
      ),
    );
  });

  test('headers are sorted by their bytes, Proc-Type first', () => {
    const text = encodePem({
      label: 'X',
      headers: [
        ['role', 'r'],
        ['Zed', 'z'],
        ['gun', 'g'],
        ['Proc-Type', '4,ENCRYPTED'],
        ['DEK-Info', 'd'],
      ],
      bytes: Buffer.from('ABCDEF'),
    });
    expect(text).toBe(
      '-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: d\nZed: z\ngun: g\nrole: r\n\nQUJDREVG\n-----END X-----\n',
    );
  });

  test('lines have 64 columns, none is empty', () => {
    for (const length of [0, 1, 47, 48, 49, 96]) {
      const lines = encodePem({ label: 'X', bytes: Buffer.alloc(length) })
        .split('\n')
        .slice(1, -2);
      expect(lines).toHaveLength(Math.ceil(length / 48));
      expect(lines.slice(0, -1).every(line => line.length === 64)).toBe(true);
    }
  });

  test.each<[string, string]>([
    ['a:b', 'c'],
    ['a\n', 'b'],
    ['a', 'b\nc: d'],
    ['a', 'b\r'],
  ])('the header %j: %j is refused', (header, content) => {
    expect(() =>
      encodePem({ label: 'X', headers: [[header, content]], bytes: Buffer.alloc(1) }),
    ).toThrow(KeyError);
  });
});
