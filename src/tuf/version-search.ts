/** Finding the highest version of a file that a server has kept, where it is not told (tuf.md 8.1). */

/** More versions than anybody has ever signed. */
const HIGHEST_VERSION = 2 ** 24;

/**
 * Searches upwards in ever greater steps, then between the last that is there and the first that is not: versions may
 * have gaps, so only an unbroken run from `from` is certain to be followed.
 * @param exists whether the server has a version
 * @param from one that is known to exist; 0 for none
 * @param endless makes the error for a server that seems to have every version
 */
export async function highestVersion(
  exists: (version: number) => Promise<boolean>,
  from: number,
  endless: () => Error,
): Promise<number> {
  let low = from;
  let step = 1;
  while (await exists(low + step)) {
    low += step;
    step *= 2;
    if (low > HIGHEST_VERSION) throw endless();
  }
  let high = low + step;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await exists(middle)) low = middle;
    else high = middle;
  }
  return low;
}
