import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Challenge, parseChallenges } from '../../src/http/challenge.ts';

function challenge(scheme: string, parameters: Record<string, string> = {}): Challenge {
  return { scheme, parameters: new Map(Object.entries(parameters)) };
}

describe('WWW-Authenticate', () => {
  it.each<[string, Challenge[]]>([
    ['Basic realm="r"', [challenge('basic', { realm: 'r' })]],
    ['BASIC REALM=r', [challenge('basic', { realm: 'r' })]],
    ['Basic', [challenge('basic')]],
    [
      'Negotiate, Basic realm="a, Bearer x=\\"y\\""',
      [challenge('negotiate'), challenge('basic', { realm: 'a, Bearer x="y"' })],
    ],
    [
      'Bearer realm="https://auth.example/token",service="s",scope="repository:localhost:5000/a:push,pull"',
      [
        challenge('bearer', {
          realm: 'https://auth.example/token',
          service: 's',
          scope: 'repository:localhost:5000/a:push,pull',
        }),
      ],
    ],
    [
      'Bearer realm="r" , error = "invalid_token", Basic realm="b"',
      [
        challenge('bearer', { realm: 'r', error: 'invalid_token' }),
        challenge('basic', { realm: 'b' }),
      ],
    ],
    [
      'Negotiate YWJjZA==, Basic realm=x',
      [challenge('negotiate'), challenge('basic', { realm: 'x' })],
    ],
    [', ,Basic realm="r",', [challenge('basic', { realm: 'r' })]],
    ['Basic realm="first", realm="second"', [challenge('basic', { realm: 'first' })]],
    ['Basic __proto__="x"', [{ scheme: 'basic', parameters: new Map([['__proto__', 'x']]) }]],
    ['Basic realm="never ends', [challenge('basic')]],
    ['Basic realm="a"x, Bearer', [challenge('basic', { realm: 'a' })]],
    ['realm="r"', []],
    ['"quoted"', []],
    ['', []],
  ])('%s', (header, expected) => {
    expect(parseChallenges([header])).toEqual(expected);
  });

  it('may stand in several headers', () => {
    expect(parseChallenges(['Bearer realm="a"', 'Basic realm="b"'])).toEqual([
      challenge('bearer', { realm: 'a' }),
      challenge('basic', { realm: 'b' }),
    ]);
  });

  it('is read whatever it is, in time that grows with its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aB =,"\\\t;/') }), text => {
        parseChallenges([text]);
      }),
    );
    const start = performance.now();
    for (const part of ['a', 'a ', '=', ' ', 'a=', '"', '\\', ',', 'a=b,', 'Basic a==']) {
      parseChallenges([part.repeat(16384 / part.length)]);
    }
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('gives back the values that were quoted', () => {
    fc.assert(
      fc.property(fc.string(), value => {
        const quoted = value.replaceAll(/["\\]/g, '\\$&');
        expect(parseChallenges([`X a="${quoted}", b=c`])).toEqual([
          challenge('x', { a: value, b: 'c' }),
        ]);
      }),
    );
  });
});
