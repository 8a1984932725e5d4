import { describe, expect, it } from 'vitest';
import { parseErrorBody } from '../../src/trust-server/error-body.ts';

describe('the body of an error', () => {
  it('whose detail nests deeper than any stack is read without it', () => {
    const depth = 200_000;
    const detail = '['.repeat(depth) + ']'.repeat(depth);
    const body = `{"errors":[{"code":"DENIED","message":"no","detail":${detail}}]}`;
    expect(parseErrorBody(Buffer.from(body)).errors).toEqual([
      { code: 'DENIED', message: 'no', detail: '' },
    ]);
  });
});
