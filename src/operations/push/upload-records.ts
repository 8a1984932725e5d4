/** What is remembered of uploads that take several requests, so that a run that was killed can be carried on. */
import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationError } from '../../errors.ts';
import type { UploadMemory } from '../../registry/blob-upload.ts';
import { isJsonObject } from '../../registry/manifest.ts';
import type { UploadSession } from '../../registry/repository-push.ts';
import type { Session } from '../session.ts';

const FORMAT = 1;
const FOLDER = 'uploads';
/** So long registries keep an upload that nobody goes on with. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** The upload of one blob into one repository. */
export function uploadMemory(session: Session, repository: string, digest: string): UploadMemory {
  const { own } = session.trustDir;
  const id = createHash('sha256').update(`${repository}@${digest}`).digest('hex');
  const name = `${FOLDER}/${id}.json`;
  let kept = false;
  return {
    async load() {
      const record = await own.read(name).catch((error: unknown) => {
        // It saves time, and nothing depends on it.
        if (!(error instanceof OperationError) || error.code !== 'RECORD_DAMAGED') throw error;
        session.log(error.message);
        return undefined;
      });
      kept = record !== undefined;
      return readRecord(record, repository, digest);
    },
    async save({ location, offset, minChunk }) {
      kept = true;
      await own.write(name, {
        schemaVersion: FORMAT,
        repository,
        digest,
        location: location.href,
        offset,
        minChunk,
      });
    },
    async clear() {
      if (kept) await own.remove(name);
      kept = false;
    },
  };
}

function readRecord(
  record: unknown,
  repository: string,
  digest: string,
): UploadSession | undefined {
  if (!isJsonObject(record) || record.schemaVersion !== FORMAT) return undefined;
  const { location, offset, minChunk } = record;
  if (record.repository !== repository || record.digest !== digest) return undefined;
  if (typeof location !== 'string' || !URL.canParse(location)) return undefined;
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(minChunk)) return undefined;
  return { location: new URL(location), offset: Number(offset), minChunk: Number(minChunk) };
}

/** Removes what is remembered of uploads that no registry has any more. It never fails: there is always another run. */
export async function forgetOldUploads(session: Session): Promise<void> {
  const folder = session.trustDir.own.path(FOLDER);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    const changed = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (session.now.getTime() - changed > KEPT_MS) await rm(path, { force: true }).catch(() => {});
  }
}
