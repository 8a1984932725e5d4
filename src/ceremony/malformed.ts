/** What a ceremony file may be made of, and the error for one that is not. */
import { SIMPLE_VALUES, type StrictCborRules } from '../crypto/strict-cbor.ts';
import { OperationError } from '../errors.ts';

/** For a file that is not what Tabellion wrote. */
export function malformedCeremony(why: string, cause?: unknown): OperationError {
  return new OperationError('CEREMONY_MALFORMED', `This is not a ceremony file: ${why}`, {
    cause,
    hint: 'Copy the file once more from the machine that wrote it.',
  });
}

/** The CBOR of ceremony files; limits are beyond what any of them needs. */
export const CEREMONY_CBOR: StrictCborRules = {
  malformed: why => malformedCeremony(why),
  depthLimit: 8,
  itemLimit: 4_000_000,
  simple: [SIMPLE_VALUES.null],
};
