import { describe, expect, it } from 'vitest';
import type { CeremonyKind, CeremonyRepository } from '../../src/ceremony/ceremony-file.ts';
import { isComplete, missingSignatures, reviewRepository } from '../../src/ceremony/review.ts';
import { makeRootCertificate } from '../../src/crypto/certificate.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/crypto/private-key.ts';
import { keyId, type PublicKey } from '../../src/crypto/public-key.ts';
import { TrustError } from '../../src/errors.ts';
import { encodeFile } from '../../src/tuf/encode.ts';
import { initialise } from '../../src/tuf/initialise.ts';
import type { RootMetadata } from '../../src/tuf/metadata.ts';
import { NO_PINNING, type TrustPinning } from '../../src/tuf/pinning.ts';
import { assembleRoot, proposeRoot, rootMessage } from '../../src/tuf/root-proposal.ts';
import { verifyFirstRoot, verifyNextRoot } from '../../src/tuf/root-trust.ts';
import { expectFailure } from '../support/expect-failure.ts';

const GUN = 'localhost:5000/app';
const NOW = new Date('2026-11-22T00:00:00Z');

interface Holder {
  readonly key: PrivateKey;
  readonly certificate: PublicKey;
}

function holder(gun = GUN, notBefore = NOW): Holder {
  const key = generatePrivateKey('ecdsa');
  return { key, certificate: certificateOf(key, gun, notBefore) };
}

function certificateOf(key: PrivateKey, gun = GUN, notBefore = NOW): PublicKey {
  const pem = makeRootCertificate({ key, gun, notBefore });
  return { keytype: 'ecdsa-x509', publicBytes: Buffer.from(pem) };
}

const [alice, bob, carol] = [holder(), holder(), holder()];
const bare = () => generatePrivateKey('ecdsa').publicKey;

async function signed(message: Uint8Array, ...holders: Holder[]) {
  return await Promise.all(
    holders.map(async ({ key, certificate }) => ({
      keyId: keyId(certificate),
      ...(await key.sign(message)),
    })),
  );
}

/** A first root whose keys are these, and so many of which must sign; and the file that all of them signed. */
async function firstRoot(threshold: number, ...holders: Holder[]) {
  const [first] = holders;
  if (first === undefined) throw new Error('nobody');
  const keys = { targets: bare(), snapshot: bare(), timestamp: bare() };
  const { root: unsigned } = initialise(GUN, { root: first.certificate, ...keys });
  const keysOfRoot = holders.map(({ certificate }) => certificate);
  const root = proposeRoot(unsigned, { role: 'root', keys: keysOfRoot, threshold }, NOW);
  const message = rootMessage(root);
  const file = encodeFile(Buffer.from(message).toString(), await signed(message, ...holders));
  return { root, file };
}

const { root: ONE, file: ONE_FILE } = await firstRoot(1, alice);

/** The same root, which somebody else signed in Alice's name. */
const FORGED = encodeFile(
  Buffer.from(rootMessage(ONE)).toString(),
  await signed(rootMessage(ONE), { ...bob, certificate: alice.certificate }),
);

function asked(
  kind: CeremonyKind,
  role: string,
  proposed: RootMetadata,
  base: Uint8Array | undefined = ONE_FILE,
): CeremonyRepository {
  return {
    ...{ gun: GUN, server: 'https://notary.example', kind, role, base },
    proposed: rootMessage(proposed),
  };
}

const review = (repository: CeremonyRepository, pinning: TrustPinning = NO_PINNING) =>
  reviewRepository(repository, [], { now: NOW, pinning });

const rotated = proposeRoot(ONE, { role: 'targets', keys: [bare()] }, NOW);

