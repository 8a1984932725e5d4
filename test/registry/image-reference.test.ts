import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { isDigest, parseImageReference } from '../../src/registry/image-reference.ts';

const HEX = 'b'.repeat(64);
const DIGEST = `sha256:${HEX}`;

function refusal(text: string): UsageError {
  try {
    parseImageReference(text);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).code).toBe('REFERENCE_INVALID');
    return error as UsageError;
  }
  throw new Error(`accepted: ${text}`);
}

describe('parseImageReference', () => {
  it.each([
    // typed, repository, familiar form, tag, digest
    ['alpine', 'docker.io/library/alpine', 'alpine'],
    ['library/alpine', 'docker.io/library/alpine', 'alpine'],
    ['docker.io/alpine', 'docker.io/library/alpine', 'alpine'],
    ['index.docker.io/alpine', 'docker.io/library/alpine', 'alpine'],
    ['alpine:3', 'docker.io/library/alpine', 'alpine', '3'],
    [`alpine@${DIGEST}`, 'docker.io/library/alpine', 'alpine', undefined, DIGEST],
    [`alpine:3@${DIGEST}`, 'docker.io/library/alpine', 'alpine', '3', DIGEST],
    ['foo:app', 'docker.io/library/foo', 'foo', 'app'],
    ['foo:App', 'docker.io/library/foo', 'foo', 'App'],
    ['user/app', 'docker.io/user/app', 'user/app'],
    ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    ['foo__bar/x', 'docker.io/foo__bar/x', 'foo__bar/x'],
    ['foo--bar/x', 'docker.io/foo--bar/x', 'foo--bar/x'],
    ['foo_bar.baz---q/x', 'refused'],
    ['docker.io/a/b/c', 'docker.io/a/b/c', 'a/b/c'],
    ['docker.io/docker.io/x', 'docker.io/docker.io/x', 'docker.io/docker.io/x'],
    ['docker.io/evil.com/x', 'docker.io/evil.com/x', 'docker.io/evil.com/x'],
    ['docker.io/localhost/x', 'docker.io/localhost/x', 'docker.io/localhost/x'],
    ['docker.io', 'docker.io/library/docker.io', 'docker.io'],
    ['localhost', 'docker.io/library/localhost', 'localhost'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/app', 'localhost:5000/app', 'localhost:5000/app'],
    ['localhost:5000/app:1.2', 'localhost:5000/app', 'localhost:5000/app', '1.2'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    ['[2001:db8::A]/app:t', '[2001:db8::A]/app', '[2001:db8::A]/app', 't'],
    ['Foo/app', 'Foo/app', 'Foo/app'],
    ['LOCALHOST:5000/app', 'LOCALHOST:5000/app', 'LOCALHOST:5000/app'],
    ['Docker.io/alpine', 'Docker.io/alpine', 'Docker.io/alpine'],
    ['Example.Com:443/a/b', 'Example.Com:443/a/b', 'Example.Com:443/a/b'],
    ['h:99999/a', 'h:99999/a', 'h:99999/a'],
    ['registry.hub.docker.com/u/a', 'registry.hub.docker.com/u/a', 'registry.hub.docker.com/u/a'],
    [`${HEX}:1`, `docker.io/library/${HEX}`, `docker.io/library/${HEX}`, '1'],
    [`foo/${HEX}`, `docker.io/foo/${HEX}`, `foo/${HEX}`],
    [`a:${'t'.repeat(128)}`, 'docker.io/library/a', 'a', 't'.repeat(128)],
    [`h.io/${'x'.repeat(255)}`, `h.io/${'x'.repeat(255)}`, `h.io/${'x'.repeat(255)}`],
    [
      `a@sha512:${'c'.repeat(128)}`,
      'docker.io/library/a',
      'a',
      undefined,
      `sha512:${'c'.repeat(128)}`,
    ],
  ])('normalises %s', (text, repository, familiar?: string, tag?: string, digest?: string) => {
    if (repository === 'refused') {
      refusal(text);
      return;
    }
    const reference = parseImageReference(text);
    expect(reference).toEqual({
      text,
      domain: repository.slice(0, repository.indexOf('/')),
      path: repository.slice(repository.indexOf('/') + 1),
      repository,
      familiar,
      ...(tag === undefined ? {} : { tag }),
      ...(digest === undefined ? {} : { digest }),
    });
  });

  it.each([
    ['a..b/c', 'invalid reference format'],
    ['foo___bar/x', 'invalid reference format'],
    ['foo_/x', 'invalid reference format'],
    ['foo_bar.com/x', 'invalid reference format'],
    ['foo_bar.com:5000/x', 'invalid reference format'],
    ['alpine:', 'invalid reference format'],
    ['alpine:-x', 'invalid reference format'],
    [`alpine:${'t'.repeat(129)}`, 'invalid reference format'],
    ['http://h/a', 'invalid reference format'],
    ['h/a/', 'invalid reference format'],
    ['h//a', 'invalid reference format'],
    ['/a', 'invalid reference format'],
    ['docker.io/', 'invalid reference format'],
    ['café/a', 'invalid reference format'],
    ['ÉA/a', 'invalid reference format'],
    ['-foo/x', 'invalid reference format'],
    ['-a.b/c', 'invalid reference format'],
    ['a.b./c', 'invalid reference format'],
    ['a.-b/c', 'invalid reference format'],
    ['h:/app', 'invalid reference format'],
    ['h:5000:1/app', 'invalid reference format'],
    [':5000/app', 'invalid reference format'],
    ['[::g]/app', 'invalid reference format'],
    ['[::1/app', 'invalid reference format'],
    ['[]/app', 'invalid reference format'],
    ['a/b:1/c', 'invalid reference format'],
    ['../etc', 'invalid reference format'],
    ['h.io/../../etc', 'invalid reference format'],
    ['h.io/./a', 'invalid reference format'],
    ['', 'invalid reference format'],
    [' ', 'invalid reference format'],
    ['alpine ', 'invalid reference format'],
    ['alpine\n', 'invalid reference format'],
    ['alp\u0000ine', 'invalid reference format'],
    ['alpine\u202e', 'invalid reference format'],
    ['alpine@', 'invalid reference format'],
    ['alpine@sha256', 'invalid reference format'],
    ['alpine@sha256:abc', 'invalid reference format'],
    [`alpine@${DIGEST}@${DIGEST}`, 'invalid reference format'],
    [`alpine@${DIGEST}:tag`, 'invalid reference format'],
    ['Foo', 'invalid reference format: repository name (library/Foo) must be lowercase'],
    ['h.io/Cc:1', 'invalid reference format: repository name (Cc) must be lowercase'],
    [
      `app@SHA256:${HEX}`,
      'invalid reference format: repository name (library/app@SHA256) must be lowercase',
    ],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    [`h.io/${'x'.repeat(256)}`, 'repository name must not be more than 255 characters'],
    ['x'.repeat(248), 'repository name must not be more than 255 characters'],
    [`app@md5:${HEX}`, 'unsupported digest algorithm'],
    [`app@sha256+b64:${HEX}`, 'unsupported digest algorithm'],
    [`app:1@SHA256:${HEX}`, 'invalid checksum digest format'],
    [`app@sha256:${HEX.toUpperCase()}`, 'invalid checksum digest format'],
    [`app@sha512:${HEX}`, 'invalid checksum digest length'],
    [`app@sha256:${HEX}bb`, 'invalid checksum digest length'],
  ])('refuses %j', (text, dockerMessage) => {
    const error = refusal(text);
    expect(error.details?.dockerMessage).toBe(dockerMessage);
    expect(error.message.startsWith(dockerMessage)).toBe(true);
  });

  it('names what it refuses, without letting it act on a terminal', () => {
    expect(refusal('alp\u001b[2Jine').message).toContain('alp\\u001b[2Jine');
    expect(refusal('\u001b[2JALPINE').message).not.toContain('\u001b');
    expect(refusal('team//app').message).toContain('team//app');
  });

  it('stays quick and brief on very long input', () => {
    for (const text of [
      'a'.repeat(1_000_000),
      `${'a-'.repeat(500_000)}/b`,
      `${'a.'.repeat(500_000)}`,
      `h.io/${'a_'.repeat(500_000)}`,
      `${'-'.repeat(1_000_000)}.x/y`,
      `a:${'b'.repeat(1_000_000)}`,
      `a@${'b+'.repeat(500_000)}`,
      `${'A'.repeat(1_000_000)}`,
    ]) {
      const start = performance.now();
      expect(refusal(text).message.length).toBeLessThan(1500);
      expect(performance.now() - start).toBeLessThan(2000);
    }
  });

  it('gives the same repository for its own normal form, and never a way out of a folder', () => {
    const character = fc.constantFrom(
      ...'aZ09._-/:@[]\\ %\u0000\u001bé~'.split(''),
      'localhost',
      'docker.io/',
      'library/',
    );
    fc.assert(
      fc.property(fc.array(character, { maxLength: 24 }), characters => {
        const text = characters.join('');
        let reference: ReturnType<typeof parseImageReference>;
        try {
          reference = parseImageReference(text);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          return;
        }
        const { repository, familiar, tag } = reference;
        expect(repository).toMatch(/^[A-Za-z0-9.\-:[\]]+(?:\/[a-z0-9._-]+)+$/);
        expect(repository.split('/')).not.toContain('..');
        const again = tag === undefined ? repository : `${repository}:${tag}`;
        expect(parseImageReference(again)).toMatchObject({ repository, familiar });
        expect(parseImageReference(familiar).repository).toBe(repository);
      }),
      { numRuns: 5000 },
    );
  });

  it('accepts what the grammar makes', () => {
    const label = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,5}[A-Za-z0-9])?$/);
    const component = fc.stringMatching(/^[a-z0-9]{1,4}(?:(?:\.|_|__|-{1,4})[a-z0-9]{1,4}){0,3}$/);
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 2, maxLength: 4 }),
        fc.option(fc.integer({ min: 0, max: 99999 })),
        fc.array(component, { minLength: 1, maxLength: 4 }),
        tag,
        (labels, port, components, theTag) => {
          const domain = labels.join('.') + (port === null ? '' : `:${port}`);
          const path = components.join('/');
          const parsed = parseImageReference(`${domain}/${path}:${theTag}`);
          expect(parsed).toMatchObject({ domain, path, tag: theTag });
        },
      ),
    );
  });
});

describe('isDigest', () => {
  it('takes known algorithms with lower-case hex of the exact length', () => {
    expect(isDigest(DIGEST)).toBe(true);
    expect(isDigest(`sha384:${'0'.repeat(96)}`)).toBe(true);
    expect(isDigest(`sha256:${'0'.repeat(63)}`)).toBe(false);
    expect(isDigest(`sha256:${'A'.repeat(64)}`)).toBe(false);
    expect(isDigest(`md5:${'0'.repeat(32)}`)).toBe(false);
    expect(isDigest(`__proto__:${'0'.repeat(64)}`)).toBe(false);
    expect(isDigest('')).toBe(false);
  });
});
