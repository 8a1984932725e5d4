/** Something that runs beside the tests and has to be stopped: a server, a proxy, a temporary folder. */
export interface Running {
  readonly name: string;
  stop(): Promise<void>;
  /** What it logged lately, for the report of a failed test. */
  logs?(): string;
}

const running = new Set<Running>();

/** Remembers `resource` so that it is stopped at the end of the tests even if nobody calls its `stop`. */
export function track<T extends Running>(resource: T): T {
  running.add(resource);
  return resource;
}

export function untrack(resource: Running): void {
  running.delete(resource);
}

/** What runs now, oldest first. */
export function allRunning(): Running[] {
  return [...running];
}

/** Stops everything that is tracked, newest first, except what is in `keep`. */
export async function stopAll(keep: ReadonlySet<Running> = new Set()): Promise<void> {
  const failures: unknown[] = [];
  for (const resource of allRunning().reverse()) {
    if (keep.has(resource)) continue;
    running.delete(resource);
    try {
      await resource.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'not everything could be stopped');
}
