import type { Session } from '../../operations/session.ts';
import type { ImageReference } from '../../registry/image-reference.ts';
import type { DockerTrustContext } from './context.ts';
import type { Subject } from './failure.ts';

/** What a failure of work on an image's repository is about. */
export function subjectOf(
  { host }: DockerTrustContext,
  session: Session,
  { repository, domain }: ImageReference,
): Subject {
  const named = host.env.DOCKER_CONTENT_TRUST_SERVER;
  // As it was given: it may be no URL at all.
  return { gun: repository, server: named || session.serverOf(domain) };
}
