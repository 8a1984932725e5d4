import { describe, expect, it } from 'vitest';
import { TrustError } from '../../src/errors.ts';
import { addMonths, formatTime, parseTime } from '../../src/tuf/time.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { inDays, MetadataSimulator, NOW, SimulatedClient } from '../support/metadata-simulator.ts';

const EXPIRED = {
  payload: (payload: { [name: string]: unknown }) => {
    payload.expires = inDays(-1) as never;
  },
};

describe('an expired file', () => {
  it.each(['timestamp', 'snapshot', 'targets', 'root'])('of %s is refused', async role => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    server.publish(['root', 'targets'], { [role]: EXPIRED });
    for (const consumer of [client, new SimulatedClient()]) {
      const error = await expectFailure(consumer.update(server), TrustError, 'METADATA_EXPIRED');
      expect(error.details).toMatchObject({ role, expires: inDays(-1) });
    }
    expect(client.files.get('timestamp')).not.toEqual(server.files.get('timestamp'));
  });

  it.each(['timestamp', 'snapshot', 'targets', 'root'])(
    'of %s in the cache does not serve without a server',
    async role => {
      const server = MetadataSimulator.published();
      const limit = inDays(7);
      server.payload(role).expires = limit;
      server.publish(['root', 'targets']);
      const client = await SimulatedClient.updated(server);
      await client.update(server, { remote: undefined });
      const late = new Date(Date.parse(limit) + 1000);
      await expectFailure(
        client.update(server, { remote: undefined, now: late }),
        TrustError,
        'METADATA_EXPIRED',
      );
    },
  );

  it('counts to the second, without tolerance', async () => {
    const server = MetadataSimulator.published();
    server.payload('timestamp').expires = inDays(0);
    server.publish();
    const client = new SimulatedClient();
    await client.update(server, { now: NOW });
    await expectFailure(
      client.update(server, { now: new Date(NOW.getTime() + 1) }),
      TrustError,
      'METADATA_EXPIRED',
    );
  });

  it('of a delegation is left aside, with all below it, and the rest stays', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.delegate('targets/a/b');
    server.delegate('targets/c');
    server.addTarget('targets/a', 'from-a');
    server.addTarget('targets/c', 'from-c');
    const steps: string[] = [];
    server.publish(['targets', 'targets/a', 'targets/a/b', 'targets/c'], { 'targets/a': EXPIRED });
    const { trusted } = await new SimulatedClient().update(server, {
      log: step => steps.push(step),
    });
    expect([...trusted.targets.keys()]).toEqual(['targets', 'targets/c']);
    expect([...trusted.invalid.keys()]).toEqual(['targets/a']);
    expect(trusted.invalid.get('targets/a')?.reason.code).toBe('METADATA_EXPIRED');
    expect(steps.join('\n')).toContain('targets/a left aside');
    expect(server.requests).not.toContain('targets/a/b.hash');
  });
});

describe('dates', () => {
  it.each([
    ['2029-11-20T00:21:43Z', '2029-11-20T00:21:43.000Z'],
    ['2029-11-20T06:23:47.114878721+05:30', '2029-11-20T00:53:47.114Z'],
    ['2029-11-20T00:53:47.01518793Z', '2029-11-20T00:53:47.015Z'],
    ['2029-11-20T00:53:47.9999999999999Z', '2029-11-20T00:53:47.999Z'],
    ['2028-02-29T23:59:59-11:00', '2028-03-01T10:59:59.000Z'],
  ])('%s is read', (text, iso) => {
    expect(new Date(parseTime(text, 'targets')).toISOString()).toBe(iso);
  });

  it.each([
    '',
    '2029-11-20',
    '2029-11-20T00:21:43',
    '2029-11-20 00:21:43Z',
    '2029-11-20t00:21:43z',
    '2029-13-01T00:00:00Z',
    '2029-02-29T00:00:00Z',
    '2029-04-31T00:00:00Z',
    '2029-11-20T24:00:00Z',
    '2029-11-20T00:60:00Z',
    '2029-11-20T00:00:60Z',
    '2029-11-20T00:00:00.Z',
    '2029-11-20T00:00:00+0530',
    '+029-11-20T00:00:00Z',
    ' 2029-11-20T00:00:00Z',
    '2029-11-20T00:00:00Z\n',
  ])('%j is no date, as for Go', async text => {
    await expectFailure(() => parseTime(text, 'targets'), TrustError, 'METADATA_MALFORMED');
  });

  it('are written in UTC and whole seconds, since trailing zeros would break the repository', () => {
    expect(formatTime(Date.parse('2029-11-20T00:21:43.120Z'))).toBe('2029-11-20T00:21:43Z');
    expect(formatTime(Date.parse('2029-11-20T00:21:43.999Z'))).toBe('2029-11-20T00:21:43Z');
  });

  it('advance by calendar months as Go’s AddDate does', () => {
    expect(new Date(addMonths(Date.parse('2026-08-31T12:00:00Z'), 6)).toISOString()).toBe(
      '2027-03-03T12:00:00.000Z',
    );
    expect(new Date(addMonths(Date.parse('2026-11-22T00:00:00Z'), 6)).toISOString()).toBe(
      '2027-05-22T00:00:00.000Z',
    );
  });
});
