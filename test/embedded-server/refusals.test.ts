/** What the server refuses: in the real server's words, recorded from it, and beyond that what would end a repository. */
import { beforeEach, describe, expect, test } from 'vitest';
import { keyId } from '../../src/crypto/public-key.ts';
import { MemoryStorage } from '../../src/embedded-server/memory-storage.ts';
import { TrustApi } from '../../src/embedded-server/trust-api.ts';
import { readVector } from '../support/fixtures.ts';
import {
  Author,
  bareKey,
  bodyText,
  current,
  delegate,
  get,
  inShort,
  listed,
  NOW,
  type Payload,
  post,
  rootKey,
  seal,
  send,
  strangerCertificate,
} from './author.ts';

const GUN = 'localhost:5000/team/app';
const BASE = `/v2/${GUN}/_trust/tuf`;

/** A repository with root 1, targets 2, snapshot 2 and a delegation `targets/alice`, as clients begin. */
let api: TrustApi;
let author: Author;
let root: Buffer;
let targets: Buffer;
let alice = bareKey();

beforeEach(async () => {
  api = new TrustApi({ storage: new MemoryStorage(), now: () => NOW, log: () => {} });
  author = await Author.of(api, GUN);
  alice = bareKey();
  root = author.rootFile();
  targets = author.targetsFile(['v1'], {
    version: 2,
    edit: payload => delegate(payload, 'targets/alice', alice),
  });
  const snapshot = author.snapshotFile({ root, targets }, { version: 2 });
  expect(inShort(await post(api, GUN, { root, targets, snapshot }))).toBe('200');
});

/** A next publish of targets, with a snapshot that fits. */
function next(file: Buffer, role = 'targets'): Record<string, Buffer> {
  const files = { root, targets, [role]: file };
  return { [role]: file, snapshot: author.snapshotFile(files, { version: 3 }) };
}

const version3 = (edit?: (payload: Payload) => void, signers = [author.targets]): Buffer =>
  author.targetsFile(['v1', 'v2'], {
    version: 3,
    signers,
    ...(edit === undefined ? {} : { edit }),
  });

const nextRoot = (
  edit?: (payload: Payload) => void,
  signers = [author.root],
): Record<string, Buffer> => {
  const file = author.rootFile({ version: 2, signers, ...(edit === undefined ? {} : { edit }) });
  return { root: file, snapshot: author.snapshotFile({ root: file, targets }, { version: 3 }) };
};

const snapshotOf = (edit: (payload: Payload) => void): Record<string, Buffer> => {
  const file = version3();
  return {
    targets: file,
    snapshot: author.snapshotFile({ root, targets: file }, { version: 3, edit }),
  };
};

const at = (payload: Payload, ...names: string[]): Payload =>
  names.reduce((value, name) => value[name] as Payload, payload);

const EXPIRED = '2020-01-01T00:00:00Z';

/** By the name under which the answer of the real server was recorded. */
const UPLOADS: Record<
  string,
  () => Record<string, Uint8Array> | Promise<Record<string, Uint8Array>>
