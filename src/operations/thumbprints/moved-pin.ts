/** A pin of one's own goes with a root that is published from this machine: whoever signed it knows its keys. */
import { keyThumbprints } from '../../crypto/thumbprint.ts';
import { decodeRoot } from '../../tuf/decode.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import { ROOT } from '../../tuf/role-name.ts';
import type { SignedFiles } from '../../tuf/sign-repository.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { findOwnPin, type OwnPin, setOwnPin, withOwnPin } from './own-pins.ts';

/** A repository as it is to be read once what was signed is published. */
export interface PinnedAnew {
  readonly access: RepositoryAccess;
  /** Stores the pin that `access` has; nothing happens where none moved. */
  readonly keep: () => Promise<void>;
}

/** Moves the pin, if there is one and the root's certificates change; `keep` makes it last. */
export async function movedPin(
  session: Session,
  access: RepositoryAccess,
  { files }: SignedFiles,
): Promise<PinnedAnew> {
  const { own } = session.trustDir;
  const bytes = files.get(ROOT);
  const pin = bytes && (await findOwnPin(own, access.gun, access.server));
  if (bytes === undefined || pin === undefined) return { access, keep: async () => {} };
  const root = decodeRoot(openEnvelope(bytes, ROOT).signed);
  const certificates = (root.roles.get(ROOT)?.keyIds ?? []).flatMap(id => {
    const key = root.keys.get(id);
    return key === undefined ? [] : [keyThumbprints(key)];
  });
  const moved: OwnPin = { ...pin, certificates, pinnedAt: session.now.toISOString() };
  return {
    access: { ...access, pinning: withOwnPin(access.pinning, moved) },
    keep: async () => {
      if (ids(moved) === ids(pin)) return;
      await setOwnPin(own, moved);
      session.log(`the pin of ${access.gun} has moved to the root that was published`);
    },
  };
}

function ids({ certificates }: OwnPin): string {
  return certificates
    .map(({ keyId }) => keyId)
    .sort()
    .join();
}
