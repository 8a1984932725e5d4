import { describe, expect } from 'vitest';
import { type DrillEvent, drill } from '../../../src/operations/recover/drill.ts';
import { it } from '../../support/trust-scene.ts';

describe('the drill', { timeout: 60_000 }, () => {
  it('leaves everything as it was, asks no real server, and ends well', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(['reg.example/team/app:1', 'reg.example/team/app:2'], {
      signer: 'alice',
    });
    const before = await machine.everything();
    const requests = scene.requests().length;
    const events: DrillEvent[] = [];
    await machine.run(session =>
      drill(session, {
        case: 'root',
        provider: 'ibm-cloud',
        narrate: event => events.push(event),
      }),
    );
    expect(events[0]).toEqual({ event: 'copied', repositories: 1, tags: 2, isSample: false });
    expect(events.some(({ event }) => event === 'provider')).toBe(true);
    expect(events.at(-1)).toEqual({ event: 'done', tags: 2 });
    expect(await machine.everything()).toEqual(before);
    expect(scene.requests()).toHaveLength(requests);
  });

  it('has repositories of its own for somebody who has none', async ({ scene }) => {
    const machine = await scene.machine();
    const events: DrillEvent[] = [];
    await machine.run(session =>
      drill(session, { case: 'targets', narrate: event => events.push(event) }),
    );
    expect(events[0]).toMatchObject({ isSample: true });
    expect(events.at(-1)).toMatchObject({ event: 'done' });
  });
});
