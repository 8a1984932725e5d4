/**
 * A small reader and writer for the DER that keys and certificates are made of (ITU-T X.690). The
 * reader is strict: definite, shortest lengths only, and nothing may reach beyond what holds it.
 */

/** Universal tags (X.680), and the context-specific ones that X.509 and SEC 1 use. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Tag of a constructed, context-specific element such as `[0] EXPLICIT`. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

/** Bytes that are not the DER expected. Callers turn it into the error of their subject. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** One element: its tag, its content, and all its bytes including tag and length. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly encoded: Uint8Array;
}

/** Walks over the elements in a run of DER. Every method throws `DerError` on anything unexpected. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  /** The tag of the next element, or `undefined` at the end. */
  peekTag(): number | undefined {
    return this.#bytes[this.#position];
  }

  /** Takes the next element, of any tag. */
  element(): DerElement {
    const start = this.#position;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) {
      throw new DerError('a tag of more than one byte');
    }
    const length = this.#length();
    const from = this.#position;
    if (length > this.#bytes.length - from) {
      throw new DerError('an element that is longer than what holds it');
    }
    this.#position = from + length;
    return {
      tag,
      content: this.#bytes.subarray(from, from + length),
      encoded: this.#bytes.subarray(start, from + length),
    };
  }

  /** Takes the next element, which must have this tag, and returns its content. */
  take(tag: number): Uint8Array {
    const found = this.peekTag();
    if (found !== tag) {
      throw new DerError(`tag ${found ?? 'none'} where tag ${tag} belongs`);
    }
    return this.element().content;
  }

  /** Takes the next element if it has this tag. */
  takeOptional(tag: number): Uint8Array | undefined {
    return this.peekTag() === tag ? this.element().content : undefined;
  }

  sequence(): DerReader {
    return new DerReader(this.take(TAG.sequence));
  }

  objectIdentifier(): string {
    return decodeObjectIdentifier(this.take(TAG.objectIdentifier));
  }

  /** An INTEGER that is not negative, as big-endian bytes without the sign byte (at least one byte). */
  unsignedInteger(): Uint8Array {
    const content = this.take(TAG.integer);
    const first = content[0];
    if (first === undefined || first >= 0x80) {
      throw new DerError('an integer that is empty or negative');
    }
    if (first === 0 && content.length > 1) {
      if ((content[1] as number) < 0x80) {
        throw new DerError('an integer with needless zeros');
      }
      return content.subarray(1);
    }
    return content;
  }

  /** An INTEGER between 0 and 2^48 as a number. */
  smallInteger(): number {
    const bytes = this.unsignedInteger();
    if (bytes.length > 6) {
      throw new DerError('an integer that is too large');
    }
    return Buffer.from(bytes).readUIntBE(0, bytes.length);
  }

  /** A BIT STRING of whole bytes. */
  bitString(): Uint8Array {
    const content = this.take(TAG.bitString);
    if (content[0] !== 0) {
      throw new DerError('a bit string that does not end at a byte');
    }
    return content.subarray(1);
  }

  boolean(): boolean {
    const content = this.take(TAG.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
      throw new DerError('a boolean that is neither true nor false');
    }
    return content[0] === 0xff;
  }

  /** Asserts that nothing is left. */
  end(): void {
    if (!this.atEnd) {
      throw new DerError('bytes after the end');
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) {
      throw new DerError('an end in the middle of an element');
    }
    this.#position++;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) {
      return first;
    }
    const count = first & 0x7f;
    if (count === 0 || count > 4) {
      throw new DerError('a length that is indefinite or too large');
    }
    let length = 0;
    for (let i = 0; i < count; i++) {
      length = length * 256 + this.#byte();
    }
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) {
      throw new DerError('a length that is not the shortest');
    }
    return length;
  }
}

function decodeObjectIdentifier(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  let started = false;
  for (const byte of content) {
    if (!started && byte === 0x80) {
      throw new DerError('an object identifier with needless zeros');
    }
    started = true;
    arc = arc * 128 + (byte & 0x7f);
    if (arc > 2 ** 40) {
      throw new DerError('an object identifier that is too large');
    }
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
      started = false;
    }
  }
  const first = arcs[0];
  if (first === undefined || started) {
    throw new DerError('an object identifier that is cut');
  }
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs.slice(1)].join('.');
}

/** An element with this tag and the joined content. */
export function encodeElement(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), encodeLength(body.length), body]);
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) {
    return Buffer.from([length]);
  }
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) {
    bytes.unshift(rest % 256);
  }
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export function encodeSequence(...elements: Uint8Array[]): Buffer {
  return encodeElement(TAG.sequence, ...elements);
}

export function encodeOctetString(bytes: Uint8Array): Buffer {
  return encodeElement(TAG.octetString, bytes);
}

/** A BIT STRING; `unusedBits` of its last byte do not count. */
export function encodeBitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return encodeElement(TAG.bitString, Buffer.from([unusedBits]), bytes);
}

export function encodeNull(): Buffer {
  return encodeElement(TAG.null);
}

export function encodeBoolean(value: boolean): Buffer {
  return encodeElement(TAG.boolean, Buffer.from([value ? 0xff : 0]));
}

/** An INTEGER from a small number, or from unsigned big-endian bytes of any length. */
export function encodeUnsignedInteger(value: number | Uint8Array): Buffer {
  const bytes =
    typeof value === 'number'
      ? Buffer.from(value.toString(16).padStart(12, '0'), 'hex')
      : Buffer.from(value);
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) {
    start++;
  }
  const short = bytes.subarray(start);
  const sign = short.length === 0 || (short[0] as number) >= 0x80 ? [0] : [];
  return encodeElement(TAG.integer, Buffer.from(sign), short);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function encodeObjectIdentifier(dotted: string): Buffer {
  const [root = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [root * 40 + second, ...rest].flatMap(arc => {
    const septets = [arc % 128];
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128)) {
      septets.unshift(0x80 | (high % 128));
    }
    return septets;
  });
  return encodeElement(TAG.objectIdentifier, Buffer.from(bytes));
}
