/** Staging targets: `notary add`, `addhash`, `remove`. */
import { createHash } from 'node:crypto';
import type { JsonValue } from '../../../crypto/canonical-json.ts';
import { stageRemoval, stageTarget } from '../../../operations/stage.ts';
import type { Target } from '../../../tuf/target.ts';
import { inCollection } from '../collection.ts';
import type { FlagValues } from '../command-line/flags.ts';
import { GoValueError, parseGoInteger } from '../command-line/go-values.ts';
import type { NotaryAction } from '../context.ts';
import { Fatal, WrongArguments } from '../fatal.ts';
import { readFileOrFail } from '../go-file-error.ts';
import { goJsonError } from '../go-json-error.ts';
import { autoPublish } from './publish.ts';

const ALGORITHMS = ['sha256', 'sha512'] as const;
const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

export const add: NotaryAction = async (context, [gun, name, file], flags) => {
  if (gun === undefined || name === undefined || file === undefined) {
    throw new WrongArguments('Must specify a GUN, target, and path to target data');
  }
  await context.settings();
  const custom = await readCustom(flags);
  const content = await readFileOrFail(file);
  const digest = (algorithm: string): string =>
    createHash(algorithm).update(content).digest('base64');
  const target: Target = {
    length: content.length,
    hashes: { sha256: digest('sha256'), sha512: digest('sha512') },
    ...custom,
  };
  const roles = flags.list('roles') ?? [];
  await inCollection(context, gun, session => stageTarget(session, gun, { roles, name, target }));
  context.print(`Addition of target "${name}" to repository "${gun}" staged for next publish.\n`);
  await autoPublish(context, gun, flags);
};

export const addhash: NotaryAction = async (context, [gun, name, bytes], flags) => {
  const isHashed = ALGORITHMS.some(algorithm => flags.text(algorithm) !== '');
  if (gun === undefined || name === undefined || bytes === undefined || !isHashed) {
    throw new WrongArguments(
      'Must specify a GUN, target, byte size of target data, and at least one hash',
    );
  }
  await context.settings();
  const custom = await readCustom(flags);
  const size = parseSize(bytes);
  const hashes = parseHashes(flags);
  const length = checkedLength(size);
  const roles = flags.list('roles') ?? [];
  const target: Target = { length, hashes, ...custom };
  await inCollection(context, gun, session => stageTarget(session, gun, { roles, name, target }));
  const names = Object.keys(hashes).join(', ');
  context.print(
    `Addition of target "${name}" by ${names} hash to repository "${gun}" staged for next publish.\n`,
  );
  await autoPublish(context, gun, flags);
};

export const remove: NotaryAction = async (context, [gun, name], flags) => {
  if (gun === undefined || name === undefined) throw new Fatal('Must specify a GUN and target');
  const roles = flags.list('roles') ?? [];
  await inCollection(context, gun, session => stageRemoval(session, gun, { roles, name }));
  context.print(`Removal of ${name} from ${gun} staged for next publish.\n`);
  await autoPublish(context, gun, flags);
};

async function readCustom(flags: FlagValues): Promise<{ custom?: JsonValue }> {
  const file = flags.text('custom');
  if (file === '') return {};
  const text = await readFileOrFail(file);
  try {
    return { custom: JSON.parse(text.toString('utf8')) as JsonValue };
  } catch (error) {
    const problem = goJsonError(text.toString('utf8')) ?? (error as Error).message;
    throw new Fatal(`json: error calling MarshalJSON for type *json.RawMessage: ${problem}`, error);
  }
}

function parseSize(text: string): bigint {
  try {
    return parseGoInteger(text);
  } catch (error) {
    if (error instanceof GoValueError) throw new Fatal(error.message, error);
    throw error;
  }
}

/** The original takes negative sizes too, which nobody could ever verify. */
function checkedLength(size: bigint): number {
  const length = Number(size);
  if (length >= 0 && Number.isSafeInteger(length)) return length;
  throw new Fatal(`invalid byte size of target data: ${size}`);
}

function parseHashes(flags: FlagValues): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const algorithm of ALGORITHMS) {
    const hex = flags.text(algorithm);
    if (hex === '') continue;
    if (Buffer.byteLength(hex) !== HEX_LENGTH[algorithm]) {
      throw new Fatal(`invalid ${algorithm} hex contents provided`);
    }
    hashes[algorithm] = Buffer.from(checkHex(hex), 'hex').toString('base64');
  }
  return hashes;
}

function checkHex(hex: string): string {
  const bytes = Buffer.from(hex, 'utf8');
  const wrong = bytes.find(byte => !/[0-9a-fA-F]/.test(String.fromCharCode(byte)));
  if (wrong === undefined) return hex;
  const letter = String.fromCharCode(wrong);
  const code = wrong.toString(16).toUpperCase().padStart(4, '0');
  const shown = /[\p{C}\p{Z}]/u.test(letter) && letter !== ' ' ? '' : ` '${letter}'`;
  throw new Fatal(`encoding/hex: invalid byte: U+${code}${shown}`);
}
