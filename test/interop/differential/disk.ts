import { describeChange, describeMetadata } from './decoded.ts';
import type { Entry } from './folder.ts';
import { normalise, type Surroundings } from './normaliser.ts';

/**
 * The files below a folder: comparable names, each with its permissions, those of the folder that it is in, and its
 * decoded content in lines. Folders are not in it by themselves: when an empty one is made says nothing.
 */
export type Disk = ReadonlyMap<string, string>;

const CHANGE =
  /^\d{20}_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.change$/;

/** Descriptions that were made before, with all that they depend on. */
export type DescriptionCache = Map<string, { from: string; text: string }>;

/** Makes a side's folder comparable. `cache` may be kept from step to step. */
export function describeDisk(
  entries: readonly Entry[],
  surroundings: Surroundings,
  cache: DescriptionCache = new Map(),
): Disk {
  const disk = new Map<string, string>();
  const changes = new Map<string, number>();
  const folders = new Map<string, string>();
  for (const entry of entries) {
    const { name, kind } = entry;
    const mode = entry.mode.toString(8).padStart(4, '0');
    let shown = normalise(name, surroundings);
    const folder = name.slice(0, name.lastIndexOf('/') + 1);
    if (kind === 'folder') {
      folders.set(`${name}/`, mode);
    } else if (kind === 'link') {
      disk.set(shown, `link to ${normalise(entry.bytes.toString(), surroundings)}`);
    } else {
      if (CHANGE.test(name.slice(folder.length))) {
        const count = (changes.get(folder) ?? 0) + 1;
        changes.set(folder, count);
        shown = `${normalise(folder, surroundings)}<change ${count}>`;
      }
      disk.set(
        shown,
        `${mode} in ${folders.get(folder)}\n${describeFile(entry, entries, surroundings, cache)}`,
      );
    }
  }
  return disk;
}

function describeFile(
  entry: Entry,
  entries: readonly Entry[],
  surroundings: Surroundings,
  cache: DescriptionCache,
): string {
  const { name, bytes } = entry;
  const { keys } = surroundings;
  const siblings = siblingFiles(name, entries);
  const from = [
    keys.all().length,
    entry.stamp,
    ...[...siblings.values()].map(({ stamp }) => stamp),
  ].join();
  const known = cache.get(name);
  if (known?.from === from) return known.text;
  const content = bytes.toString('utf8');
  let text: string;
  if (name.endsWith('.change')) {
    text = describeChange(content, keys);
  } else if (siblings.size > 0 && name.endsWith('.json')) {
    text = describeMetadata(content, keys, new Date(), role => siblings.get(role)?.bytes);
  } else {
    text = normalise(content, surroundings);
  }
  cache.set(name, { from, text });
  return text;
}

/** The cached metadata files of the same repository, this one too, by role; none for other files. */
function siblingFiles(name: string, entries: readonly Entry[]): Map<string, Entry> {
  const end = name.includes('/tuf/') ? name.lastIndexOf('/metadata/') : -1;
  const files = new Map<string, Entry>();
  if (end === -1) return files;
  const metadata = name.slice(0, end + '/metadata/'.length);
  for (const entry of entries) {
    if (entry.kind !== 'file' || !entry.name.startsWith(metadata)) continue;
    files.set(entry.name.slice(metadata.length).replace(/\.json$/, ''), entry);
  }
  return files;
}

/** True for a cached metadata file or a folder of them. */
function isCache(name: string): boolean {
  return /(^|\/)tuf\/.*\/metadata\//.test(name);
}

/**
 * What a command changed, in lines: `+` new, `-` gone, `~` changed with its new content. Without the cached
 * metadata, see {@link cacheOf}, and what `isOwn` says.
 */
export function diskChanges(before: Disk, after: Disk, isOwn: (name: string) => boolean): string[] {
  const lines: string[] = [];
  for (const name of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    const [old, now] = [before.get(name), after.get(name)];
    if (old === now || isCache(name) || isOwn(name)) continue;
    if (now === undefined) {
      lines.push(`- ${name}`);
      continue;
    }
    const sign = old === undefined ? '+' : '~';
    const [mode, ...content] = now.split('\n');
    lines.push(`${sign} ${name} ${mode}`, ...content.map(line => `    ${name}: ${line}`));
  }
  return lines;
}

/**
 * The cached metadata of a repository, in lines. Files of delegations that the cached snapshot does not list are
 * left out: Notary never looks at them again and never removes them.
 */
export function cacheOf(gun: string, disk: Disk): string[] {
  const files = new Map<string, { name: string; text: string }>();
  for (const [name, text] of disk) {
    const [, folder, role] = /^(?:.*\/)?tuf\/(.*)\/metadata\/(.*)\.json$/.exec(name) ?? [];
    if (folder === gun && role !== undefined) files.set(role, { name, text });
  }
  const listed = files.get('snapshot')?.text ?? '';
  const lines: string[] = [];
  for (const [role, { name, text }] of files) {
    if (role.includes('/') && !listed.includes(`"${role}"`)) continue;
    const [mode, ...content] = text.split('\n');
    lines.push(`${name} ${mode}`, ...content.map(line => `${role}.json: ${line}`));
  }
  return lines;
}
