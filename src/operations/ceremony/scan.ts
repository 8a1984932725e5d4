/** A ceremony file from the texts of its QR codes. */
import { ceremonyId, decodeCeremony, requestFingerprint } from '../../ceremony/ceremony-file.ts';
import { CeremonyParts } from '../../ceremony/ceremony-text.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { checkNewFile } from './input.ts';

export interface ScannedCeremony {
  readonly id: string;
  readonly fingerprint: string;
  readonly file: string;
}

/**
 * Reads parts until all are there, whatever follows, and writes the file.
 * @param told after each part: the numbers of those that are missing, and how many there are
 * @throws OperationError `FILE_EXISTS`, `CEREMONY_PART_INVALID`, `CEREMONY_PARTS_MISSING`, and those of reading the file
 */
export async function scanCeremony(
  lines: AsyncIterable<string>,
  output: string,
  told: (missing: readonly number[], total: number) => void,
): Promise<ScannedCeremony> {
  await checkNewFile(output);
  const parts = new CeremonyParts();
  for await (const line of lines) {
    if (line.trim() === '') continue;
    parts.add(line);
    const missing = parts.missing ?? [];
    told(missing, parts.total);
    if (missing.length === 0) break;
  }
  const bytes = parts.file();
  const file = await decodeCeremony(bytes);
  await writeFileAtomic(output, bytes);
  return { id: ceremonyId(file.request), fingerprint: requestFingerprint(file), file: output };
}
