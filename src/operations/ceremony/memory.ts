/**
 * What the machine with the root key remembers of the roots that it signed, so that it signs no second story: of each
 * repository the last one, whole, in `.tabellion/ceremony-seen.json`.
 */
import type { ReviewedRepository } from '../../ceremony/review.ts';
import { printable } from '../../crypto/printable.ts';
import { TrustError } from '../../errors.ts';
import { damagedRecord } from '../../trust-dir/own-files.ts';
import { LOCK_TIMES, RepositoryLock } from '../../trust-dir/repository-lock.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import type { RootMetadata } from '../../tuf/metadata.ts';
import { ROOT } from '../../tuf/role-name.ts';
import { readProposedRoot } from '../../tuf/root-proposal.ts';
import { verifySignatures } from '../../tuf/verify-signatures.ts';
import type { Session } from '../session.ts';

const FILE = 'ceremony-seen.json';
const SCHEMA = 1;
/** No GUN begins like this, so that the lock is shared with no repository. */
const LOCK_NAME = '.tabellion-ceremony-seen';

interface Remembered {
  /** Base64 of the message that was signed. */
  readonly root: string;
  /** When (ISO 8601). */
  readonly signedAt: string;
}

interface Record {
  readonly schemaVersion: typeof SCHEMA;
  readonly repositories: { readonly [gun: string]: Remembered };
}

export class CeremonyMemory {
  private readonly session: Session;
  private readonly remembered: Map<string, Remembered>;

  private constructor(session: Session, remembered: Map<string, Remembered>) {
    this.session = session;
    this.remembered = remembered;
  }

  /** @throws OperationError `RECORD_DAMAGED` */
  static async open(session: Session): Promise<CeremonyMemory> {
    const { own } = session.trustDir;
    const value = await own.read(FILE);
    if (value === undefined) return new CeremonyMemory(session, new Map());
    if (!isRecord(value)) throw damagedRecord(own.path(FILE));
    return new CeremonyMemory(session, new Map(Object.entries(value.repositories)));
  }

  /** Whether a root of the repository was signed here before. */
  knows(gun: string): boolean {
    return this.remembered.has(gun);
  }

  /**
   * Checks that a request goes on from what was signed here.
   * @throws TrustError `CEREMONY_STALE`, `CEREMONY_FORKED`
   */
  check({ asked, current, proposed }: ReviewedRepository): void {
    const known = this.remembered.get(asked.gun);
    if (known === undefined) return;
    const message = Buffer.from(known.root, 'base64');
    const root = this.readRoot(message);
    const offered = proposed.version;
    if (offered < root.version) throw stale(asked.gun, offered, root.version, known.signedAt);
    if (offered === root.version) {
      if (message.equals(asked.proposed)) return;
      throw forked(asked.gun, known.signedAt, `another root version ${offered}`);
    }
    if (current === undefined || !follows(current, root, message))
      throw forked(
        asked.gun,
        known.signedAt,
        `a root version ${root.version} that the present one does not come from`,
      );
  }

  /**
   * Remembers roots as signed, before any signature leaves the machine. Another process may have signed another root
   * while this one waited for a passphrase: what it remembers is judged, and kept.
   * @param newHistory whatever is remembered of these repositories
   * @throws TrustError `CEREMONY_STALE`, `CEREMONY_FORKED`; OperationError `RECORD_DAMAGED`, `REPOSITORY_LOCKED`
   */
  static async add(
    session: Session,
    reviewed: readonly ReviewedRepository[],
    newHistory: boolean,
  ): Promise<void> {
    const { own } = session.trustDir;
    await new RepositoryLock(own.path('locks'), LOCK_NAME, LOCK_TIMES).run(async () => {
      const memory = await CeremonyMemory.open(session);
      const { remembered } = memory;
      if (!newHistory) for (const repository of reviewed) memory.check(repository);
      for (const { asked } of reviewed) {
        remembered.set(asked.gun, {
          root: Buffer.from(asked.proposed).toString('base64'),
          signedAt: session.now.toISOString(),
        });
      }
      const repositories = Object.fromEntries(remembered);
      await own.write(FILE, { schemaVersion: SCHEMA, repositories } satisfies Record);
    });
  }

  private readRoot(message: Uint8Array): RootMetadata {
    try {
      return readProposedRoot(message);
    } catch (cause) {
      throw damagedRecord(this.session.trustDir.own.path(FILE), cause);
    }
  }
}

/** The present root is the one that was signed here, or a later one that its keys have signed. */
function follows(
  current: NonNullable<ReviewedRepository['current']>,
  known: RootMetadata,
  message: Uint8Array,
): boolean {
  const envelope = openEnvelope(current.bytes, ROOT);
  if (current.metadata.version === known.version) {
    return Buffer.from(message).equals(envelope.message);
  }
  const roleKeys = known.roles.get(ROOT);
  if (roleKeys === undefined) return false;
  try {
    verifySignatures(envelope, ROOT, roleKeys, known.keys);
    return true;
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}

function isRecord(value: unknown): value is Record {
  const { schemaVersion, repositories } = (value ?? {}) as Partial<Record>;
  return (
    schemaVersion === SCHEMA &&
    typeof repositories === 'object' &&
    repositories !== null &&
    Object.values(repositories).every(
      entry => typeof entry?.root === 'string' && typeof entry.signedAt === 'string',
    )
  );
}

function stale(gun: string, offered: number, signed: number, when: string): TrustError {
  return new TrustError(
    'CEREMONY_STALE',
    `The request is for root version ${offered} of ${printable(gun)}, but this machine signed version ${signed} on ${when.slice(0, 10)}`,
    {
      hint: 'An old request was brought again, or the server was set back. Have a new request made.',
      details: { repository: gun, offered, signed, signedAt: when },
    },
  );
}

function forked(gun: string, when: string, what: string): TrustError {
  return new TrustError(
    'CEREMONY_FORKED',
    `On ${when.slice(0, 10)} this machine signed ${what} of ${printable(gun)}`,
    {
      hint: 'Find out what became of that root. Only if it was never published, or others have changed the root keys since: --new-history.',
      details: { repository: gun, signedAt: when },
    },
  );
}
