/** `revoke`: one tag, or all that are released. */
import { TabellionError } from '../../../errors.ts';
import { type RevokedTag, revoke } from '../../../operations/revoke.ts';
import type { Session } from '../../../operations/session.ts';
import { isReleasing } from '../../../operations/signed-tags.ts';
import type { ImageReference } from '../../../registry/image-reference.ts';
import type { DockerTrustAction } from '../commands.ts';
import type { DockerTrustContext } from '../context.ts';
import { DockerFailure, dockerReference, dockerSentence, type Subject } from '../failure.ts';
import { subjectOf } from '../subject.ts';
import { lookUp } from './look-up.ts';

export const revokeImage: DockerTrustAction = async (context, [text = ''], flags) => {
  const image = dockerReference(text);
  if (image.digest !== undefined) {
    throw new DockerFailure('cannot use a digest reference for IMAGE:TAG');
  }
  if (image.tag === undefined && !flags.is('yes')) {
    const question = `Confirm you would like to delete all signature data for ${text}?`;
    if ((await context.confirm(question)) !== true) return;
  }
  const session = await context.session();
  const subject = subjectOf(context, session, image);
  try {
    await revokeTags(context, session, image, subject);
  } catch (cause) {
    const sentence =
      cause instanceof TabellionError
        ? dockerSentence(cause, subject)
        : cause instanceof DockerFailure
          ? cause.message
          : undefined;
    if (sentence === undefined) throw cause;
    // Before a repository is opened its name stands in no sentence.
    const isUrl = cause instanceof TabellionError && cause.code === 'SERVER_URL_INVALID';
    throw new DockerFailure(
      isUrl || sentence.startsWith('valid https URL')
        ? sentence
        : `could not remove signature for ${text}: ${sentence}`,
      { cause },
    );
  }
  context.print(`Successfully deleted signature for ${text}\n`);
};

async function revokeTags(
  context: DockerTrustContext,
  session: Session,
  image: ImageReference,
  subject: Subject,
): Promise<void> {
  const { tag, repository } = image;
  const names = tag === undefined ? await releasedNames(session, repository, subject) : [tag];
  const images = names.map(name => `${repository}:${name}`);
  const { repositories } = await revoke(session, { images, dryRun: false });
  for (const { warnings, tags } of repositories) {
    context.warn(warnings);
    checkRevoked(context, tags);
  }
}

async function releasedNames(
  session: Session,
  repository: string,
  subject: Subject,
): Promise<string[]> {
  const known = await lookUp(session, repository, subject);
  if (known === undefined)
    throw new DockerFailure(dockerSentence({ code: 'NO_TRUST_DATA', message: '' }, subject));
  if (known.length === 0) throw new DockerFailure('no signed tags to remove');
  return [...new Set(known.map(({ tag }) => tag))];
}

/** A tag that Docker would still take is not revoked. */
function checkRevoked(context: DockerTrustContext, tags: readonly RevokedTag[]): void {
  const problems: string[] = [];
  for (const { tag, status, removedFrom, remainsIn } of tags) {
    const releasing = remainsIn.filter(isReleasing);
    if (status === 'not-signed') {
      problems.push(`No valid trust data for ${tag}`);
    } else if (releasing.length > 0) {
      problems.push(
        `${tag} stays trusted through ${releasing.join(' and ')}, for which this machine has no signing key`,
      );
    } else if (removedFrom.length === 0) {
      problems.push('no valid signing keys for delegation roles');
    } else if (remainsIn.length > 0) {
      context.log.warning(
        `${remainsIn.join(', ')} still has ${tag}, but nobody releases it any more`,
      );
    }
  }
  if (problems.length > 0) throw new DockerFailure([...new Set(problems)].join('\n'));
}
