import type { Where } from './compare.ts';

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
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [];

/** Tabellion keeps its locks in a folder of its own in the trust folder; Notary never looks there. */
export function isTabellionsOwn(name: string): boolean {
  return /(^|\/)\.tabellion\//.test(name);
}
