/**
 * Bytes in a form that people can read out and type: Crockford's base 32, which has no I, L, O and U, in groups.
 */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const GROUP = 5;

/** Groups of five characters with hyphens between. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  if (bits > 0) text += ALPHABET[(value << (5 - bits)) & 31];
  return (text.match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? []).join('-');
}

/**
 * Takes lower case, spaces and any grouping, and the letters that are taken for digits; undefined when something
 * else is in it.
 */
export function decodeBase32(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const typed of text.toUpperCase().replaceAll(/[\s-]/g, '')) {
    const character = { O: '0', I: '1', L: '1' }[typed] ?? typed;
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return undefined;
    value = (value << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 255);
      value &= (1 << bits) - 1;
    }
  }
  // What is left over is padding: one text for one value.
  return value === 0 && bits < 5 ? Uint8Array.from(bytes) : undefined;
}
