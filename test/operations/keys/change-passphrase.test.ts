import { describe, expect } from 'vitest';
import { decodePrivateKeyPem } from '../../../src/crypto/private-key-pem.ts';
import { KeyError } from '../../../src/errors.ts';
import { changePassphrase } from '../../../src/operations/keys/change-passphrase.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { it, type Machine, PASSPHRASES } from '../../support/trust-scene.ts';

const APP = 'localhost:5000/app';
const OLD = PASSPHRASES.DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE;
const NEW = 'a passphrase of today';

async function targetsKey(machine: Machine) {
  const key = (await machine.keyFiles()).find(({ role }) => role === 'targets');
  if (key === undefined) throw new Error('no targets key');
  return key;
}

const changing = (machine: Machine, id: string) =>
  machine.run(session => changePassphrase(session, { id }));

describe('changePassphrase', () => {
  it('takes the old one from the usual variable and the new one from its own', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const { id } = await targetsKey(machine);
    const report = await changing(machine.withEnv({ TABELLION_NEW_PASSPHRASE: NEW }), id);
    expect(report).toMatchObject({ id, role: 'targets', gun: APP, iterations: 2048 });
    expect(decodePrivateKeyPem((await targetsKey(machine)).text, NEW).id).toBe(id);
    // It signs under the new one only.
    await expect(machine.signOne(`${APP}:2`)).rejects.toMatchObject({
      code: 'KEY_PASSPHRASE_WRONG',
    });
    await machine.withEnv({ DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: NEW }).signOne(`${APP}:2`);
  });

  it('never takes the old one for the new one', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const before = await targetsKey(machine);
    const error = await expectFailure(
      changing(machine, before.id),
      KeyError,
      'KEY_PASSPHRASE_MISSING',
    );
    expect(error.hint).toContain('TABELLION_NEW_PASSPHRASE');
    expect(await targetsKey(machine)).toEqual(before);
  });

  it('asks the person first for the old one, then for the new one', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const { id } = await targetsKey(machine);
    const asked: string[] = [];
    const atTerminal = machine.with({
      env: {},
      askPassphrase: async ({ kind, keyId }) => {
        asked.push(`${kind} ${keyId}`);
        return kind === 'unlock' ? OLD : NEW;
      },
    });
    await changing(atTerminal, id);
    expect(asked).toEqual([`unlock ${id}`, `create ${id}`]);
    expect(decodePrivateKeyPem((await targetsKey(machine)).text, NEW).id).toBe(id);
  });
});
