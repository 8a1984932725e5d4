import { readFile } from 'node:fs/promises';
import { printable } from '../crypto/printable.ts';
import { TrustError } from '../errors.ts';
import type { TrustPinning } from '../tuf/pinning.ts';

/** Trust pins as a configuration file has them: authorities by file. */
export interface TrustPinningConfig {
  /** GUN, or a prefix that ends in `*` → key IDs of root certificates. */
  readonly certs: ReadonlyMap<string, readonly string[]>;
  /** GUN prefix → absolute path of a PEM file. */
  readonly ca: ReadonlyMap<string, string>;
  readonly disableTofu: boolean;
}

/**
 * Loads the authorities that pins name.
 *
 * @throws TrustError `PINNED_CA_UNREADABLE`: without the file the pin cannot be checked, so nothing is trusted.
 */
export async function loadTrustPinning(config: TrustPinningConfig): Promise<TrustPinning> {
  const ca = new Map<string, string>();
  for (const [prefix, file] of config.ca) ca.set(prefix, await readAuthorities(prefix, file));
  return { certs: config.certs, ca, disableTofu: config.disableTofu };
}

async function readAuthorities(prefix: string, file: string): Promise<string> {
  const unreadable = (problem: string, cause?: unknown) =>
    new TrustError(
      'PINNED_CA_UNREADABLE',
      `The authority that is pinned for “${printable(prefix)}” cannot be read from “${printable(file)}”: ${problem}`,
      {
        hint: 'Put the file there, or correct trust_pinning.ca in the configuration.',
        ...(cause === undefined ? {} : { cause }),
        details: { prefix, file },
      },
    );
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(cause instanceof Error ? printable(cause.message) : 'no such file', cause);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw unreadable('it holds no certificate in PEM form');
  }
  return text;
}
