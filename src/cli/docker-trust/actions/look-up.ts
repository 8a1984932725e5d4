import { type InspectedTag, inspect } from '../../../operations/inspect.ts';
import type { Session } from '../../../operations/session.ts';
import { DockerFailure, dockerSentence, type Subject } from '../failure.ts';

/**
 * The signed tags that a reference stands for; undefined for a repository that nobody has signed.
 * @throws DockerFailure when that cannot be known
 */
export async function lookUp(
  session: Session,
  image: string,
  subject: Subject,
): Promise<readonly InspectedTag[] | undefined> {
  const request = { images: [image], offline: false, requireFresh: true };
  const { images } = await inspect(session, request);
  const { error, signedTags = [] } = images[0] ?? {};
  if (error === undefined) return signedTags;
  if (error.code === 'NO_TRUST_DATA') return undefined;
  throw new DockerFailure(dockerSentence(error, subject), { cause: error });
}
