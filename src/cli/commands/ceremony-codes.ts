/** A ceremony file as QR codes for the terminal, and as the text that is in them. */

import { CEREMONY_SIZE_LIMIT } from '../../ceremony/ceremony-file.ts';
import { ceremonyParts } from '../../ceremony/ceremony-text.ts';
import { readInputFile } from '../../operations/read-input-file.ts';

export interface CeremonyCodes {
  readonly parts: readonly string[];
  /** One code after the other, each with its number. */
  readonly lines: readonly string[];
}

/** Width of the quiet zone around a code, in modules. */
const BORDER = 2;

/** @throws OperationError `CEREMONY_TOO_LARGE`, `FILE_NOT_READABLE` */
export async function ceremonyCodes(files: readonly string[]): Promise<CeremonyCodes> {
  const [file = ''] = files;
  const { content } = await readInputFile(file, CEREMONY_SIZE_LIMIT);
  const parts = ceremonyParts(content);
  const { renderUnicodeCompact } = await import('uqr');
  const lines = parts.flatMap((part, index) => [
    '',
    `part ${index + 1} of ${parts.length}`,
    ...renderUnicodeCompact(part, { ecc: 'L', border: BORDER }).split('\n'),
  ]);
  return { parts, lines };
}