> = {
  'part named foo': () => ({ foo: targets }),
  'part named targets/A': () => ({ 'targets/A': targets }),
  'part with empty filename': () => ({ '': targets }),
  'part is not JSON': () => ({ targets: Buffer.from('no') }),
  'part is []': () => ({ targets: Buffer.from('[]') }),
  'version is a string': () => next(version3(payload => Object.assign(payload, { version: '3' }))),
  'expires not a date': () =>
    next(version3(payload => Object.assign(payload, { expires: 'soon' }))),
  'no signatures': () => next(version3(undefined, [])),
  'targets signed by wrong key': () => next(version3(undefined, [bareKey()])),
  'targets without snapshot, client-managed snapshot': () => ({ targets: version3() }),
  'snapshot signed by wrong key': () => {
    const snapshot = author.snapshotFile({ root, targets }, { version: 3, signers: [bareKey()] });
    return { snapshot };
  },
  'snapshot has wrong targets hash': () => ({
    targets: version3(),
    snapshot: author.snapshotFile({ root, targets }, { version: 3 }),
  }),
  'targets version 0': () => next(version3(payload => Object.assign(payload, { version: 0 }))),
  'targets same version': () => next(author.targetsFile([], { version: 2 })),
  'snapshot same version': () => {
    const file = version3();
    return {
      targets: file,
      snapshot: author.snapshotFile({ root, targets: file }, { version: 2 }),
    };
  },
  'targets expired': () => next(version3(payload => Object.assign(payload, { expires: EXPIRED }))),
  'snapshot expired': () => snapshotOf(payload => Object.assign(payload, { expires: EXPIRED })),
  'targets _type lower case': () =>
    next(version3(payload => Object.assign(payload, { _type: 'targets' }))),
  'snapshot lacks root entry': () =>
    snapshotOf(payload => Reflect.deleteProperty(at(payload, 'meta'), 'root')),
  'snapshot lacks sha256': () =>
    snapshotOf(payload =>
      Reflect.deleteProperty(at(payload, 'meta', 'targets', 'hashes'), 'sha256'),
    ),
  'delegation not in parent': () => next(author.delegationFile(alice, ['x']), 'targets/zz'),
  'root version +2': () => nextRoot(payload => Object.assign(payload, { version: 3 })),
  'root same version': () => nextRoot(payload => Object.assign(payload, { version: 1 })),
  'root signed by unknown key': () => {
    author.root = rootKey(GUN);
    return nextRoot();
  },
  'root expired': () => nextRoot(payload => Object.assign(payload, { expires: EXPIRED })),
  'root _type lower case': () => nextRoot(payload => Object.assign(payload, { _type: 'root' })),
  'root lacks snapshot role': () =>
    nextRoot(payload => Reflect.deleteProperty(at(payload, 'roles'), 'snapshot')),
  'root threshold 0': () =>
    nextRoot(payload => Object.assign(at(payload, 'roles', 'targets'), { threshold: 0 })),
  'root role names unknown key': () =>
    nextRoot(payload => Object.assign(at(payload, 'roles', 'targets'), { keyids: ['ab'] })),
  'root threshold 2 with one signature': () =>
    nextRoot(
      payload => Object.assign(at(payload, 'roles', 'root'), { threshold: 2 }),
      [author.root],
    ),
  'root with a timestamp key the server does not hold': () => {
    author.timestampOfServer = bareKey().listed;
    return nextRoot();
  },
};

