import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Diagnosis, diagnose } from '../../../src/operations/recover/diagnose.ts';
import { searchPassphrase } from '../../../src/operations/recover/lost-passphrase.ts';
import { planRecovery } from '../../../src/operations/recover/plan.ts';
import { survey } from '../../../src/operations/recover/survey.ts';
import { whichKey } from '../../../src/operations/recover/which-key.ts';
import { noteBackups } from '../../../src/trust-dir/backup-record.ts';
import { content, DAY, it, type Machine } from '../../support/trust-scene.ts';

const GUN = 'reg.example/team/app';

async function look(machine: Machine, asked: string[] = []): Promise<Diagnosis> {
  return await machine.run(async session => {
    const found = await diagnose(session, await survey(session, { asked, online: true }), asked);
    // The scene's clock is not that of the server's HTTP.
    return { ...found, findings: found.findings.filter(({ kind }) => kind !== 'clock') };
  });
}

const kinds = ({ findings }: Diagnosis) => findings.map(({ kind }) => kind);

describe('what is taken for a loss and is none', () => {
  it('is told: all is well', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const found = await look(machine);
    expect(found.repositories).toMatchObject([{ gun: GUN, state: 'ok' }]);
    expect(found.findings).toEqual([]);
  });

  it('is told: the clock', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const clockFindings = async (minutes: number): Promise<number> => {
      const now = () => new Date(Date.now() + minutes * 60_000);
      return await machine.with({ now }).run(async session => {
        const found = await survey(session, { asked: [], online: false });
        const { findings } = await diagnose(session, found, []);
        return findings.filter(({ kind }) => kind === 'clock').length;
      });
    };
    expect(await clockFindings(0)).toBe(0);
    expect(await clockFindings(60)).toBe(1);
    expect(await clockFindings(-60)).toBe(1);
  });

  it('is told: the wrong server', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const other = await scene.proxy();
    other.fault(/root\.json/, () => ({
      status: 404,
      body: '{"errors":[{"code":"METADATA_NOT_FOUND"}]}',
    }));
    const found = await look(machine.with({ server: other.url }));
    expect(found.findings).toMatchObject([{ kind: 'wrong-server', isHarmless: true }]);
    expect(found.findings[0]?.advice[0]).toContain(scene.server.url);
  });

  it('is told: a repository that was initialised here over the published one', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    const machine = await scene.machine();
    await machine.run(async session => {
      const { initialiseRepository } = await import('../../../src/operations/initialise.ts');
      await initialiseRepository(session, GUN, { existing: 'replace' });
    });
    const found = await look(machine);
    expect(found.repositories[0]?.state).toBe('overwritten');
    expect(found.findings[0]).toMatchObject({ kind: 'overwritten', isHarmless: true });
  });

  it('is told: initialised and never published', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.run(async session => {
      const { initialiseRepository } = await import('../../../src/operations/initialise.ts');
      await initialiseRepository(session, GUN);
    });
    expect(kinds(await look(machine))).toEqual(['half-initialised']);
  });

  it('is told: another root, which Docker calls malicious', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const other = await scene.machine();
    await other.run(async session => {
      await (await session.repositoryByGun(GUN)).remote.deleteRepository();
    });
    await other.signOne(`${GUN}:1`);
    const found = await look(machine);
    expect(found.repositories[0]?.state).toBe('other-root');
    expect(found.findings[0]).toMatchObject({ kind: 'other-root', isHarmless: false });
    expect(found.findings[0]?.message).toContain('potential malicious behavior');
  });

  it('is told: expired', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    scene.clock = new Date(scene.clock.getTime() + 4 * 366 * DAY);
    const found = await look(machine);
    expect(found.repositories[0]?.state).toBe('expired');
    expect(kinds(found)).toEqual(['expired']);
  });

  it('is told: a key that is elsewhere, and one under another name', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const keys = await machine.keyFiles();
    const [root] = keys.filter(({ role }) => role === 'root');
    const [targets] = keys.filter(({ role }) => role === 'targets');
    const folder = join(machine.trustDir, 'private');
    const elsewhere = join(machine.home, '.notary', 'private');
    await mkdir(elsewhere, { recursive: true });
    await rename(join(folder, `${root?.id}.key`), join(elsewhere, `${root?.id}.key`));
    await rename(join(folder, `${targets?.id}.key`), join(folder, 'my-key.key'));
    const found = await look(machine);
    expect(kinds(found)).toEqual(
      expect.arrayContaining(['key-elsewhere', 'key-misnamed', 'key-missing']),
    );
  });
});

