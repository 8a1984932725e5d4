/** The error for metadata that does not follow the file format. */

import { printable } from '../crypto/printable.ts';
import { TrustError } from '../errors.ts';

/**
 * @param role whose file it is
 * @param why completes the sentence “The … metadata is malformed: …”
 */
export function malformed(role: string, why: string): TrustError {
  return new TrustError(
    'METADATA_MALFORMED',
    `The ${printable(role)} metadata is malformed: ${printable(why)}`,
    {
      details: { role },
    },
  );
}
