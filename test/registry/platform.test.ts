import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import {
  choosePlatform,
  parsePlatform,
  platformManifests,
  platformText,
} from '../../src/registry/platform.ts';
import { expectFailure } from '../support/expect-failure.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

describe('a platform', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['Linux/X86_64', 'linux/amd64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm'],
    ['linux/arm/v7', 'linux/arm'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/armel', 'linux/arm/v6'],
    ['windows/amd64', 'windows/amd64'],
  ])('%s is %s', (typed, text) => {
    expect(platformText(parsePlatform(typed))).toBe(text);
  });

  test.each(['linux', '', '/', 'linux/', 'linux/arm/v7/x', 'linux/ä', 'a b/c'])(
    '“%s” is none',
    async typed => {
      await expectFailure(() => parsePlatform(typed), UsageError, 'PLATFORM_INVALID');
    },
  );
});

describe('the images of an index', () => {
  const offered = platformManifests([
    { digest: digest('0'), platform: { os: 'unknown', architecture: 'unknown' } },
    { digest: digest('1'), platform: { os: 'linux', architecture: 'arm', variant: 'v5' } },
    { digest: digest('2'), platform: { os: 'linux', architecture: 'arm', variant: 'v6' } },
    { digest: digest('3'), platform: { os: 'linux', architecture: 'arm64' } },
    { digest: digest('4'), platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    { digest: 'no digest', platform: { os: 'linux', architecture: 'amd64' } },
    { digest: digest('5') },
    null,
  ]);

  test.each([
    ['linux/arm/v7', '2'],
    ['linux/arm/v6', '2'],
    ['linux/arm/v5', '1'],
    ['linux/arm64', '3'],
    ['linux/amd64', undefined],
    ['windows/arm64', undefined],
  ])('for %s', (platform, letter) => {
    const chosen = choosePlatform(offered, parsePlatform(platform));
    expect(chosen?.digest).toBe(letter === undefined ? undefined : digest(letter));
  });
});
