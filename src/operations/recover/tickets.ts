/** What waits for whom: the texts for providers, as files beside the record. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { placesOf } from './places.ts';
import { type ProviderPath, pathChoice, providerPath, ticketText } from './provider-path.ts';
import { isMadeAnew, type RecoveryRecord } from './record.ts';

/** A registry whose provider has to act before the recovery can carry on. */
export interface Waiting {
  readonly domain: string;
  /** GUNs that its server still has the old root of. */
  readonly repositories: readonly string[];
  readonly path: ProviderPath;
  readonly ticket?: string;
  /** Where the ticket's text lies. */
  readonly file?: string;
}

/** What a recovery waits for. @param folder the recovery's folder */
export function waitingFor(record: RecoveryRecord, folder: string, now: Date): Waiting[] {
  if (record.state !== 'waiting' || !isMadeAnew(record)) return [];
  const stuck = record.repositories.filter(
    ({ stage, problem }) => stage === 'recorded' && problem !== undefined,
  );
  return placesOf({ repositories: stuck }).map(place => {
    const path = providerPath(place, pathChoice(record.options, now));
    const repositories = [...place.repositories, ...place.others];
    const ticket = ticketText(path, place.repositories);
    const name = `ticket-${place.domain.replaceAll(/[^\w.-]+/g, '-')}.txt`;
    return {
      domain: place.domain,
      repositories,
      path,
      ...(ticket === undefined ? {} : { ticket, file: join(folder, name) }),
    };
  });
}

/** Writes the tickets' texts. @throws OperationError `DISK_FULL` | `FILE_NOT_WRITABLE` */
export async function writeTickets(
  record: RecoveryRecord,
  folder: string,
  now: Date,
): Promise<void> {
  for (const { file, ticket } of waitingFor(record, folder, now)) {
    if (file !== undefined && ticket !== undefined)
      await writeFileAtomic(file, ticket, { makeFolder: true });
  }
}
