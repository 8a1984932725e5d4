import { describe, expect, it } from 'vitest';
import { Interrupted, Interruption } from '../../src/cli/interruption.ts';
import { createTestHost } from './test-host.ts';

describe('Interruption', () => {
  it('rejects on Ctrl-C; a second one finds no listener', async () => {
    const host = createTestHost();
    const interruption = new Interruption(host);
    expect(interruption.happened).toBe(false);
    expect(host.signal('SIGINT')).toBe(true);
    await expect(interruption.promise).rejects.toBeInstanceOf(Interrupted);
    expect(interruption.happened).toBe(true);
    // Others who listen see that they are not alone with the first.
    await new Promise(resolve => setImmediate(resolve));
    expect(host.signal('SIGINT')).toBe(false);
  });

  it('takes Ctrl-\\ for Ctrl-C, so that no core file is written', async () => {
    const host = createTestHost();
    const interruption = new Interruption(host);
    for (const _ of ['once', 'and again']) expect(host.signal('SIGQUIT')).toBe(true);
    await expect(interruption.promise).rejects.toBeInstanceOf(Interrupted);
    interruption.end();
    expect(host.signal('SIGQUIT')).toBe(false);
  });

  it('rejects with an error that nobody awaited', async () => {
    const host = createTestHost();
    const interruption = new Interruption(host);
    const stray = new Error('stray');
    host.throwUncaught(stray);
    await expect(interruption.promise).rejects.toBe(stray);
    expect(interruption.happened).toBe(true);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('lets a server end by %s', async signal => {
    const host = createTestHost();
    const interruption = new Interruption(host);
    const stopped = interruption.stopRequested();
    host.signal(signal);
    expect(await stopped).toBe(signal);
    expect(interruption.happened).toBe(false);
    expect(host.signal('SIGTERM')).toBe(false);
    expect(host.signal('SIGINT')).toBe(false);
  });

  it('leaves no listeners behind', () => {
    const host = createTestHost();
    new Interruption(host).end();
    expect(host.signal('SIGINT')).toBe(false);
    expect(host.throwUncaught(new Error('x'))).toBe(false);
  });
});
