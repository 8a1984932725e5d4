import type { Where } from './compare.ts';
import { KEY_DIFFERENCES } from './known-differences/keys.ts';
import { STAGING_DIFFERENCES } from './known-differences/staging.ts';
import { TRUST_DIFFERENCES } from './known-differences/trust.ts';
import { WORD_DIFFERENCES } from './known-differences/words.ts';

/** A difference that is meant. */
export interface KnownDifference {
  /** `<scenario>/<title of the step>`. */
  readonly step: string;
  readonly where: Where;
  /** The lines, normalised, that only `notary` has there. */
  readonly notary: readonly string[];
  /** The lines that only `tabellion notary` has there. */
  readonly tabellion: readonly string[];
  readonly reason: string;
  /** The heading in `docs/notary-dialect.md` under which people find it. */
  readonly documented: string;
}

/** All of them: nothing else may differ, and each of them must. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  ...TRUST_DIFFERENCES,
  ...KEY_DIFFERENCES,
  ...STAGING_DIFFERENCES,
  ...WORD_DIFFERENCES,
];

/** Tabellion keeps its locks in a folder of its own in the trust folder; Notary never looks there. */
export function isTabellionsOwn(name: string): boolean {
  return /(^|\/)\.tabellion\//.test(name);
}
