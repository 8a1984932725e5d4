/** The error for metadata that does not follow the file format. */

import { printable } from '../crypto/printable.ts';
import { TrustError } from '../errors.ts';

/** A name in a hostile file may have megabytes. */
const LONGEST_REASON = 500;

/**
 * @param role whose file it is
 * @param why completes the sentence “The … metadata is malformed: …”
 */
export function malformed(role: string, why: string): TrustError {
  const reason = why.length > LONGEST_REASON ? `${why.slice(0, LONGEST_REASON)}…` : why;
  return new TrustError(
    'METADATA_MALFORMED',
    `The ${printable(role)} metadata is malformed: ${printable(reason)}`,
    {
      details: { role },
    },
  );
}
