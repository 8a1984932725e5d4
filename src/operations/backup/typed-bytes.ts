/** Bytes in a form that people can read out and type. */
import { CROCKFORD_BASE32, decodeBase32, encodeBase32 } from '../../crypto/base32.ts';

/** Groups of five characters with hyphens between. */
export function encodeTyped(bytes: Uint8Array): string {
  return (encodeBase32(bytes, CROCKFORD_BASE32).match(/.{1,5}/g) ?? []).join('-');
}

/**
 * Takes lower case, spaces and any grouping, and the letters that are taken for digits; undefined when something
 * else is in it.
 */
export function decodeTyped(text: string): Uint8Array | undefined {
  const characters = text
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
  return decodeBase32(characters, CROCKFORD_BASE32);
}
