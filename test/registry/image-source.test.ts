import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { digestSource, parseImageSource } from '../../src/registry/image-source.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('parseImageSource', () => {
  it.each([
    ['oci:dir', 'oci', 'dir', undefined],
    ['oci:dir:1.0', 'oci', 'dir', '1.0'],
    ['oci:/a b/dir:docker.io/library/app:1.0', 'oci', '/a b/dir', 'docker.io/library/app:1.0'],
    ['oci-archive:image.tar', 'oci-archive', 'image.tar', undefined],
    ['oci-archive:./image.tar:latest', 'oci-archive', './image.tar', 'latest'],
    ['oci:C:\\images\\x', 'oci', 'C:\\images\\x', undefined],
    ['oci:C:\\images\\x:ref', 'oci', 'C:\\images\\x', 'ref'],
    ['oci:c:/images/x:ref', 'oci', 'c:/images/x', 'ref'],
    ['oci-archive:D:\\x.tar:a:b', 'oci-archive', 'D:\\x.tar', 'a:b'],
    ['oci:C:ref', 'oci', 'C', 'ref'],
    ['docker-archive:x.tar:app:1.2', 'docker-archive', 'x.tar', 'app:1.2'],
    ['dir:a:b', 'dir', 'a:b', undefined],
    ['oci:\\\\server\\share\\x:ref', 'oci', '\\\\server\\share\\x', 'ref'],
  ])('splits %s', (text, type, path, reference) => {
    expect(parseImageSource(text)).toEqual({
      type,
      path,
      ...(reference === undefined ? {} : { reference }),
    });
  });

  it.each([
    '',
    'oci',
    'oci:',
    'oci::ref',
    'oci:dir:',
    'OCI:dir',
    'docker-daemon:x',
    'dir:',
    'docker-archive:x.tar:',
    'oci:a\0b',
    'dir',
  ])('refuses %j', text => {
    expect(() => parseImageSource(text)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'IMAGE_SOURCE_INVALID' }),
    );
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('oci', 'oci-archive', 'docker-archive', 'dir'),
        fc.string(),
        (type, rest) => {
          const text = `${type}:${rest}`;
          try {
            const { path, reference } = parseImageSource(text);
            expect([type, path, ...(reference === undefined ? [] : [reference])].join(':')).toBe(
              text,
            );
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
          }
        },
      ),
    );
  });
});

describe('digestSource', () => {
  it('takes a SHA-256 digest and a size', () => {
    const expected = { type: 'digest', digest: DIGEST, size: 1234 };
    expect(digestSource(DIGEST, 1234)).toEqual(expected);
    expect(digestSource(DIGEST, '1234')).toEqual(expected);
    expect(digestSource(DIGEST, Number.MAX_SAFE_INTEGER).size).toBe(9007199254740991);
  });

  it.each([
    '',
    'a'.repeat(64),
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha512:${'a'.repeat(128)}`,
    `${DIGEST}\n`,
    ` ${DIGEST}`,
  ])('refuses the digest %j', digest => {
    expect(() => digestSource(digest, 1)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'DIGEST_INVALID' }),
    );
  });

  it.each([
    0,
    -1,
    1.5,
    Number.NaN,
    Infinity,
    2 ** 53,
    '',
    '0',
    '-1',
    '1e3',
    '0x10',
    '1.0',
    ' 1',
    '99999999999999999999',
  ])('refuses the size %j', size => {
    expect(() => digestSource(DIGEST, size)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'SIZE_INVALID' }),
    );
  });
});
