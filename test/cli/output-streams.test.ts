import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { flush, watchOutput } from '../../src/cli/output-streams.ts';

function failing(code: string): Writable {
  return new Writable({
    autoDestroy: false,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })),
  });
}

describe('watchOutput', () => {
  it('goes on when the reader went away', async () => {
    const stream = failing('EPIPE');
    const output = watchOutput(stream);
    stream.write('x');
    await flush(stream);
    expect(output.failure()).toBeUndefined();
  });

  it('keeps what else kept the output from being written', async () => {
    const stream = failing('ENOSPC');
    const output = watchOutput(stream);
    stream.write('x');
    await flush(stream);
    expect(output.failure()).toMatchObject({ code: 'ENOSPC' });
  });
});

it('flush waits for what was written', async () => {
  const order: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      setImmediate(() => {
        order.push(chunk.toString());
        done();
      });
    },
  });
  stream.write('first');
  stream.write('second');
  await flush(stream);
  expect(order.slice(0, 2)).toEqual(['first', 'second']);
  await flush(new PassThrough().resume());
});
