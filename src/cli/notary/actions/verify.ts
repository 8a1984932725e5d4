/** `notary verify`: lets bytes through only when they are the ones that were signed. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { printable } from '../../../crypto/printable.ts';
import { lookupTarget } from '../../../operations/list-targets.ts';
import type { Target } from '../../../tuf/target.ts';
import { readCollection } from '../collection.ts';
import type { NotaryAction } from '../context.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { goFileError, readFileOrFail } from '../go-file-error.ts';

const ALGORITHMS = ['sha256', 'sha512'] as const;

export const verify: NotaryAction = async (context, [gun, name], flags) => {
  if (gun === undefined || name === undefined) {
    throw new WrongArguments('Must specify a GUN and target');
  }
  await context.settings();
  const file = flags.text('input');
  const payload = file === '' ? await context.input.all() : await readFileOrFail(file);
  const found = await readCollection(context, gun, (session, request) =>
    lookupTarget(session, gun, name, request),
  ).catch((error: unknown) => {
    if (!(error instanceof Fatal) || isBeforeLookup(error)) throw error;
    throw notRetrieved(name, error.message, error);
  });
  if (found.target === undefined) {
    throw notRetrieved(name, `No valid trust data for ${printable(name)}`);
  }
  checkHashes(payload, name, found.target.target);
  if (flags.is('quiet')) return;
  const output = flags.text('output');
  if (output === '') context.print(payload);
  else await write(output, payload);
};

function notRetrieved(name: string, why: string, cause?: unknown): Fatal {
  return new Fatal(`error retrieving target by name:${printable(name)}, error:${why}`, cause);
}

/** What is found out before the server is asked for the target. */
function isBeforeLookup({ message }: Fatal): boolean {
  return /^(?:unable to configure TLS|either pass both|Could not parse remote|Trust server url|invalid format)/.test(
    message,
  );
}

function checkHashes(payload: Uint8Array, name: string, { hashes }: Target): void {
  const known = ALGORITHMS.filter(algorithm => hashes[algorithm] !== undefined);
  const prefix = 'data not present in the trusted collection, ';
  if (known.length === 0) {
    throw new Fatal(
      `${prefix}no checksums for supported algorithms were provided for ${printable(name)}`,
    );
  }
  for (const algorithm of known) {
    const expected = Buffer.from(hashes[algorithm] ?? '', 'base64').toString('hex');
    if (createHash(algorithm).update(payload).digest('hex') === expected) continue;
    throw new Fatal(
      `${prefix}${algorithm} checksum for ${printable(name)} did not match: expected ${expected}`,
    );
  }
}

async function write(file: string, payload: Uint8Array): Promise<void> {
  try {
    await writeFile(file, payload, { mode: 0o600 });
  } catch (error) {
    throw new Fatal(goFileError(error, file).replace(/^read/, 'open'), error);
  }
}
