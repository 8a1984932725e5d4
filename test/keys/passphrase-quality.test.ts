import { describe, expect, it, test } from 'vitest';
import { KeyError } from '../../src/errors.ts';
import { GeneratedPassphrases, generatePassphrase } from '../../src/keys/generated-passphrases.ts';
import { passphraseQuality } from '../../src/keys/passphrase-quality.ts';
import { isObviouslyWeak, WeakPassphraseNotice } from '../../src/keys/weak-passphrase-notice.ts';

const KEY = { keyId: 'a'.repeat(64), role: 'targets', gun: 'reg.example/app' };
const CREATE = { ...KEY, purpose: 'create', attempt: 0 } as const;

describe('the quality of a passphrase', () => {
  test.each([
    ['password1', 0],
    ['qwertyuiop', 0],
    ['aaaaaaaaaaaa', 0],
    ['reg.example/app', 0],
    ['lamp gravel otter nine', 4],
  ])('%s', async (passphrase, score) => {
    expect((await passphraseQuality(passphrase, [KEY.gun, KEY.role])).score).toBe(score);
  });

  it('says what is wrong, and takes long ones', async () => {
    expect(await passphraseQuality('password1', [])).toMatchObject({
      weakness: 'it is a common password, or like one',
    });
    expect(await passphraseQuality(generatePassphrase().repeat(1000), [])).toEqual({ score: 4 });
  });
});

describe('the notice of weak passphrases that nobody typed', () => {
  test.each([
    'short',
    'my-passphrase',
    'root-password',
    'changeme1234',
    '123456789012345',
    'aaaaabbbbbaaaaa',
  ])('%s is one', passphrase => {
    expect(isObviouslyWeak(passphrase)).toBe(true);
  });

  it('comes once for each place, for new keys only, and never holds the passphrase', () => {
    const lines: string[] = [];
    const notice = new WeakPassphraseNotice(line => lines.push(line));
    const answer = { passphrase: 'hunter2', source: 'NOTARY_ROOT_PASSPHRASE' };
    notice.accepted({ ...CREATE, purpose: 'unlock' }, answer);
    notice.accepted(CREATE, { ...answer, source: 'prompt' });
    notice.accepted(CREATE, { ...answer, passphrase: 'lamp gravel otter nine' });
    expect(lines).toEqual([]);
    for (let times = 0; times < 3; times++) notice.accepted(CREATE, answer);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('NOTARY_ROOT_PASSPHRASE');
    expect(lines[0]).not.toContain('hunter2');
  });
});

describe('generated passphrases', () => {
  it('have 128 bits or more, and are never the same', () => {
    const many = Array.from({ length: 1000 }, generatePassphrase);
    for (const one of many) expect(one).toMatch(/^(?:[a-hjkmnp-z2-9]{4}-){6}[a-hjkmnp-z2-9]{4}$/);
    expect(new Set(many).size).toBe(1000);
    const letters = new Set(many.join('').replaceAll('-', ''));
    expect(28 * Math.log2(letters.size)).toBeGreaterThan(128);
  });

  it('are kept before they are used: one for root keys, one for the others, told of each key', async () => {
    const kept: [string, string][] = [];
    const shown: [string, boolean][] = [];
    const source = new GeneratedPassphrases({
      keep: async (id, passphrase) => kept.push([id, passphrase]) > 0,
      show: (_, passphrase, isKept) => shown.push([passphrase, isKept]),
    });
    const get = async (keyId: string, role: string) =>
      (await source.get({ ...CREATE, keyId, role }))?.passphrase ?? '';
    const [targets, alice, root] = [
      await get('1', 'targets'),
      await get('2', 'alice'),
      await get('3', 'root'),
    ];
    expect(alice).toBe(targets);
    expect(root).not.toBe(targets);
    expect(kept).toEqual([
      ['1', targets],
      ['2', targets],
      ['3', root],
    ]);
    expect(shown).toEqual([
      [targets, true],
      [targets, true],
      [root, true],
    ]);
    expect(await source.get({ ...CREATE, purpose: 'unlock' })).toBeUndefined();
  });

  it('are not used where nobody would know them', async () => {
    const keep = async () => false;
    const failing = new GeneratedPassphrases({ keep }).get(CREATE);
    await expect(failing).rejects.toThrow(KeyError);
    const shown: boolean[] = [];
    const show = (_: unknown, __: string, isKept: boolean) => shown.push(isKept);
    await new GeneratedPassphrases({ keep, show }).get(CREATE);
    expect(shown).toEqual([false]);
  });
});
