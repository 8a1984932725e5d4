import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import {
  decide,
  type ReviewRules,
  unknownNames,
} from '../../../src/operations/rotation/review-decision.ts';
import type {
  ReviewItems,
  SignerItem,
  TagItem,
} from '../../../src/operations/rotation/review-items.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

function tag(name: string, standing: TagItem['standing'], more: Partial<TagItem> = {}): TagItem {
  const roles = ['targets'];
  const id = `${name} ${standing} ${more.sha256 ?? A}`;
  return { kind: 'tag', id, tag: name, sha256: A, size: 1, roles, standing, ...more };
}

function signer(
  name: string,
  standing: SignerItem['standing'],
  more: Partial<SignerItem> = {},
): SignerItem {
  const role = `targets/${name}`;
  const none = { keyIds: [], paths: [] };
  return {
    ...{ kind: 'signer', id: name, role, keyIds: ['k'], threshold: 1, paths: [''], standing },
    ...{ added: none, removed: none, ...more },
  };
}

const items: ReviewItems = {
  tags: [
    tag('1.0', 'known'),
    tag('1.1', 'changed'),
    tag('6.6', 'new'),
    tag('only-mallory', 'new', { roles: ['targets/mallory'] }),
    tag('two', 'new'),
    tag('two', 'new', { sha256: B }),
  ],
  signers: [
    signer('alice', 'known'),
    signer('mallory', 'new'),
    signer('releases', 'changed', { added: { keyIds: ['m'], paths: [] } }),
    signer('weak', 'changed', { thresholdWas: 2 }),
  ],
  goneTags: [],
  goneSigners: [],
};

/** What becomes of everything: `1.0 keep`, … */
function fates(rules: ReviewRules): string[] {
  const { tags, signers } = decide(items, rules);
  return [
    ...[...tags].map(([item, fate]) => `${item.tag}${item.sha256 === B ? ' (B)' : ''} ${fate}`),
    ...[...signers].map(([{ role }, fate]) => `${role.slice('targets/'.length)} ${fate}`),
  ];
}

const fateOf = (name: string, rules: ReviewRules): string | undefined =>
  fates(rules)
    .find(line => line.startsWith(`${name} `))
    ?.slice(name.length + 1);

describe('a decision', () => {
  test('is made by nobody but the person', () => {
    expect(fates({}).every(line => line.endsWith(' undecided'))).toBe(true);
    const { undecidedTags, undecidedSigners } = decide(items, {});
    expect(undecidedTags).toHaveLength(6);
    expect(undecidedSigners).toHaveLength(4);
  });

  test('for what is known keeps that and no more; a signer loses what it got since', () => {
    expect(fates({ keepKnown: true, dropRest: true })).toEqual([
      ...['1.0 keep', '1.1 drop', '6.6 drop', 'only-mallory drop', 'two drop', 'two (B) drop'],
      ...['alice keep', 'mallory drop', 'releases restore', 'weak drop'],
    ]);
  });

  test('for what is known leaves the rest open', () => {
    const { undecidedTags, undecidedSigners } = decide(items, { keepKnown: true });
    expect(undecidedTags.map(item => item.tag)).toEqual([
      ...['1.1', '6.6', 'only-mallory', 'two', 'two'],
    ]);
    // That fewer signatures are needed than before cannot be undone by taking keys away.
    expect(undecidedSigners.map(({ role }) => role)).toEqual(['targets/mallory', 'targets/weak']);
  });

  test.each<[string, ReviewRules, string]>([
    ['1.0', { keepKnown: true, drop: ['1.0'] }, 'drop'],
    ['6.6', { keepKnown: true, dropRest: true, keep: ['6.6'] }, 'keep'],
    ['6.6', { keepAll: true, drop: ['6.6'] }, 'drop'],
    ['6.6', { keepAll: true }, 'keep'],
    ['two', { keep: [`two@sha256:${A}`] }, 'keep'],
    ['two (B)', { keep: [`two@sha256:${A}`] }, 'undecided'],
    ['two (B)', { drop: ['two'] }, 'drop'],
    ['only-mallory', { dropSigners: ['targets/mallory'] }, 'drop'],
    ['only-mallory', { dropSigners: ['targets/mallory'], keep: ['only-mallory'] }, 'keep'],
    ['alice', { keepKnown: true, dropSigners: ['targets/alice'] }, 'drop'],
    ['alice', { keepKnown: true, rekeySigners: ['targets/alice'] }, 'rekey'],
    ['releases', { keepKnown: true, keepSigners: ['targets/releases'] }, 'keep'],
    ['releases', { keepAll: true }, 'keep'],
    ['mallory', { keptIds: ['mallory'] }, 'keep'],
    ['mallory', { droppedIds: ['mallory'], keepAll: true }, 'drop'],
    ['releases', { restoredIds: ['releases'], dropRest: true }, 'restore'],
    ['6.6', { keptIds: [`6.6 new ${A}`], dropRest: true }, 'keep'],
  ])('what is said more exactly counts: %s with %j', (name, rules, fate) => {
    expect(fateOf(name, rules)).toBe(fate);
  });

  test.each<[string, ReviewRules, string]>([
    ['a tag with two contents', { keep: ['two'] }, 'REVIEW_AMBIGUOUS'],
    ['a tag to be kept and dropped', { keep: ['6.6'], drop: ['6.6'] }, 'REVIEW_CONFLICT'],
    ['a signer too', { keepSigners: ['targets/a'], dropSigners: ['targets/a'] }, 'REVIEW_CONFLICT'],
    [
      'a re-keyed one',
      { rekeySigners: ['targets/a'], dropSigners: ['targets/a'] },
      'REVIEW_CONFLICT',
    ],
    ['everything', { keepAll: true, dropRest: true }, 'REVIEW_CONFLICT'],
    ['releases', { rekeySigners: ['targets/releases'] }, 'SIGNER_RESERVED'],
  ])('that contradicts itself is refused: %s', (_name, rules, code) => {
    expect(() => decide(items, rules)).toThrow(expect.objectContaining({ code }));
    expect(() => decide(items, rules)).toThrow(UsageError);
  });

  test('about what is not there is noticed', () => {
    const rules = {
      keep: ['1.0', '1.O', `two@sha256:${'c'.repeat(64)}`],
      drop: ['6.6'],
      dropSigners: ['targets/mallory', 'targets/malory'],
    };
    expect(unknownNames(items, rules)).toEqual([
      '1.O',
      `two@sha256:${'c'.repeat(64)}`,
      'targets/malory',
    ]);
  });
});
