import { UsageError } from '../errors.ts';

/** The options of commands that read trust data, as commander hands them over. */
export interface FreshnessOptions {
  readonly offline?: boolean;
  readonly requireFresh?: boolean;
}

/** Both wishes with their defaults. Throws `UsageError` if both are made: they contradict. */
export function freshness(options: FreshnessOptions): { offline: boolean; requireFresh: boolean } {
  const { offline = false, requireFresh = false } = options;
  if (offline && requireFresh) {
    throw new UsageError('OPTIONS_CONFLICT', '--offline and --require-fresh exclude each other', {
      hint: 'Give one of them, or neither: then the cache serves only while the server is unreachable.',
    });
  }
  return { offline, requireFresh };
}
