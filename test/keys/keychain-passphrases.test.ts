import { describe, expect, it } from 'vitest';
import { keychainError } from '../../src/keys/keychain.ts';
import {
  KeychainPassphrases,
  type KeychainPassphrasesOptions,
  type Remembering,
} from '../../src/keys/keychain-passphrases.ts';
import {
  createWithPassphrase,
  type PassphraseSearch,
  type PassphraseSource,
  type PassphraseSubject,
  unlock,
} from '../../src/keys/passphrase.ts';
import { PromptPassphrases } from '../../src/keys/prompt-passphrases.ts';
import { MemoryKeychain } from '../support/memory-keychain.ts';

const ID = '1234567'.padEnd(64, '0');
const OTHER_ID = '89abcde'.padEnd(64, '0');
const RIGHT = 'the right passphrase';
const KEY: PassphraseSubject = { keyId: ID, role: 'targets', gun: 'reg.example/app' };

interface SceneOptions {
  readonly entry?: string;
  readonly remembering?: Remembering;
  /** What the person answers to “keep it?”; absent: nobody can be asked. */
  readonly wanted?: boolean;
  readonly renews?: boolean;
  /** What is on record. */
  readonly answers?: Record<string, 'kept' | 'declined'>;
  /** Sources before the keychain. */
  readonly before?: PassphraseSource[];
}

/** The keychain between other sources, and a person who types what is right. */
function scene({ entry, remembering = 'ask', wanted, before = [], ...rest }: SceneOptions = {}) {
  const keychain = new MemoryKeychain(entry === undefined ? {} : { [ID]: entry });
  const answers = new Map(Object.entries(rest.answers ?? {}));
  const notices: string[] = [];
  const questions: string[] = [];
  const searches: PassphraseSearch[] = [];
  const options: KeychainPassphrasesOptions = {
    open: async () => keychain,
    answers: {
      get: async id => answers.get(id),
      put: async (id, answer) => {
        if (answer === undefined) answers.delete(id);
        else answers.set(id, answer);
      },
    },
    remembering,
    notice: line => notices.push(line),
    renews: rest.renews ?? false,
    ...(wanted === undefined
      ? {}
      : {
          ask: async ({ keyId, role }) => {
            questions.push(`keep ${role} ${keyId?.slice(0, 7)}`);
            return wanted;
          },
        }),
  };
  const sources: PassphraseSource[] = [
    ...before,
    new KeychainPassphrases(options),
    new PromptPassphrases(async ({ kind, keyId }) => {
      questions.push(`${kind} ${keyId?.slice(0, 7)}`);
      return RIGHT;
    }),
    { name: 'listener', get: async () => undefined, searched: search => searches.push(search) },
  ];
  return {
    keychain,
    answers,
    notices,
    questions,
    searches,
    sources,
    unlock: (subject = KEY, right = RIGHT) =>
      unlock(sources, subject, async passphrase => (passphrase === right ? 'open' : undefined)),
    create: (subject = KEY) => createWithPassphrase(sources, subject, async () => 'made'),
  };
}

describe('an entry of the keychain', () => {
  it('opens its key, and nobody is asked anything', async () => {
    const { unlock, questions, searches } = scene({ entry: RIGHT, wanted: true });
    expect(await unlock()).toBe('open');
    expect(questions).toEqual([]);
    expect(searches[0]?.steps).toEqual([{ source: 'keychain', outcome: 'opened' }]);
  });

  it.each([true, false])(
    'that is wrong is tried once and replaced by what then opened the key (asked: %s)',
    async canAsk => {
      const { unlock, keychain, questions, searches } = scene({
        entry: 'outdated',
        ...(canAsk ? { wanted: false } : {}),
      });
      await unlock();
      expect(questions).toEqual(['unlock 1234567']);
      expect(keychain.entries.get(ID)).toBe(RIGHT);
      expect(searches[0]?.steps).toEqual([
        { source: 'keychain', outcome: 'wrong' },
        { source: 'prompt', outcome: 'opened' },
      ]);
      await unlock();
      expect(questions).toHaveLength(1);
    },
  );

  it('that is wrong goes when nothing is to be kept', async () => {
    const { unlock, keychain } = scene({ entry: 'outdated', remembering: 'never' });
    await unlock();
    expect(keychain.entries.size).toBe(0);
  });

  it('that is wrong is named when nothing else opens the key', async () => {
    const { unlock, keychain } = scene({ entry: 'outdated' });
    await expect(unlock(KEY, 'another')).rejects.toMatchObject({
      code: 'KEY_PASSPHRASE_WRONG',
      hint: expect.stringContaining('tabellion passphrase set 123456700000'),
      details: { tried: ['keychain', 'prompt'] },
    });
    expect(keychain.entries.get(ID)).toBe('outdated');
  });

  it('stays when another file of the key was opened, which may only claim to be of that key', async () => {
    const other = { ...KEY, isElsewhere: true };
    const { unlock, keychain, questions } = scene({ entry: 'of today', wanted: true });
    expect(await unlock(other)).toBe('open');
    expect(await unlock(other, 'of today')).toBe('open');
    expect(questions).toEqual(['unlock 1234567']);
    expect([...keychain.entries.values()]).toEqual(['of today']);
    const fresh = scene({ wanted: true, remembering: 'always' });
    await fresh.unlock(other);
    expect(fresh.keychain.entries.size).toBe(0);
  });

  it('is never the passphrase of a new key', async () => {
    const { create, questions } = scene({ entry: 'of the old key' });
    await create();
    expect(questions).toEqual(['create 1234567']);
  });

  it('is not looked for when a variable has the passphrase, nor replaced by it', async () => {
    const before = [
      { name: 'environment', get: async () => ({ passphrase: RIGHT, source: 'VARIABLE' }) },
    ];
    const { unlock, keychain } = scene({ entry: 'outdated', before, remembering: 'always' });
    await unlock();
    expect(keychain.asked).toEqual([]);
  });

  it('is replaced by a new passphrase out of a variable where the command is told to', async () => {
    const before = [
      { name: 'environment', get: async () => ({ passphrase: 'new', source: 'VARIABLE' }) },
    ];
    const renewing = scene({ entry: RIGHT, before, renews: true });
    await renewing.create();
    expect(renewing.keychain.entries.get(ID)).toBe('new');
    const without = scene({ before, renews: true, remembering: 'always' });
    await without.create();
    expect(without.keychain.entries.size).toBe(0);
  });

  it('is not looked for under a name that is no key ID', async () => {
    const { unlock, keychain } = scene({ remembering: 'always' });
    await unlock({ keyId: 'strange', role: 'targets' });
    await unlock({ role: 'root' });
    expect(keychain.asked).toEqual([]);
  });
});