describe('a key that is not here', () => {
  it('is not lost while a backup on record holds it', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const id = (await machine.keyFiles()).find(({ role }) => role === 'root')?.id ?? '';
    await machine.run(session =>
      noteBackups(session.trustDir.own, [
        {
          createdAt: session.now.toISOString(),
          file: '/safe/backup.tbb',
          sha256: '0'.repeat(64),
          keyIds: [id],
        },
      ]),
    );
    expect(kinds(await look(machine))).toEqual([]);
    await machine.loseKey('root');
    const { findings } = await look(machine);
    expect(findings.find(({ kind }) => kind === 'key-in-backup')).toMatchObject({
      isHarmless: true,
      advice: [expect.stringContaining('/safe/backup.tbb')],
    });
  });
});

describe('which key', () => {
  it('is found by role, signer, ID and certificate', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`, { signer: 'alice' });
    await machine.signOne('reg.example/team/db:1', { as: content('db'), signer: 'alice' });
    const found = await machine.run(session => survey(session, { asked: [], online: false }));
    const ask = (text: string, guns: string[] = []) =>
      whichKey(found, { text, reason: 'lost', guns });
    const root = ask('root');
    expect(root.kind).toBe('root');
    expect(ask((root.keyId ?? '').slice(0, 8))).toEqual(root);
    const certificate = found.repositories[0]?.rootCertificates[0] ?? '';
    expect(certificate).not.toBe(root.keyId);
    expect(ask(certificate)).toEqual(root);
    expect(ask('alice')).toMatchObject({ kind: 'delegation', signers: ['alice'] });
    // Two repositories, two repository keys.
    expect(() => ask('repository')).toThrow(
      expect.objectContaining({ code: 'RECOVERY_KEY_AMBIGUOUS' }),
    );
    expect(ask('repository', [GUN])).toMatchObject({ kind: 'targets' });
    expect(() => ask('nobody')).toThrow(expect.objectContaining({ code: 'RECOVERY_KEY_UNKNOWN' }));
  });

  it('every case has a plan that says of each step what it does', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`, { signer: 'alice' });
    await machine.run(async session => {
      const found = await survey(session, { asked: [], online: true });
      for (const text of ['root', 'targets', 'snapshot', 'timestamp', 'alice']) {
        for (const reason of ['lost', 'compromised'] as const) {
          const what = whichKey(found, { text, reason, guns: [] });
          const { steps } = await planRecovery(session, found, {
            case: what,
            guns: [],
            skip: [],
            checkRegistry: true,
            drop: [],
            dropSigners: [],
          });
          expect(steps.map(({ number }) => number)).toEqual(steps.map((_, index) => index + 1));
          expect(steps[0]?.title).toMatch(/^Seal a backup/);
          const first = steps.findIndex(({ effect }) => effect === 'irreversible');
          expect(first).toBeGreaterThan(0);
        }
      }
    });
  });
});

describe('a lost passphrase', () => {
  it('is looked for in the variables of other roles, and in what is typed', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const id = (await machine.keyFiles()).find(({ role }) => role === 'root')?.id ?? '';
    const wrongPlace = machine.with({
      env: { NOTARY_TARGETS_PASSPHRASE: ' the root passphrase\n' },
    });
    const found = await wrongPlace.run(session => searchPassphrase(session, id));
    expect(found.openedBy).toContain('NOTARY_TARGETS_PASSPHRASE, without the blanks');
    const guesses = ['nonsense', 'THE ROOT PASSPHRASE'];
    const nothing = machine.with({ env: {} });
    const typed = await nothing.run(session =>
      searchPassphrase(session, id, async () => guesses.shift()),
    );
    expect(typed.openedBy).toContain('caps lock');
    const never = await nothing.run(session => searchPassphrase(session, id));
    expect(never.openedBy).toBeUndefined();
    expect(JSON.stringify([found, typed, never])).not.toMatch(/the root passphrase/i);
  });
});
