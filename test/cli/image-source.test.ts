import { describe, expect, it } from 'vitest';
import { imageSource } from '../../src/cli/image-source.ts';
import { UsageError } from '../../src/errors.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('imageSource', () => {
  it('is the registry when nothing is said', () => {
    expect(imageSource({})).toBeUndefined();
  });

  it.each([
    ['oci:build', { type: 'oci', path: 'build' }],
    ['oci:build/image:1.2', { type: 'oci', path: 'build/image', reference: '1.2' }],
    ['oci-archive:app.tar', { type: 'oci-archive', path: 'app.tar' }],
    // A reference may be a whole image name.
    [
      'oci:build:reg.example:5000/app:1',
      { type: 'oci', path: 'build', reference: 'reg.example:5000/app:1' },
    ],
    ['oci:C:\\build\\image:1.2', { type: 'oci', path: 'C:\\build\\image', reference: '1.2' }],
    ['oci-archive:c:/build/app.tar', { type: 'oci-archive', path: 'c:/build/app.tar' }],
    [
      'docker-archive:app.tar:app:1.2',
      { type: 'docker-archive', path: 'app.tar', reference: 'app:1.2' },
    ],
    ['dir:build/image', { type: 'dir', path: 'build/image' }],
  ])('%s', (from, source) => {
    expect(imageSource({ from })).toEqual(source);
  });

  it.each(['oci', 'oci:', 'oci::1', 'docker:app', 'OCI:x', 'oci:x:'])('refuses %s', from => {
    expect(() => imageSource({ from })).toThrow(UsageError);
  });

  it('takes the caller’s word that digests will be preserved, for what is on disk', () => {
    expect(imageSource({ from: 'oci:x', preserveDigests: true })).toEqual({
      type: 'oci',
      path: 'x',
      preserveDigests: true,
    });
    expect(() => imageSource({ preserveDigests: true })).toThrow('--from is missing');
  });

  it('takes a digest and a size, both', () => {
    expect(imageSource({ digest: DIGEST, size: 7 })).toEqual({
      type: 'digest',
      digest: DIGEST,
      size: 7,
    });
    expect(() => imageSource({ digest: DIGEST })).toThrow('--size is missing');
    expect(() => imageSource({ size: 7 })).toThrow('--digest is missing');
  });

  it.each([DIGEST.toUpperCase(), 'sha256:abc', 'a'.repeat(64), `${DIGEST}0`, `${DIGEST}\n`])(
    'refuses the digest %j',
    digest => {
      expect(() => imageSource({ digest, size: 7 })).toThrow(
        expect.objectContaining({ name: 'UsageError', code: 'DIGEST_INVALID' }),
      );
    },
  );
});
