/** What is remembered of uploads that take several requests, so that a run that was killed can be carried on. */
import { createHash } from 'node:crypto';
import { OperationError } from '../errors.ts';
import type { UploadMemory } from '../registry/blob-upload.ts';
import { isJsonObject } from '../registry/manifest.ts';
import type { UploadSession } from '../registry/repository-push.ts';
import type { Session } from './session.ts';

const FORMAT = 1;

/** The upload of one blob into one repository. */
export function uploadMemory(session: Session, repository: string, digest: string): UploadMemory {
  const { own } = session.trustDir;
  const id = createHash('sha256').update(`${repository}@${digest}`).digest('hex');
  const name = `uploads/${id}.json`;
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
