/**
 * Private keys as one text for a backup or another machine: the blocks of the key files as they are, each with
 * a `path` that says which key it is (keys.md 7). No passphrase is needed.
 */
import { decodeAllPem, decodePem } from '../crypto/pem.ts';
import { KeyError } from '../errors.ts';
import { withHeaders } from './key-file-text.ts';
import { isKeyId, type KeyEntry } from './key-files.ts';
import type { KeyFile, KeyStore } from './key-store.ts';

export interface ExportSelection {
  /** Full key IDs. */
  readonly ids?: readonly string[];
  /** Keys whose file names one of these repositories: targets and snapshot keys. */
  readonly guns?: readonly string[];
}

export interface ExportedKeys {
  /** PEM: the blocks in the order of their IDs, as Notary has it. */
  readonly pem: string;
  readonly keys: readonly KeyEntry[];
  /** Files that were selected but hold nothing to export; each says why in `problem`. */
  readonly skipped: readonly KeyEntry[];
  /** What was selected and is not there. */
  readonly unknownIds: readonly string[];
  readonly unknownGuns: readonly string[];
}

/** Selects keys: all, those of the IDs, those of the repositories, or both of these. */
export async function exportKeys(
  store: KeyStore,
  { ids = [], guns = [] }: ExportSelection,
): Promise<ExportedKeys> {
  const files = (await store.files()).filter(({ entry }) => {
    if (ids.length === 0 && guns.length === 0) return true;
    return ids.includes(entry.id) || (entry.gun !== undefined && guns.includes(entry.gun));
  });
  const selected = [...new Set(files.map(({ entry }) => entry.id))].sort();
  const blocks: string[] = [];
  const keys: KeyEntry[] = [];
  const skipped: KeyEntry[] = [];
  for (const id of selected) {
    // Of several files, the one that is used.
    const file = await store.file(id);
    const { entry } = file ?? files.find(one => one.entry.id === id) ?? {};
    if (entry === undefined) continue;
    const pem = file === undefined ? undefined : blockOf(file);
    if (pem === undefined) skipped.push(entry);
    else {
      blocks.push(pem);
      keys.push(entry);
    }
  }
  return {
    pem: blocks.join(''),
    keys,
    skipped,
    unknownIds: [...new Set(ids)].filter(id => !selected.includes(id)),
    unknownGuns: [...new Set(guns)].filter(gun => !files.some(({ entry }) => entry.gun === gun)),
  };
}

/**
 * Checks that a text holds just these keys, as after it was written and read again.
 * @throws KeyError `EXPORT_DAMAGED`
 */
export function checkExport(text: string | Uint8Array, expected: ExportedKeys): void {
  const paths = decodeAllPem(text).map(({ headers }) => headers.get('path'));
  const ids = expected.keys.map(({ id }) => id);
  const isWhole =
    Buffer.from(text).toString('utf8') === expected.pem &&
    paths.length === ids.length &&
    paths.every((path, index) => path === ids[index]);
  if (isWhole) return;
  throw new KeyError(
    'EXPORT_DAMAGED',
    `${ids.length} keys were exported, but what was written holds ${paths.length} or is not the same`,
    { hint: 'Do not rely on this file: check the disk, and export again.' },
  );
}

function blockOf({ entry, content }: KeyFile): string | undefined {
  if (content === undefined || !isKeyId(entry.id)) return undefined;
  const headers = new Map(decodePem(content)?.headers);
  // Of an old file name or folder, where the headers are silent.
  headers.set('role', entry.role);
  if (entry.gun !== undefined) headers.set('gun', entry.gun);
  headers.set('path', entry.id);
  return withHeaders(content, headers);
}
