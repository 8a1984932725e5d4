import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMultipart } from '../../src/embedded-server/multipart.ts';
import { multipartBody } from '../../src/trust-server/multipart.ts';

const TYPE = 'multipart/form-data; boundary=b';
const HEAD = 'Content-Disposition: form-data; name="files"; filename="root"';
const parse = (text: string, type: string | undefined = TYPE) => {
  const parts = parseMultipart(type, Buffer.from(text, 'latin1'));
  return parts?.map(({ fileName, bytes }) => [fileName, bytes.toString('latin1')]);
};

test('whatever a client sends arrives as it was', async () => {
  const role = fc.stringMatching(/^[a-z/_-]{1,20}$/);
  const files = fc.array(fc.tuple(role, fc.uint8Array({ maxLength: 200 })), { maxLength: 5 });
  await fc.assert(
    fc.property(files, list => {
      const sent = new Map(list);
      const { contentType, body } = multipartBody(sent);
      const parts = parseMultipart(contentType, body);
      expect(parts?.map(({ fileName, bytes }) => [fileName, new Uint8Array(bytes)])).toEqual([
        ...sent,
      ]);
    }),
  );
});

test('what no client sends does no harm', async () => {
  await fc.assert(
    fc.property(
      fc.array(fc.constantFrom('--b', '--', '\r\n', '\r\n\r\n', HEAD, 'x', 'b')),
      pieces => {
        const parts = parse(pieces.join(''));
        expect(parts === undefined || Array.isArray(parts)).toBe(true);
      },
    ),
  );
});

describe('forms', () => {
  test.each([
    ['no part', '--b--', []],
    ['no part, as Go writes it', '\r\n--b--\r\n', []],
    ['an empty part', `--b\r\n${HEAD}\r\n\r\n\r\n--b--\r\n`, [['root', '']]],
    ['more after the end', `--b\r\n${HEAD}\r\n\r\nx\r\n--b--\r\nmore`, [['root', 'x']]],
    ['the boundary inside a line', `--b\r\n${HEAD}\r\n\r\nx--b--\r\n--b--`, [['root', 'x--b--']]],
    [
      'no file name',
      '--b\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n--b--',
      [[undefined, 'x']],
    ],
    [
      'an unquoted file name',
      '--b\r\ncontent-disposition: form-data; filename=root\r\n\r\nx\r\n--b--',
      [['root', 'x']],
    ],
    ['no end', `--b\r\n${HEAD}\r\n\r\nx\r\n`, undefined],
    ['cut in the header', `--b\r\n${HEAD}`, undefined],
    ['nothing', '', undefined],
    ['text before it', 'text\r\n--b--', undefined],
    ['two characters before it', 'xy\r\n--b--', undefined],
    ['line feeds only', `--b\n${HEAD}\n\nx\n--b--\n`, undefined],
    ['no disposition', '--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--', undefined],
    ['a longer boundary', `--bc\r\n${HEAD}\r\n\r\nx\r\n--bc--`, undefined],
  ])('%s', (_name, text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  test.each([
    [undefined, false],
    ['', false],
    ['text/plain', false],
    ['multipart/form-data', false],
    ['multipart/form-data; boundary=', false],
    ['multipart/mixed; boundary=b', false],
    ['multipart/form-datas; boundary=b', false],
    ['multipart/form-data; boundary="b"', true],
    ['Multipart/Form-Data; charset=x; Boundary=b', true],
  ])('Content-Type %j', (type, good) => {
    expect(parseMultipart(type, Buffer.from('--b--')) !== undefined).toBe(good);
  });
});
