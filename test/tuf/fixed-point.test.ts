import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/crypto/canonical-json.ts';
import { TabellionError } from '../../src/errors.ts';
import { applyChange } from '../../src/tuf/apply-change.ts';
import {
  addTarget,
  type Change,
  createDelegation,
  decodeChange,
  encodeChange,
  targetOf,
  updateDelegation,
} from '../../src/tuf/change.ts';
import { decodeRoot, decodeSnapshot, decodeTargets } from '../../src/tuf/decode.ts';
import {
  encodeFile,
  encodeMeta,
  encodeRoot,
  encodeTargets,
  signedMessage,
} from '../../src/tuf/encode.ts';
import { openEnvelope } from '../../src/tuf/envelope.ts';
import { NO_PINNING } from '../../src/tuf/pinning.ts';
import { Repository } from '../../src/tuf/repository.ts';
import { verifyFirstRoot } from '../../src/tuf/root-trust.ts';
import { type SignedFiles, signRepository } from '../../src/tuf/sign-repository.ts';
import { sameTarget, type Target } from '../../src/tuf/target.ts';
import { TrustedSet } from '../../src/tuf/trusted-set.ts';
import { GO_DATE, goFile, goShapeProblems, OWN_DATE } from '../support/go-encoder.ts';
import { FIXTURES, StaticRemote } from '../support/metadata-fixtures.ts';
import {
  GUN,
  type JsonObject,
  keyRing,
  MetadataSimulator,
  NOW,
  newKey,
  newRootKey,
  SimulatedClient,
} from '../support/metadata-simulator.ts';

/** Decodes a file and encodes it again, as a client does that signs a snapshot over what it loaded. */
function reprinted(role: string, file: Uint8Array): string {
  const { signed, signatures } = openEnvelope(file, role);
  const payload =
    role === 'root'
      ? encodeRoot(decodeRoot(signed))
      : role === 'snapshot'
        ? encodeMeta('Snapshot', decodeSnapshot(signed))
        : encodeTargets(decodeTargets(signed, role));
  return String(Buffer.from(encodeFile(signedMessage(payload), signatures)));
}

function expectFixedPoint(role: string, file: Uint8Array): JsonObject {
  const text = String(Buffer.from(file));
  const parsed = JSON.parse(text) as { signed: JsonObject; signatures: never };
  expect(goFile(parsed)).toBe(text);
  expect(goShapeProblems(parsed.signed)).toEqual([]);
  expect(reprinted(role, file)).toBe(text);
  return parsed.signed;
}

const DIGEST = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map(bytes => Buffer.from(bytes).toString('base64'));
const LONG_DIGEST = fc
  .uint8Array({ minLength: 64, maxLength: 64 })
  .map(bytes => Buffer.from(bytes).toString('base64'));
const ODD = fc.constantFrom(
  '<',
  '>',
  '&',
  '\u2028',
  '\u2029',
  '"',
  '\\',
  '/',
  '\u007f',
  'é',
  '\uff5e',
  '😀',
  '\ufffd',
  ' ',
  '__proto__',
  '1',
  '10',
  '2',
);
const PLAIN = fc.constantFrom(
  'a',
  'Z',
  '0',
  '9',
  'é',
  '\uff5e',
  '😀',
  '"',
  '\\',
  '/',
  '\u007f',
  '\ufffd',
);
const NAME = fc
  .oneof(
    fc.string({ unit: ODD, minLength: 1, maxLength: 6 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  )
  .filter(name => !/[\u0000-\u001f]/.test(name) && name.isWellFormed());
/** Custom data as Notary can sign it again. */
const CUSTOM: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<JsonValue>(null, true, false, 0, -1, 2 ** 53, -(2 ** 53)),
    fc.maxSafeInteger(),
    fc.string({ unit: PLAIN, maxLength: 5 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.string({ unit: PLAIN, maxLength: 4 }), tie('value')), { maxLength: 3 })
      .map(members => Object.fromEntries(members) as JsonValue),
  ),
})).value;
const TARGET: fc.Arbitrary<Target> = fc.record(
  {
    length: fc.maxSafeInteger().map(Math.abs),
    hashes: fc.record({ sha256: DIGEST, sha512: LONG_DIGEST }, { requiredKeys: ['sha256'] }),
    custom: CUSTOM.filter(custom => custom !== null),
  },
  { requiredKeys: ['length', 'hashes'] },
) as fc.Arbitrary<Target>;
const ROLE = fc
  .string({ unit: fc.constantFrom('a', 'b', '-', '_', '0'), minLength: 1, maxLength: 3 })
  .map(name => `targets/${name}`);

const DELEGATE = newKey();
const CERTIFIED = newRootKey({ gun: 'a delegate' });

