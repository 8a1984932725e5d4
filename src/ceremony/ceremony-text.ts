/**
 * A ceremony file as lines of text, each fit for one QR code: compressed, in base32, in numbered parts
 * (docs/ceremony-format.md). A scanner hands back the lines; in which order, and how often, is of no account.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { decodeBase32, encodeBase32, RFC_4648_BASE32 } from '../crypto/base32.ts';
import { sha256Hex } from '../crypto/digest.ts';
import { OperationError } from '../errors.ts';
import { CEREMONY_SIZE_LIMIT } from './ceremony-file.ts';

/** How much of a file stands in one part, in base32 digits: a code of 61 modules, which fits 80 columns. */
const PART_DIGITS = 400;
/** More would keep nobody at the camera. */
export const PARTS_LIMIT = 40;
const PART = /^TBR1\/([0-9A-F]{8})\/([1-9]\d?)\/([1-9]\d?)\/([A-Z2-7]{1,400})$/;

/**
 * Splits a file into parts: `TBR1/<8 digits of its SHA-256>/<number>/<of so many>/<base32>`.
 * @throws OperationError `CEREMONY_TOO_LARGE` when it would need more than {@link PARTS_LIMIT}
 */
export function ceremonyParts(file: Uint8Array): string[] {
  const text = encodeBase32(deflateRawSync(file, { level: 9 }), RFC_4648_BASE32);
  const count = Math.ceil(text.length / PART_DIGITS);
  if (count > PARTS_LIMIT) {
    throw new OperationError(
      'CEREMONY_TOO_LARGE',
      `The file would need ${count} QR codes; at most ${PARTS_LIMIT} are shown`,
      {
        hint: 'Carry the file itself, or make requests for fewer repositories.',
        details: { parts: count, limit: PARTS_LIMIT },
      },
    );
  }
  return Array.from(
    { length: count },
    (_, index) =>
      `TBR1/${nameOf(file)}/${index + 1}/${count}/${text.slice(index * PART_DIGITS, (index + 1) * PART_DIGITS)}`,
  );
}

/** Gathers the parts of one file as they are scanned. */
export class CeremonyParts {
  private name: string | undefined;
  private count = 0;
  private readonly found = new Map<number, string>();

  /** Numbers of the parts that are still to come; undefined before the first. */
  get missing(): number[] | undefined {
    if (this.name === undefined) return undefined;
    return Array.from({ length: this.count }, (_, index) => index + 1).filter(
      number => !this.found.has(number),
    );
  }

  get total(): number {
    return this.count;
  }

  /**
   * Takes a line; an empty one, or a part once more, changes nothing.
   * @throws OperationError `CEREMONY_PART_INVALID`
   */
  add(line: string): void {
    const text = line.trim();
    if (text === '') return;
    const [, name = '', number = '', total = '', digits = ''] = PART.exec(text.toUpperCase()) ?? [];
    if (name === '') throw badPart('a line is not a part of a ceremony file');
    const [index, count] = [Number(number), Number(total)];
    if (count > PARTS_LIMIT || index > count) throw badPart('a part has a number beyond its last');
    if (this.name !== undefined && (name !== this.name || count !== this.count))
      throw badPart('a part belongs to another file than the one before');
    if ((this.found.get(index) ?? digits) !== digits)
      throw badPart(`part ${index} was read twice, each time otherwise`);
    this.name = name;
    this.count = count;
    this.found.set(index, digits);
  }

  /**
   * The file, when all parts are there.
   * @throws OperationError `CEREMONY_PARTS_MISSING`, `CEREMONY_PART_INVALID`
   */
  file(): Uint8Array {
    const missing = this.missing;
    if (missing === undefined || missing.length > 0) {
      const which = missing === undefined ? 'all parts' : `part ${missing.join(', ')}`;
      throw new OperationError(
        'CEREMONY_PARTS_MISSING',
        `The file is not whole: ${which} missing`,
        {
          hint: 'Scan what is missing, and give all parts together.',
          details: { missing: missing ?? [] },
        },
      );
    }
    const text = Array.from({ length: this.count }, (_, index) => this.found.get(index + 1)).join(
      '',
    );
    let file: Uint8Array;
    try {
      const bytes = decodeBase32(text, RFC_4648_BASE32) ?? new Uint8Array();
      file = inflateRawSync(bytes, { maxOutputLength: CEREMONY_SIZE_LIMIT });
    } catch (cause) {
      throw badPart('its parts do not make a file', cause);
    }
    if (nameOf(file) !== this.name) throw badPart('a part was misread: the file has another sum');
    return file;
  }
}

function nameOf(file: Uint8Array): string {
  return sha256Hex(file).slice(0, 8).toUpperCase();
}

function badPart(why: string, cause?: unknown): OperationError {
  return new OperationError(
    'CEREMONY_PART_INVALID',
    `The QR codes cannot be put together: ${why}`,
    {
      cause,
      hint: 'Scan the codes of one file again.',
    },
  );
}
