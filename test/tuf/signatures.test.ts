import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../src/crypto/certificate.ts';
import { generatePrivateKey, PrivateKey } from '../../src/crypto/private-key.ts';
import { TrustError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  asListed,
  type JsonObject,
  MetadataSimulator,
  NOW,
  newKey,
  newRootKey,
  type SignatureJson,
  SimulatedClient,
  type SimulatedKey,
  signatureOf,
  type Tampering,
  withCertificate,
} from '../support/metadata-simulator.ts';

const BASE_ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const;

/** Whether a first-time client takes a repository in which one file was signed in some odd way. */
async function offer(
  role: string,
  tampering: Tampering,
  server = MetadataSimulator.published(),
): Promise<unknown> {
  server.publish(['root', 'targets'], { [role]: tampering });
  return await new SimulatedClient().update(server);
}

const garbled = (signature: SignatureJson): SignatureJson => {
  const bytes = Buffer.from(signature.sig, 'base64');
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  return { ...signature, sig: bytes.toString('base64') };
};

function rsaKey(bits: number): PrivateKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return PrivateKey.fromPkcs1(privateKey.export({ format: 'der', type: 'pkcs1' }));
}

describe.each(BASE_ROLES)('the signatures of %s', role => {
  it('must be there', async () => {
    await expectFailure(offer(role, { signatures: () => [] }), TrustError, 'NO_SIGNATURES');
  });

  it('must be over this payload', async () => {
    const changed: Tampering = { signed: text => text.replace('"version":2', '"version":3') };
    await expectFailure(offer(role, changed), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('must be by a key of the role', async () => {
    const stranger = role === 'root' ? newRootKey() : newKey();
    const error = await expectFailure(
      offer(role, { signers: [stranger] }),
      TrustError,
      'SIGNATURE_THRESHOLD',
    );
    expect(error.details).toMatchObject({
      role,
      threshold: 1,
      valid: 0,
      signedByKeyIds: [stranger.id],
    });
  });

  it('must not only bear the ID of a key of the role', async () => {
    const stranger = newKey();
    const forged: Tampering = {
      signatures: ([honest], message) => [
        { ...signatureOf(stranger, message), keyid: honest?.keyid ?? '' },
      ],
    };
    await expectFailure(offer(role, forged), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('must reach a threshold of two', async () => {
    const two = role === 'root' ? [newRootKey(), newRootKey()] : [newKey(), newKey()];
    const server = MetadataSimulator.published();
    server.setKeys(role, two, 2);
    await offer(role, {}, server);
    const one: Tampering = { signers: two.slice(0, 1) };
    await expectFailure(offer(role, one, server), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('are not many because one of them stands there many times', async () => {
    const two = role === 'root' ? [newRootKey(), newRootKey()] : [newKey(), newKey()];
    const server = MetadataSimulator.published();
    server.setKeys(role, two, 2);
    const repeated: Tampering = {
      signers: two.slice(0, 1),
      signatures: ([only], message) => [
        only ?? '',
        only ?? '',
        signatureOf(two[0] as SimulatedKey, message),
      ],
    };
    await expectFailure(offer(role, repeated, server), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('cannot meet a threshold above the number of keys', async () => {
    const server = MetadataSimulator.published();
    server.setKeys(role, server.keysOf(role), 2);
    await expectFailure(offer(role, {}, server), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('may stand beside one that is garbled, unknown or empty', async () => {
    const beside: Tampering = {
      signatures: ([honest], message) => [
        { keyid: '', method: '', sig: '' },
        { keyid: '0'.repeat(64), method: 'ecdsa', sig: 'AAAA' },
        { ...(honest as SignatureJson), method: 'rot13' },
        garbled(honest as SignatureJson),
        signatureOf(newKey(), message),
        honest as SignatureJson,
      ],
    };
    await offer(role, beside);
  });

  it('may name their method in capitals', async () => {
    await offer(role, {
      signatures: list => list.map(one => ({ ...one, method: one.method.toUpperCase() })),
    });
  });
});

describe('one key', () => {
  it('counts once, bare and in a certificate', async () => {
    const key = generatePrivateKey('ecdsa');
    const inCertificate = newRootKey({ key });
    const other = newKey();
    const server = MetadataSimulator.published();
    server.setKeys('targets', [asListed(key), inCertificate, other], 2);
    const twice: Tampering = { signers: [asListed(key), inCertificate] };
    await expectFailure(offer('targets', twice, server), TrustError, 'SIGNATURE_THRESHOLD');
    await offer('targets', { signers: [inCertificate, other] }, server);
  });

  it('counts once under two certificates', async () => {
    const key = generatePrivateKey('ecdsa');
    const server = MetadataSimulator.published();
    const both = [newRootKey({ key }), newRootKey({ key })];
    server.setKeys('root', both, 2);
    await expectFailure(offer('root', {}, server), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('counts once when the role lists its ID twice', async () => {
    const key = newKey();
    const server = MetadataSimulator.published();
    server.setKeys('targets', [key, key], 2);
    await expectFailure(offer('targets', {}, server), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('under an ID that is not its own makes the file fail, whoever else signed', async () => {
    const server = MetadataSimulator.published();
    const [honest, stranger] = [newKey(), newKey()];
    const disguised: SimulatedKey = { ...stranger, id: 'f'.repeat(64) };
    server.setKeys('targets', [disguised, honest]);
    await expectFailure(offer('targets', {}, server), TrustError, 'KEY_ID_MISMATCH');
  });

  it('of another role does not count: a snapshot signed by the timestamp key is none', async () => {
    const server = MetadataSimulator.published();
    const byTimestamp: Tampering = { signers: server.keysOf('timestamp') };
    await expectFailure(offer('snapshot', byTimestamp, server), TrustError, 'SIGNATURE_THRESHOLD');
  });
});

describe('the method', () => {
  it('does not choose the verifier: the key does', async () => {
    for (const method of [
      'eddsa',
      'rsapss',
      'rsapkcs1v15',
      'pycrypto-pkcs#1 pss',
      'ecdsa-x509',
      'none',
      '',
    ]) {
      const claimed: Tampering = { signatures: list => list.map(one => ({ ...one, method })) };
      await expectFailure(offer('targets', claimed), TrustError, 'SIGNATURE_THRESHOLD');
    }
  });

  it('does not make a key out of one that is mislabelled', async () => {
    const { signer } = newKey();
    for (const keytype of ['ed25519', 'rsa', 'ecdsa-x509', 'rsa-x509', 'ECDSA', '']) {
      const server = MetadataSimulator.published();
      server.setKeys('targets', [asListed(signer, { ...signer.publicKey, keytype })]);
      await expectFailure(offer('targets', {}, server), TrustError, 'SIGNATURE_THRESHOLD');
    }
  });

  it('of ECDSA is r and s side by side, not DER, and SHA-256 alone', async () => {
    const key = generatePrivateKey('ecdsa');
    const server = MetadataSimulator.published();
    server.setKeys('targets', [asListed(key)]);
    const as = (digest: string, dsaEncoding: 'der' | 'ieee-p1363'): Tampering => ({
      signatures: ([honest], message) => {
        const keyObject = key.keyObject;
        if (keyObject === undefined) throw new Error('an ECDSA key has one');
        const sig = sign(digest, Buffer.from(message), { key: keyObject, dsaEncoding });
        return [{ ...(honest as SignatureJson), sig: sig.toString('base64') }];
      },
    });
    await offer('targets', as('sha256', 'ieee-p1363'), server);
    for (const wrong of [
      as('sha256', 'der'),
      as('sha384', 'ieee-p1363'),
      as('sha1', 'ieee-p1363'),
    ]) {
      await expectFailure(offer('targets', wrong, server), TrustError, 'SIGNATURE_THRESHOLD');
    }
  });

  it('may be Ed25519 or RSA for any role but root', async () => {
    const server = MetadataSimulator.published();
    server.setKeys('timestamp', [newKey('ed25519')]);
    server.setKeys('targets', [asListed(rsaKey(2048))]);
    await offer('snapshot', {}, server);
  });
});

it('an RSA certificate in a delegation signs for it', async () => {
  const key = rsaKey(2048);
  const pem = makeCertificate({ key, commonName: 'alice', notBefore: NOW, days: 1 });
  const server = MetadataSimulator.published();
  server.delegate('targets/alice', [''], [withCertificate(key, pem)]);
  server.publish(['targets', 'targets/alice']);
  const { trusted } = await new SimulatedClient().update(server);
  expect([...trusted.targets.keys()]).toEqual(['targets', 'targets/alice']);
});

describe('a role in root', () => {
  const inRoot = (role: string, change: (entry: JsonObject) => void): Tampering => ({
    payload: payload => change((payload.roles as JsonObject)[role] as JsonObject),
  });

  it.each(BASE_ROLES)('%s must be there, with a key and a threshold from 1 up', async role => {
    const entry = (change: (entry: JsonObject) => void) => offer('root', inRoot(role, change));
    const without: Tampering = {
      payload: payload => {
        delete (payload.roles as JsonObject)[role];
      },
    };
    await expectFailure(offer('root', without), TrustError, 'METADATA_MALFORMED');
    for (const threshold of [0, -1, 2 ** 53, '1', null]) {
      await expectFailure(
        entry(all => {
          all.threshold = threshold;
        }),
        TrustError,
        'METADATA_MALFORMED',
      );
    }
    for (const keyids of [[], null, 'x', [1], ['0'.repeat(64)]]) {
      await expectFailure(
        entry(all => {
          all.keyids = keyids;
        }),
        TrustError,
        'METADATA_MALFORMED',
      );
    }
  });

  it('may be one that nobody knows, since Notary tolerates it', async () => {
    await offer('root', {
      payload: payload => {
        const roles = payload.roles as JsonObject;
        roles.mirrors = { keyids: [], threshold: 1 };
        roles['targets/a'] = roles.targets as JsonObject;
      },
    });
  });

  it('cannot stand in for a delegation: only its parent can delegate', async () => {
    const server = MetadataSimulator.published();
    const mallory = newKey();
    server.delegate('targets/a');
    server.publish(['root', 'targets', 'targets/a'], {
      root: {
        payload: payload => {
          const { id, publicKey } = mallory;
          const { keytype, publicBytes } = publicKey;
          const key = {
            keytype,
            keyval: { private: null, public: Buffer.from(publicBytes).toString('base64') },
          };
          (payload.keys as JsonObject)[id] = key;
          (payload.roles as JsonObject)['targets/a'] = { keyids: [id], threshold: 1 };
        },
      },
      'targets/a': { signers: [mallory] },
    });
    const { trusted } = await new SimulatedClient().update(server);
    expect([...trusted.invalid.keys()]).toEqual(['targets/a']);
  });
});
