/** Two attacks without any key: another image under a signed name, and trust data that was altered. */
import { sha256Hex } from '../../crypto/digest.ts';
import { TARGETS } from '../../tuf/role-name.ts';
import { expect, REPOSITORY, type Stage } from './stage.ts';

const OTHER = sha256Hex(Buffer.from('not what was signed'));

/** Plays both. @param digest what `image` is signed as */
export async function tamper(stage: Stage, image: string, digest: string): Promise<void> {
  const other = `${image}@sha256:${OTHER}`;
  const passedOff = await stage.verify(other);
  expect(passedOff.error?.code === 'DIGEST_MISMATCH', 'another image passed for the signed one');
  stage.tell({
    step: 'other-image',
    command: `tabellion verify --no-registry ${other}`,
    result: passedOff,
  });

  await forge(stage, digest);
  const forged = await stage.verify(image, stage.owner, true);
  expect(forged.error?.code === 'HASH_MISMATCH', 'forged trust data was believed');
  stage.tell({
    step: 'forged-metadata',
    command: `tabellion verify --offline ${image}`,
    result: forged,
  });
  // Asked again, the server gives what is true.
  expect((await stage.verify(image)).trusted, 'forged trust data was not replaced');
}

/** Alters the copy on disk as somebody would who wants another image to pass. */
async function forge(stage: Stage, digest: string): Promise<void> {
  await stage.on(stage.owner, async session => {
    const dir = session.trustDir.repository(REPOSITORY);
    const role = `${TARGETS}/releases`;
    const text = Buffer.from((await dir.read(role)) ?? []).toString('utf8');
    const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
    const forged = text.replaceAll(base64(digest.replace('sha256:', '')), base64(OTHER));
    await dir.replace(new Map([[role, Buffer.from(forged, 'utf8')]]));
  });
}
