/**
 * From a GUN to its folder below `tuf/` and back (tuf.md 2.2).
 *
 * On POSIX each segment is a folder of just that name, as Notary has it. Windows has characters and names
 * that no file may have; Notary does nothing about them, so GUNs with a port do not work there. Tabellion
 * writes such a character as `%` and the two upper-case hex digits of its code: `localhost:5000` becomes
 * `localhost%3A5000`, and a `%` of the name itself becomes `%25`.
 */
import { UsageError } from '../errors.ts';
import { checkGun } from '../tuf/gun.ts';

/** Folders of Tabellion's own between those of GUNs begin like this. */
export const OWN_PREFIX = '.tabellion-';

const NOT_ON_WINDOWS = /[<>:"|?*%]|[. ]$/g;
const DEVICE_ON_WINDOWS = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/**
 * The path segments of a GUN.
 * @throws UsageError `GUN_INVALID`
 */
export function gunSegments(gun: string, platform: NodeJS.Platform): string[] {
  checkGun(gun);
  const segments = gun.split('/');
  if (segments.some(segment => segment.toLowerCase().startsWith(OWN_PREFIX))) {
    throw new UsageError(
      'GUN_INVALID',
      `“${gun}” cannot name a repository: no part of it may begin with “${OWN_PREFIX}”`,
    );
  }
  return segments.map(segment => segmentToName(segment, platform));
}

/** The GUN whose path segments these are. */
export function gunOfSegments(segments: readonly string[], platform: NodeJS.Platform): string {
  return segments.map(name => nameToSegment(name, platform)).join('/');
}

/** A segment of a GUN or role as the name of a file or folder. */
export function segmentToName(segment: string, platform: NodeJS.Platform): string {
  if (platform !== 'win32') return segment;
  const name = segment.replace(NOT_ON_WINDOWS, encode);
  return DEVICE_ON_WINDOWS.test(name) ? encode(name.slice(0, 1)) + name.slice(1) : name;
}

/** What {@link segmentToName} made a name of. */
export function nameToSegment(name: string, platform: NodeJS.Platform): string {
  if (platform !== 'win32') return name;
  return name.replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function encode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