const recorded = new Map<string, { status: number; body: string }>(
  readVector('metadata/http/errors.jsonl')
    .toString('utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter(({ server }) => server === 'memory store, local ed25519 signer')
    .map(({ case: name, status, body }) => [name, { status, body }]),
);

function recordedAnswer(name: string): { status: number; body: string } {
  const answer = recorded.get(name);
  if (answer === undefined) throw new Error(`no answer was recorded for “${name}”`);
  return answer;
}

const anyHash = (text: string): string => text.replace(/\b[0-9a-f]{64}\b/g, '<hash>');

describe('answers as the real server gave them', () => {
  for (const [name, files] of Object.entries(UPLOADS)) {
    test(name, async () => {
      const { status, body } = recordedAnswer(name);
      const response = await post(api, GUN, await files());
      expect(anyHash(bodyText(response))).toBe(anyHash(body));
      expect(response.status).toBe(status);
      // Nothing of a refused update is kept.
      expect((await current(api, GUN, 'timestamp')).version).toBe(1);
      expect((await current(api, GUN, 'targets')).version).toBe(2);
    });
  }

  test('first publish without root', async () => {
    const { body } = recordedAnswer('first publish without root');
    expect(bodyText(await post(api, 'new', { targets }))).toBe(body);
  });

  test('first publish, certificate CN of another GUN', async () => {
    const { body } = recordedAnswer('first publish, certificate CN of another GUN');
    const other = await Author.of(api, 'other');
    other.root = strangerCertificate('someone/else');
    const files = { root: other.rootFile(), targets: other.targetsFile() };
    expect(bodyText(await post(api, 'other', files))).toBe(body);
  });

  const REQUESTS: Record<string, [method: string, target: string]> = {
    'unknown GUN': ['GET', '/v2/nobody/_trust/tuf/root.json'],
    'unknown version': ['GET', `${BASE}/9.root.json`],
    'unknown hash': ['GET', `${BASE}/root.${'0'.repeat(64)}.json`],
    'bad route': ['GET', '/v2/nothing/here'],
    'key of a role not served': ['GET', `${BASE}/root.key`],
    HEAD: ['HEAD', `${BASE}/root.json`],
    PUT: ['PUT', `${BASE}/root.json`],
    PATCH: ['PATCH', `${BASE}/root.json`],
    'version overflow': ['GET', `${BASE}/99999999999999999999.root.json`],
    'changefeed without records': ['GET', `/v2/${GUN}/_trust/changefeed`],
    'changefeed bad id': ['GET', `/v2/${GUN}/_trust/changefeed?records=1&change_id=x`],
    'unknown delegation': ['GET', `${BASE}/targets/none.json`],
    'POST without multipart content type': ['POST', `${BASE}/`],
  };

  for (const [name, [method, target]] of Object.entries(REQUESTS)) {
    test(name, async () => {
      const response = await send(api, method, target);
      expect({ status: response.status, body: bodyText(response) }).toEqual(recordedAnswer(name));
    });
  }

  test('no recorded answer is left out', () => {
    const tested = new Set([
      ...Object.keys(UPLOADS),
      ...Object.keys(REQUESTS),
      'first publish without root',
      'first publish, certificate CN of another GUN',
    ]);
    expect([...recorded.keys()].filter(name => !tested.has(name))).toEqual([]);
  });
});

describe('what the real server would let in', () => {
  const refused = async (files: Record<string, Uint8Array>): Promise<string> => {
    const before = await get(api, `${BASE}/timestamp.json`);
    const answer = inShort(await post(api, GUN, files));
    expect(await get(api, `${BASE}/timestamp.json`)).toEqual(before);
    return answer;
  };

  test.each([
    ['null', '{"signed":null,"signatures":[{"keyid":"ab","method":"ecdsa","sig":"AA=="}]}'],
    ['missing', '{"signatures":[]}'],
    ['a list', '{"signed":[],"signatures":[]}'],
    ['signed with something else', '{"signed":{},"signatures":[1]}'],
    ['followed by more', '{"signed":{},"signatures":[]}{}'],
  ])('a payload that is %s', async (_name, text) => {
    expect(await refused({ targets: Buffer.from(text) })).toBe('400 MALFORMED_JSON');
  });

  const reencoded: Record<string, (file: Buffer) => Buffer> = {
    'indented text': file => Buffer.from(JSON.stringify(JSON.parse(file.toString()), null, 2)),
    'a newline at the end': file => Buffer.concat([file, Buffer.from('\n')]),
    'signatures first': file => {
      const { signed, signatures } = JSON.parse(file.toString());
      return Buffer.from(JSON.stringify({ signatures, signed }));
    },
    'one more member in the envelope': file =>
      Buffer.from(JSON.stringify({ ...JSON.parse(file.toString()), note: '' })),
    'a method in capitals': file =>
      Buffer.from(file.toString().replace('"ecdsa","sig"', '"ECDSA","sig"')),
    'an escape that Go does not write': file =>
      Buffer.from(file.toString().replace('"v1"', '"\\u0076\\u0031"')),
  };

  for (const [name, change] of Object.entries(reencoded)) {
    test(`${name}: the next snapshot of a Notary client would list another hash`, async () => {
      const file = change(version3());
      expect(await refused(next(file))).toMatch(/ErrBadTargets.*cannot be kept by Notary clients/);
    });
  }

  const payloads: Record<string, (payload: Payload) => void> = {
    'a fraction that ends in zero': payload =>
      Object.assign(payload, { expires: '2029-11-20T00:00:00.120Z' }),
    'a zero offset': payload => Object.assign(payload, { expires: '2029-11-20T00:00:00+00:00' }),
    'an unknown member': payload => Object.assign(payload, { x: 1 }),
    'no delegations': payload => Reflect.deleteProperty(payload, 'delegations'),
    'an empty list of paths': payload => {
      delegate(payload, 'targets/alice', alice, []);
      (at(payload, 'delegations').roles as Payload[])[0] = {
        ...((at(payload, 'delegations').roles as Payload[])[0] as Payload),
        paths: [],
      };
    },
    'base64 with unused bits': payload => {
      const hashes = at(payload, 'targets', 'v1', 'hashes');
      hashes.sha256 = `${String(hashes.sha256).slice(0, -2)}${bumped(String(hashes.sha256).at(-2))}=`;
    },
  };

  for (const [name, edit] of Object.entries(payloads)) {
    test(`${name} in a payload, likewise`, async () => {
      expect(await refused(next(version3(edit)))).toMatch(
        /ErrBadTargets.*cannot be kept by Notary clients/,
      );
    });
  }

  test('a root or a snapshot that a Notary client would write differently', async () => {
    expect(await refused(nextRoot(payload => Object.assign(payload, { x: 1 })))).toMatch(
      /ErrBadRoot.*cannot be kept by Notary clients/,
    );
    expect(await refused(snapshotOf(payload => Object.assign(payload, { x: 1 })))).toMatch(
      /ErrBadSnapshot.*cannot be kept by Notary clients/,
    );
  });

  test('dates with a fraction or an offset that Go writes are fine', async () => {
    for (const [version, expires] of [
      [3, '2029-11-20T00:00:00.12Z'],
      [4, '2029-11-20T06:18:13.154320236+05:30'],
    ] as const) {
      targets = author.targetsFile([], { version, expires });
      const snapshot = author.snapshotFile({ root, targets }, { version });
      expect(inShort(await post(api, GUN, { targets, snapshot }))).toBe('200');
    }
  });

  test('a root under which the stored targets do not verify', async () => {
    author.targets = bareKey();
    const lonely = nextRoot();
    expect(await refused(lonely)).toMatch(/ErrBadRoot.*stored does not verify under this root/);
    const both = author.targetsFile(['v1'], { version: 3 });
    const rootFile = lonely.root as Buffer;
    const snapshot = author.snapshotFile({ root: rootFile, targets: both }, { version: 3 });
    expect(inShort(await post(api, GUN, { root: rootFile, targets: both, snapshot }))).toBe('200');
  });

  test('a root that wants more signatures from targets than they have', async () => {
    const other = bareKey();
    const files = nextRoot(payload => {
      const id = keyId(other.listed);
      at(payload, 'keys')[id] = listed(other.listed);
      at(payload, 'roles').targets = { keyids: [keyId(author.targets.listed), id], threshold: 2 };
    });
    expect(await refused(files)).toMatch(/ErrBadRoot.*stored does not verify under this root/);
  });

  test('a first publish without targets', async () => {
    const other = await Author.of(api, 'other');
    const rootFile = other.rootFile();
    const snapshot = other.snapshotFile({ root: rootFile, targets });
    expect(inShort(await post(api, 'other', { root: rootFile, snapshot }))).toMatch(
      /400 INVALID_UPDATE .*"ErrBadHierarchy".*"Missing":"targets"/,
    );
  });

  test('a snapshot that lists files which nobody has', async () => {
    const file = version3(payload => delegate(payload, 'targets/alice', alice));
    const absent = author.delegationFile(alice);
    const snapshot = (files: Record<string, Uint8Array>) =>
      author.snapshotFile(files, { version: 3 });
    const unknown = snapshot({ root, targets: file, 'targets/alice': absent });
    expect(await refused({ targets: file, snapshot: unknown })).toMatch(
      /ErrBadSnapshot.*lists targets\/alice/,
    );
    // Targets that were not sent must be those that are stored.
    expect(await refused({ snapshot: snapshot({ root, targets: file }) })).toMatch(
      /ErrBadSnapshot.*sha256 checksum for targets did not match/,
    );
  });

  test('a snapshot that lists another root', async () => {
    const files = { root: author.rootFile({ version: 2 }), targets };
    expect(await refused({ snapshot: author.snapshotFile(files, { version: 3 }) })).toMatch(
      /ErrBadSnapshot.*sha256 checksum for root did not match/,
    );
  });

  test('a snapshot by whose length a client would stop too early', async () => {
    const files = snapshotOf(payload =>
      Object.assign(at(payload, 'meta', 'targets'), { length: 10 }),
    );
    expect(await refused(files)).toMatch(/ErrBadSnapshot.*is listed with 10/);
    const longer = snapshotOf(payload =>
      Object.assign(at(payload, 'meta', 'targets'), { length: 100_000 }),
    );
    expect(inShort(await post(api, GUN, longer))).toBe('200');
  });

  test('one role twice in a request', async () => {
    const part = (name: string) =>
      `--b\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\n\r\n${version3()}\r\n`;
    const body = Buffer.from(`${part('targets')}${part('targets.json')}--b--\r\n`);
    const contentType = 'multipart/form-data; boundary=b';
    const response = await api.handle({ method: 'POST', target: `${BASE}/`, contentType, body });
    expect(inShort(response)).toBe('400 MALFORMED_UPLOAD');
  });

  test.each(['../evil', 'a//b', 'a/./b', 'a\\b', 'a\u0007b'])('the name %j', async gun => {
    const target = `/v2/${encodeURIComponent(gun)}/_trust/tuf/`;
    const { contentType, body } = {
      contentType: 'multipart/form-data; boundary=b',
      body: Buffer.from('--b--'),
    };
    expect(inShort(await api.handle({ method: 'POST', target, contentType, body }))).toMatch(
      /^400 INVALID_GUN/,
    );
    expect(inShort(await send(api, 'POST', `${target}timestamp.key`))).toMatch(/^400 INVALID_GUN/);
    expect(inShort(await get(api, `${target}root.json`))).toBe('404 METADATA_NOT_FOUND {}');
    expect(inShort(await get(api, `${target}timestamp.key`))).toBe('404 METADATA_NOT_FOUND {}');
  });
});

test('a part for the timestamp is ignored', async () => {
  const timestamp = seal(
    { _type: 'Timestamp', version: 99, expires: EXPIRED, meta: {} },
    bareKey(),
  );
  expect(inShort(await post(api, GUN, { ...next(version3()), timestamp }))).toBe('200');
  expect((await current(api, GUN, 'timestamp')).version).toBe(2);
});

/** The next digit of base64: in a last one it changes only bits that belong to no byte. */
function bumped(digit: string | undefined): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return digits.charAt(digits.indexOf(digit ?? '') + 1);
}
