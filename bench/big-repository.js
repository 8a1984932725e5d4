// Repositories with many tags, made by the real notary from changelist files of its own format.
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Name of tag number `index`. */
export function tagName(index) {
  return `v1.${Math.trunc(index / 1000)}.${index % 1000}`;
}

/** The hexadecimal SHA-256 that tag number `index` is given. */
export function tagDigest(index) {
  return createHash('sha256').update(`image ${index}`).digest('hex');
}

/**
 * Initialises `gun` and publishes `count` tags in it with one publish.
 * @param {object} notary The harness's NotaryCli, whose trust folder gets the keys.
 */
export async function publishBigRepository(notary, gun, count) {
  await notary.succeed(['init', gun, '-p']);
  const changelist = path.join(notary.options.trustDir, 'tuf', ...gun.split('/'), 'changelist');
  mkdirSync(changelist, { recursive: true, mode: 0o700 });
  const time = BigInt(Date.now()) * 1_000_000n;
  for (let index = 0; index < count; index += 1) {
    const sha256 = Buffer.from(tagDigest(index), 'hex').toString('base64');
    const target = { length: 1000 + (index % 1000), hashes: { sha256 } };
    const change = {
      action: 'create',
      role: 'targets',
      type: 'target',
      path: tagName(index),
      data: Buffer.from(JSON.stringify(target)).toString('base64'),
    };
    const name = `${String(time + BigInt(index)).padStart(20, '0')}_${randomUUID()}.change`;
    writeFileSync(path.join(changelist, name), JSON.stringify(change), { mode: 0o600 });
  }
  await notary.succeed(['publish', gun], { timeoutMs: 600_000 });
}
