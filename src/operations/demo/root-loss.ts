/** The root key is gone, and nobody has a copy: what is published is read once more, and signed anew under another. */
import { thumbprints } from '../thumbprints/thumbprint.ts';
import { expect, REPOSITORY, type Stage } from './stage.ts';

/** A machine that never saw the repository under its old root. */
const NEWCOMER = 'newcomer';

/** Plays the loss and the recovery. */
export async function rootLoss(stage: Stage, rootKeyId: string): Promise<void> {
  stage.later();
  await showThumbprint(stage);
  stage.later();
  const { planRecovery, recordOfPlan } = await import('../recover/plan.ts');
  const { runRecovery } = await import('../recover/recovery.ts');
  const { sealBackup } = await import('../recover/seal-backup.ts');
  const { survey } = await import('../recover/survey.ts');
  const { caseOfKey } = await import('../recover/which-key.ts');
  await stage.on(stage.owner, async session => {
    await (await session.keys()).remove(rootKeyId);
    const found = await survey(session, { asked: [], online: true });
    const plan = await planRecovery(session, found, {
      case: caseOfKey(found, rootKeyId, 'lost'),
      guns: [],
      skip: [],
      checkRegistry: false,
      drop: [],
      dropSigners: [],
      provider: 'self-hosted',
    });
    stage.tell({ step: 'root-lost', command: 'tabellion recover --lost root --no-registry', plan });
    const { state, history } = await runRecovery(session, await recordOfPlan(session, plan), {
      seal: (own, record) => sealBackup(own, record, stage.passphrase),
    });
    expect(state === 'done', 'the recovery did not come to its end');
    stage.tell({ step: 'recovery', history: history.map(({ what }) => what) });
  });
  const image = `${REPOSITORY}:1.0`;
  const result = await stage.verify(image, NEWCOMER);
  expect(result.trusted, 'what was signed before the loss is not trusted after it');
  stage.tell({
    step: 'recovered',
    command: `tabellion verify --no-registry ${image}`,
    result,
  });
  await showThumbprint(stage);
  stage.tell({ step: 'done' });
}

async function showThumbprint(stage: Stage): Promise<void> {
  const reports = await stage.on(stage.owner, session =>
    thumbprints(session, [REPOSITORY], { roles: ['root'], expected: [], offline: false }),
  );
  expect(
    reports.every(({ trusted }) => trusted),
    'the root could not be verified',
  );
  stage.tell({
    step: 'thumbprint',
    command: `tabellion thumbprint --role root ${REPOSITORY}`,
    reports,
  });
}
