/** Bytes as letters and digits: five bits each, most significant first (RFC 4648), without padding characters. */

/** RFC 4648's own alphabet. */
export const RFC_4648_BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Crockford's, which has no I, L, O and U: nothing in it is taken for something else. */
export const CROCKFORD_BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** @param alphabet 32 different characters */
export function encodeBase32(bytes: Uint8Array, alphabet: string): string {
  let text = '';
  let [bits, value] = [0, 0];
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += alphabet[(value >> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + alphabet[(value << (5 - bits)) & 31];
}

/** Undefined for a text that {@link encodeBase32} does not give: another character, or bits left over. */
export function decodeBase32(text: string, alphabet: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let [bits, value] = [0, 0];
  for (const character of text) {
    const digit = alphabet.indexOf(character);
    if (digit < 0) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  // What is left over is padding: one text for one value.
  const isPadding = bits < 5 && (value & ((1 << bits) - 1)) === 0;
  return isPadding ? Uint8Array.from(bytes) : undefined;
}