describe('what a person typed', () => {
  it('is kept when the person says so', async () => {
    const { unlock, keychain, questions, answers } = scene({ wanted: true });
    await unlock();
    expect(questions).toEqual(['unlock 1234567', 'keep targets 1234567']);
    expect(keychain.entries.get(ID)).toBe(RIGHT);
    expect(answers.get(ID)).toBe('kept');
  });

  it('is not asked about again once the person said no', async () => {
    const first = scene({ wanted: false });
    await first.unlock();
    expect(first.keychain.entries.size).toBe(0);
    const second = scene({ wanted: true, answers: Object.fromEntries(first.answers) });
    await second.unlock();
    expect(second.questions).toEqual(['unlock 1234567']);
    expect(second.keychain.entries.size).toBe(0);
  });

  it('is asked about after a key is made', async () => {
    const { create, keychain, questions } = scene({ wanted: true });
    await create();
    expect(questions).toEqual(['create 1234567', 'keep targets 1234567']);
    expect(keychain.entries.get(ID)).toBe(RIGHT);
  });

  it('is asked about once in a run, but for root keys apart', async () => {
    const { create, keychain, questions } = scene({ wanted: true });
    await create({ keyId: OTHER_ID, role: 'root' });
    await create();
    await create({ keyId: 'f'.repeat(64), role: 'alice' });
    expect(questions.filter(question => question.startsWith('keep'))).toEqual([
      'keep root 89abcde',
      'keep targets 1234567',
    ]);
    expect(keychain.entries.size).toBe(3);
  });

  it.each([
    ['always', 1],
    ['never', 0],
  ] as const)('is, with “%s”, a matter of no question', async (remembering, entries) => {
    const { unlock, keychain, questions } = scene({ remembering, wanted: entries === 0 });
    await unlock();
    expect(questions).toEqual(['unlock 1234567']);
    expect(keychain.entries.size).toBe(entries);
  });

  it('is not kept where nobody can be asked', async () => {
    const { unlock, keychain } = scene();
    await unlock();
    expect(keychain.entries.size).toBe(0);
  });
});

describe('a keychain that does not serve', () => {
  const failure = keychainError('timeout', 'gave no answer within 2 seconds');

  it('is told of once, asked once, and the person is asked for the passphrase alone', async () => {
    const { unlock, keychain, questions, notices } = scene({ wanted: true });
    keychain.failure = failure;
    await unlock();
    await unlock({ keyId: OTHER_ID, role: 'alice' });
    expect(keychain.asked).toEqual(['get 1234567']);
    expect(notices).toEqual([
      'The keychain gave no answer within 2 seconds (TABELLION_KEYCHAIN=off leaves it alone)',
    ]);
    expect(questions).toEqual(['unlock 1234567', 'unlock 89abcde']);
  });

  it.each([
    ['not told of where there is none', 'ask', undefined, 0],
    ['told of where there is none any more, but had the passphrase', 'ask', 'kept', 1],
    ['told of where there is none, but is wanted', 'always', undefined, 1],
  ] as const)('is %s', async (_, remembering, answer, count) => {
    const { unlock, keychain, notices, answers } = scene({ remembering });
    keychain.failure = keychainError('unavailable', 'cannot be used: there is none');
    if (answer !== undefined) answers.set(ID, answer);
    expect(await unlock()).toBe('open');
    expect(notices).toHaveLength(count);
  });

  it('is not told of when a key is made, and no question comes that it could not keep', async () => {
    const { create, keychain, questions, notices } = scene({ wanted: true });
    keychain.failure = failure;
    await create();
    expect(notices).toEqual([]);
    expect(questions).toEqual(['create 1234567']);
  });

  it('does not undo what was done when it refuses an entry', async () => {
    const { unlock, keychain, notices, answers } = scene({ remembering: 'always' });
    keychain.set = async () => {
      throw keychainError('locked', 'is locked');
    };
    expect(await unlock()).toBe('open');
    expect(notices).toEqual(['The keychain is locked (TABELLION_KEYCHAIN=off leaves it alone)']);
    expect(answers.size).toBe(0);
  });

  it('is told of when it lost what was kept there, as a locked one seems to', async () => {
    const { unlock, questions, notices } = scene({ wanted: true, answers: { [ID]: 'kept' } });
    await unlock();
    expect(notices).toEqual([
      expect.stringMatching(
        /does not give the passphrase of the targets key .* it is locked, or the entry was removed/,
      ),
    ]);
    expect(questions).toEqual(['unlock 1234567']);
  });
});
