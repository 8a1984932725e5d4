/** Repositories by the registry that they lie in: what a provider does, it does there. */
import type { Place } from './provider-path.ts';
import type { RecoveredRepository } from './record.ts';

/** The registries of a recovery, in the order in which they come. */
export function placesOf(record: {
  readonly repositories: readonly RecoveredRepository[];
}): Place[] {
  const places = new Map<string, { place: RecoveredRepository; all: RecoveredRepository[] }>();
  for (const repository of record.repositories) {
    const key = `${repository.domain} ${repository.server}`;
    const found = places.get(key) ?? { place: repository, all: [] };
    found.all.push(repository);
    places.set(key, found);
  }
  return [...places.values()].map(({ place: { domain, server, provider }, all }) => ({
    domain,
    server,
    provider,
    repositories: gunsOf(all, 'affected'),
    others: gunsOf(all, 'collateral'),
  }));
}

function gunsOf(
  repositories: readonly RecoveredRepository[],
  under: RecoveredRepository['under'],
): string[] {
  return repositories.filter(one => one.under === under).map(({ gun }) => gun);
}
