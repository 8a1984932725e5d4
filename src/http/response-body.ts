import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { ConnectionError } from '../errors.ts';

export interface BodyOptions {
  /** Most bytes, after decompression. */
  readonly limit: number;
  /** True: more than `limit` bytes are cut off. False: they are an error. */
  readonly cutAtLimit: boolean;
  /** False for answers that have headers about a body but none, as to HEAD. */
  readonly hasBody: boolean;
  readonly host: string;
  readonly done: (body: Buffer, whole: boolean) => void;
  readonly failed: (error: Error) => void;
}

/** Gzip adds some bytes to what cannot be compressed; more than this over the limit is an attempt to keep us busy. */
function compressedLimit(limit: number): number {
  return limit + Math.ceil(limit / 1000) + 1024;
}

/**
 * Reads the body of an answer, decompressed, in memory that never grows beyond the limit.
 *
 * @returns a function that stops it.
 */
export function readBody(response: IncomingMessage, options: BodyOptions): () => void {
  const { limit, host } = options;
  const tooLarge = () =>
    new ConnectionError(
      'RESPONSE_TOO_LARGE',
      `The answer of ${host} is larger than ${limit} bytes`,
      {
        hint: 'A well-behaved server does not send that much: check the address and what stands in between.',
        details: { host, limit },
      },
    );
  const encoding = (response.headers['content-encoding'] ?? '').trim().toLowerCase();
  const plain = encoding === '' || encoding === 'identity';
  const gzip = encoding === 'gzip' || encoding === 'x-gzip';

  response.on('error', options.failed);
  if (!options.hasBody) {
    response.on('end', () => options.done(Buffer.alloc(0), true));
    response.resume();
    return () => {};
  }
  if (!plain && !gzip) {
    options.failed(
      new ConnectionError(
        'RESPONSE_INVALID',
        `The answer of ${host} has an encoding that was not asked for`,
        { details: { host } },
      ),
    );
    return () => {};
  }
  if (plain && !options.cutAtLimit && Number(response.headers['content-length']) > limit) {
    options.failed(tooLarge());
    return () => {};
  }

  const chunks: Buffer[] = [];
  let size = 0;
  let stopped = false;
  const take = (chunk: Buffer) => {
    if (stopped) return;
    size += chunk.length;
    if (size <= limit) {
      chunks.push(chunk);
      return;
    }
    stopped = true;
    if (!options.cutAtLimit) {
      options.failed(tooLarge());
      return;
    }
    chunks.push(chunk.subarray(0, chunk.length - (size - limit)));
    options.done(Buffer.concat(chunks), false);
  };

  if (plain) {
    response.on('data', take);
    response.on('end', () => {
      if (!stopped) options.done(Buffer.concat(chunks), true);
    });
    return () => {
      stopped = true;
    };
  }

  const gunzip = createGunzip();
  let received = 0;
  let ends = 0;
  // The connection can be used again only when the compressed side has been read to its end as well.
  const end = () => {
    ends += 1;
    if (ends === 2 && !stopped) options.done(Buffer.concat(chunks), true);
  };
  response.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (stopped || received <= compressedLimit(limit)) return;
    stopped = true;
    if (options.cutAtLimit) options.done(Buffer.concat(chunks), false);
    else options.failed(tooLarge());
  });
  response.on('end', end);
  gunzip.on('data', take);
  gunzip.on('end', () => {
    response.unpipe(gunzip);
    response.resume();
    end();
  });
  gunzip.on('error', (cause: NodeJS.ErrnoException) => {
    const short = cause.code === 'Z_BUF_ERROR';
    options.failed(
      new ConnectionError(
        short ? 'RESPONSE_CUT' : 'RESPONSE_INVALID',
        short
          ? `The compressed answer of ${host} ends too early`
          : `The compressed answer of ${host} is damaged`,
        { cause, details: { host } },
      ),
    );
  });
  response.pipe(gunzip);
  return () => {
    stopped = true;
    response.unpipe(gunzip);
    gunzip.destroy();
  };
}