describe('a request under review', () => {
  it('tells a new repository key, and needs the one root key', async () => {
    const repository = asked('rotate', 'targets', rotated);
    const reviewed = review(repository);
    expect(reviewed.differences).toMatchObject([
      { role: 'targets', added: [{}], removed: [{}], kept: [], threshold: { before: 1, after: 1 } },
    ]);
    expect(missingSignatures(reviewed)).toEqual([1]);
    const signatures = await signed(repository.proposed, alice);
    const again = reviewRepository(repository, signatures, { now: NOW, pinning: NO_PINNING });
    expect(isComplete(again)).toBe(true);
    const context = { gun: GUN, now: NOW, pinning: NO_PINNING };
    const file = assembleRoot(repository.proposed, again.signers, signatures);
    const next = verifyNextRoot(file, verifyFirstRoot(ONE_FILE, context), context);
    expect(next.metadata.version).toBe(2);
  });

  it('needs old and new root keys for a change of these, each to its own threshold', async () => {
    const two = [bob.certificate, carol.certificate];
    const proposed = proposeRoot(ONE, { role: 'root', keys: two, threshold: 2 }, NOW);
    const repository = asked('rotate-root', 'root', proposed);
    expect(missingSignatures(review(repository))).toEqual([2, 1]);
    for (const [holders, missing] of [
      [[alice], [2, 0]],
      [
        [bob, alice],
        [1, 0],
      ],
      [
        [bob, carol],
        [0, 1],
      ],
      [
        [carol, alice, bob],
        [0, 0],
      ],
    ] as const) {
      const signatures = await signed(repository.proposed, ...holders);
      const reviewed = reviewRepository(repository, signatures, { now: NOW, pinning: NO_PINNING });
      expect(missingSignatures(reviewed)).toEqual(missing);
    }
  });

  it('takes a new certificate of the same key for a change of root: one key signs for both', async () => {
    const later = new Date('2026-11-23T00:00:00Z');
    const renewed = { key: alice.key, certificate: certificateOf(alice.key, GUN, later) };
    const proposed = proposeRoot(ONE, { role: 'root', keys: [renewed.certificate] }, NOW);
    const repository = asked('rotate-root', 'root', proposed);
    const signatures = await signed(repository.proposed, alice, renewed);
    const reviewed = reviewRepository(repository, signatures, { now: later, pinning: NO_PINNING });
    expect(reviewed.signers).toHaveLength(2);
    expect(isComplete(reviewed)).toBe(true);
  });

  it('counts one key once, under however many certificates', async () => {
    const again = { key: alice.key, certificate: certificateOf(alice.key) };
    const keys = [alice.certificate, again.certificate];
    await expectFailure(
      () => proposeRoot(ONE, { role: 'root', keys, threshold: 2 }, NOW),
      TrustError,
      'THRESHOLD_UNATTAINABLE',
    );
  });

  const withRole = (root: RootMetadata, role: string, ...keys: PublicKey[]): RootMetadata => ({
    ...root,
    keys: new Map([...root.keys, ...keys.map(key => [keyId(key), key] as const)]),
    roles: new Map([...root.roles, [role, { keyIds: keys.map(keyId), threshold: 1 }]]),
  });
  const stray = bare();
  const expired = new Date('2015-01-01T00:00:00Z');

  it.each<[string, CeremonyRepository]>([
    [
      'a root key beside the repository key',
      asked('rotate', 'targets', withRole(rotated, 'root', alice.certificate, bob.certificate)),
    ],
    ['another role than it says', asked('rotate', 'snapshot', rotated)],
    ['a role that no repository has', asked('rotate', 'targets', withRole(rotated, 'evil', stray))],
    [
      'a key that no role names',
      asked('rotate', 'targets', {
        ...rotated,
        keys: new Map([...rotated.keys, [keyId(stray), stray]]),
      }),
    ],
    [
      'a key under a wrong ID',
      asked('rotate', 'targets', {
        ...rotated,
        keys: new Map([...rotated.keys, ['00'.repeat(32), stray]]),
      }),
    ],
    ['a version left out', asked('rotate', 'targets', { ...rotated, version: 3 })],
    ['the same version', asked('rotate', 'targets', { ...rotated, version: 1 })],
    ['nothing at all', asked('rotate', 'targets', { ...ONE, version: 2 })],
    ['the same root key for a new one', asked('rotate-root', 'root', { ...ONE, version: 2 })],
    ['other names of files', asked('rotate', 'targets', { ...rotated, consistentSnapshot: true })],
    [
      'a root key under a renewal',
      asked('renew-root', 'root', proposeRoot(ONE, { role: 'root', keys: [bob.certificate] }, NOW)),
    ],
    [
      'a root key that goes under one that comes',
      asked(
        'add-root-key',
        'root',
        proposeRoot(ONE, { role: 'root', keys: [bob.certificate] }, NOW),
      ),
    ],
    ['a repository key under a renewal', asked('renew-root', 'root', rotated)],
    [
      'a rotation of root by the wrong name',
      asked('rotate', 'root', proposeRoot(ONE, { role: 'root', keys: [bob.certificate] }, NOW)),
    ],
    ['a delegation', asked('rotate', 'targets/releases', rotated)],
  ])('is refused with %s', async (_name, repository) => {
    await expectFailure(() => review(repository), TrustError, 'CEREMONY_UNDECLARED_CHANGE');
  });

  it.each<[string, string, CeremonyRepository]>([
    [
      'of a root key that is no certificate',
      'ROOT_CERTIFICATE_INVALID',
      asked('rotate-root', 'root', proposeRoot(ONE, { role: 'root', keys: [bare()] }, NOW)),
    ],
    [
      'with one for another repository',
      'ROOT_CERTIFICATE_INVALID',
      asked(
        'add-root-key',
        'root',
        proposeRoot(
          ONE,
          { role: 'root', keys: [alice.certificate, holder('localhost:5000/other').certificate] },
          NOW,
        ),
      ),
    ],
    [
      'with one that has expired',
      'ROOT_CERTIFICATE_INVALID',
      asked(
        'add-root-key',
        'root',
        proposeRoot(
          ONE,
          { role: 'root', keys: [alice.certificate, holder(GUN, expired).certificate] },
          NOW,
        ),
      ),
    ],
    [
      'that has expired itself',
      'METADATA_EXPIRED',
      asked('rotate', 'targets', { ...rotated, expires: '2026-11-21T00:00:00Z' }),
    ],
    [
      'after a root that its own keys did not sign',
      'SIGNATURE_THRESHOLD',
      asked('rotate', 'targets', rotated, FORGED),
    ],
    [
      'after a root of another repository',
      'ROOT_CERTIFICATE_INVALID',
      { ...asked('rotate', 'targets', rotated), gun: 'localhost:5000/other' },
    ],
  ])('for a root %s is refused', async (_name, code, repository) => {
    await expectFailure(() => review(repository), TrustError, code);
  });

  it('is refused where the proposed root is written in another way', async () => {
    const repository = asked('rotate', 'targets', rotated);
    const text = Buffer.from(repository.proposed).toString();
    for (const other of [
      ` ${text}`,
      text.replace('"_type"', '"_type" '),
      text.replace('{', '{"A":1,'),
    ]) {
      const proposed = Buffer.from(other);
      await expectFailure(
        () => review({ ...repository, proposed }),
        TrustError,
        'METADATA_MALFORMED',
      );
    }
  });

  it('obeys the pins of this machine, before and after', async () => {
    const pinned = (...ids: PublicKey[]): TrustPinning => ({
      ...NO_PINNING,
      certs: new Map([[GUN, ids.map(keyId)]]),
    });
    const proposed = proposeRoot(ONE, { role: 'root', keys: [bob.certificate] }, NOW);
    const repository = asked('rotate-root', 'root', proposed);
    expect(() => review(repository, pinned(alice.certificate, bob.certificate))).not.toThrow();
    for (const pinning of [
      pinned(carol.certificate),
      pinned(alice.certificate),
      pinned(bob.certificate),
    ])
      await expectFailure(() => review(repository, pinning), TrustError, 'PIN_MISMATCH');
  });

  it('is refused with a signature that does not hold, or of a stranger', async () => {
    const repository = asked('rotate', 'targets', rotated);
    const good = await signed(repository.proposed, alice);
    const other = await signed(rootMessage(ONE), alice);
    const stranger = await signed(repository.proposed, bob);
    for (const signatures of [other, stranger, [...good, ...stranger]])
      await expectFailure(
        () => reviewRepository(repository, signatures, { now: NOW, pinning: NO_PINNING }),
        TrustError,
        'CEREMONY_SIGNATURE_INVALID',
      );
  });
});