const CHANGES: fc.Arbitrary<Change[]> = fc
  .record({
    targets: fc.array(fc.tuple(NAME, TARGET), { maxLength: 6 }),
    roles: fc.uniqueArray(
      fc.record({
        role: ROLE,
        paths: fc.array(NAME, { maxLength: 3 }),
        keys: fc.subarray([DELEGATE, CERTIFIED]),
        emptied: fc.boolean(),
        target: fc.option(TARGET, { nil: undefined }),
      }),
      { maxLength: 3, selector: ({ role }) => role },
    ),
  })
  .map(({ targets, roles }) => [
    ...targets.map(([name, target]) => addTarget('targets', name, target)),
    ...roles.flatMap(({ role, paths, keys, emptied, target }) => [
      createDelegation(role, { threshold: 1, addKeys: keys.map(key => key.publicKey) }),
      createDelegation(role, { addPaths: paths }),
      ...(target !== undefined && keys.length > 0 && paths[0] !== undefined
        ? [addTarget(role, paths[0], target)]
        : []),
      ...(emptied && target === undefined
        ? [updateDelegation(role, { removeKeys: keys.map(({ signer }) => signer.id) })]
        : []),
    ]),
  ]);

describe('every file that is signed', () => {
  const server = MetadataSimulator.published();
  const ring = keyRing(...[...server.keys.values()].flat(), DELEGATE, CERTIFIED);

  async function signed(changes: Change[]): Promise<SignedFiles> {
    const { trusted } = await new SimulatedClient().update(server);
    const repository = Repository.fromTrusted(trusted);
    for (const change of changes) {
      // Through its file, as changes come.
      await applyChange(repository, decodeChange(Buffer.from(encodeChange(change))), ring);
    }
    return await signRepository(repository, ring, NOW);
  }

  it('is what Go would print again, byte for byte, and verifies', async () => {
    await fc.assert(
      fc.asyncProperty(CHANGES, async changes => {
        const { files } = await signed(changes);
        for (const [role, file] of files) {
          expect(expectFixedPoint(role, file).expires).toMatch(OWN_DATE);
        }
        const copy = new MetadataSimulator();
        copy.keys.set('timestamp', server.keysOf('timestamp'));
        copy.receive(new Map([...server.files, ...files]));
        const { trusted } = await new SimulatedClient().update(copy);
        expect([...trusted.invalid.keys()]).toEqual([]);
        const last = new Map(
          changes
            .filter(({ type }) => type === 'target')
            .map(change => [`${change.role} ${change.path}`, change]),
        );
        for (const change of last.values()) {
          const found = trusted.targets.get(change.role)?.metadata.targets.get(change.path);
          expect(found !== undefined && sameTarget(found, targetOf(change))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is the same content when the same changes come again, so that nothing is to be done', async () => {
    await fc.assert(
      fc.asyncProperty(CHANGES, async changes => {
        const { trusted } = await new SimulatedClient().update(server);
        const repository = Repository.fromTrusted(trusted);
        const unique = new Map(
          changes.filter(({ type }) => type === 'target').map(change => [change.path, change]),
        );
        const wanted = [...unique.values()].filter(({ role }) => role === 'targets');
        for (const change of wanted) await applyChange(repository, change, ring);
        for (const change of wanted)
          expect(await applyChange(repository, change, keyRing())).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  it('is made only from what Go can sign again: any other name or custom data is refused', async () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 8 });
    const anything = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }) as fc.Arbitrary<JsonValue>;
    await fc.assert(
      fc.asyncProperty(anyText, anything, async (name, custom) => {
        const change = addTarget('targets', name, {
          length: 1,
          hashes: { sha256: `${'A'.repeat(43)}=` },
          custom,
        });
        let files: SignedFiles['files'];
        try {
          ({ files } = await signed([change]));
        } catch (error) {
          if (!(error instanceof TabellionError)) throw error;
          expect(['TARGET_NAME_INVALID', 'TARGET_CUSTOM_INVALID']).toContain(error.code);
          return;
        }
        expectFixedPoint('targets', files.get('targets') as Uint8Array);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the files of the real programs', () => {
  const folders = [
    'a/server',
    'b/server',
    'c/server',
    'd/server-before-publish',
    'd/server-after-publish',
    'e/server',
  ];

  it.each(folders)('in %s are fixed points, as the engine encodes them', folder => {
    for (const [name, file] of new StaticRemote(folder).files) {
      const role = name.replace(/^\d+\./, '');
      if (role === 'timestamp') continue;
      expect(reprinted(role, file), name).toBe(String(file));
      expect(String(JSON.parse(String(file)).signed.expires), name).toMatch(GO_DATE);
      expect(goFile(JSON.parse(String(file))), name).toBe(String(file));
    }
  });

  it('are all there', () => {
    expect(new Set(folders.map(folder => folder[0]))).toEqual(new Set(FIXTURES));
  });
});

it('what was signed is what is in the file: the five characters are escaped in the file alone', async () => {
  const server = MetadataSimulator.published();
  server.addTarget('targets', 'a<b>&\u2028\u2029');
  server.publish(['targets']);
  const file = String(server.files.get('targets'));
  expect(file).toContain('a\\u003cb\\u003e\\u0026\\u2028\\u2029');
  const root = verifyFirstRoot(server.files.get('root') as Buffer, {
    gun: GUN,
    now: NOW,
    pinning: NO_PINNING,
  });
  const set = new TrustedSet(root, { gun: GUN, now: NOW, pinning: NO_PINNING });
  expect(
    set.verifyTargets('targets', Buffer.from(file)).metadata.targets.has('a<b>&\u2028\u2029'),
  ).toBe(true);
});
