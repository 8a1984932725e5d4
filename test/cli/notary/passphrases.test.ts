import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { StandardInput } from '../../../src/cli/notary/input.ts';
import { PassphraseRetriever } from '../../../src/cli/notary/passphrases.ts';
import type { PassphraseRequest } from '../../../src/keys/passphrase.ts';

const ID = '0daa3d7'.padEnd(64, '0');

function retriever(typed: string | undefined, env: NodeJS.ProcessEnv = {}) {
  const stdin = Object.assign(new PassThrough(), typed === undefined ? {} : { isTTY: true });
  stdin.end(typed ?? 'never read\n');
  let shown = '';
  const source = new PassphraseRetriever({
    env,
    input: new StandardInput(stdin),
    print: text => {
      shown += text;
    },
  });
  const get = async (request: Partial<PassphraseRequest>) =>
    (await source.get({ purpose: 'unlock', role: 'targets', keyId: ID, attempt: 0, ...request }))
      ?.passphrase;
  return { get, shown: () => shown };
}

describe('passphrases', () => {
  it('come from the variable of the role, and a wrong one is final', async () => {
    const { get, shown } = retriever('typed\n', {
      NOTARY_TARGETS_PASSPHRASE: ' as it is ',
      NOTARY_DELEGATION_PASSPHRASE: 'd',
    });
    expect(await get({})).toBe(' as it is ');
    expect(await get({ attempt: 1 })).toBeUndefined();
    expect(await get({ role: 'alice' })).toBe('d');
    expect(await get({ role: '', purpose: 'create' })).toBe('d');
    expect(shown()).toBe('');
  });

  it('are never read from a pipe', async () => {
    const { get, shown } = retriever(undefined);
    expect(await get({})).toBeUndefined();
    expect(await get({ purpose: 'create' })).toBeUndefined();
    expect(shown()).toBe('');
  });

  it('are asked for four times, and tried for further keys of the role', async () => {
    const { get, shown } = retriever(' one \ntwo\nthree\nfour\nfive\n');
    expect(await get({})).toBe('one');
    expect(await get({ attempt: 1 })).toBe('two');
    expect(await get({ attempt: 2 })).toBe('three');
    expect(await get({ attempt: 3 })).toBe('four');
    expect(await get({ attempt: 4 })).toBeUndefined();
    expect(await get({ keyId: 'b'.repeat(64) })).toBe('four');
    expect(shown()).toBe(
      `Enter passphrase for targets key with ID 0daa3d7: \n${'Passphrase incorrect. Please retry.\nEnter passphrase for targets key with ID 0daa3d7: \n'.repeat(3)}`,
    );
  });

  it('of new keys are long enough and typed twice', async () => {
    const { get, shown } = retriever('short\nlong enough\nother\nlong enough\nlong enough\n');
    expect(await get({ purpose: 'create', role: 'bob' })).toBe('long enough');
    expect(shown()).toBe(
      [
        'Enter passphrase for new bob key with ID 0daa3d7: ',
        'Passphrase is too short. Please use a password manager to generate and store a good random passphrase.',
        'Enter passphrase for new bob key with ID 0daa3d7: ',
        'Repeat passphrase for new bob key with ID 0daa3d7: ',
        'Passphrases do not match. Please retry.',
        'Enter passphrase for new bob key with ID 0daa3d7: ',
        'Repeat passphrase for new bob key with ID 0daa3d7: ',
        '',
      ].join('\n'),
    );
    // A second new key of the role gets the same, unasked.
    expect(await get({ purpose: 'create', role: 'bob' })).toBe('long enough');
  });

  it('of old keys are not given to new ones unasked', async () => {
    const { get } = retriever('the old one\nthe new one\nthe new one\n');
    expect(await get({ role: 'root' })).toBe('the old one');
    expect(await get({ role: 'root', purpose: 'create' })).toBe('the new one');
  });

  it('are asked for with the warning for a root key, and without ID for a file', async () => {
    const { get, shown } = retriever('long enough\nlong enough\nx\n');
    await get({ purpose: 'create', role: 'root' });
    expect(shown().split('\n').slice(0, 7).join('\n')).toMatch(
      /^You are about to create a new root/,
    );
    const other = retriever('x\n');
    expect(await other.get({ role: 'root', keyId: '' })).toBe('x');
    expect(other.shown()).toBe('Enter passphrase for root key: \n');
  });
});
