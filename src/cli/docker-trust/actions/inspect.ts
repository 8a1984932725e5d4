/** `inspect`: signatures, signers and keys, as JSON or for people. */
import { inspect } from '../../../operations/inspect.ts';
import type { DockerTrustAction } from '../commands.ts';
import type { DockerTrustContext } from '../context.ts';
import { DockerFailure, dockerReference, dockerSentence } from '../failure.ts';
import { goJson } from '../go-json.ts';
import { prettyText } from '../pretty.ts';
import { subjectOf } from '../subject.ts';

type Found = Awaited<ReturnType<typeof inspect>>['images'][number];

export const inspectImages: DockerTrustAction = async (context, images, flags) => {
  if (flags.is('pretty')) {
    for (const [index, image] of images.entries()) {
      const { dockerJson } = await inspectOne(context, image);
      context.print(prettyText(image, dockerJson));
      if (index < images.length - 1) context.print('\n\n');
    }
    return;
  }
  const found: Found['dockerJson'][] = [];
  const problems: string[] = [];
  for (const image of images) {
    try {
      found.push((await inspectOne(context, image)).dockerJson);
    } catch (error) {
      if (!(error instanceof DockerFailure)) throw error;
      problems.push(error.message);
    }
  }
  context.print(goJson(found));
  if (problems.length > 0) throw new DockerFailure(problems.join('\n'));
};

/**
 * Only what the server says now: a copy on this machine is no answer to who may be trusted.
 * @throws DockerFailure
 */
export async function inspectOne(context: DockerTrustContext, text: string): Promise<Found> {
  const image = dockerReference(text);
  const session = await context.session();
  const { images } = await inspect(session, { images: [text], offline: false, requireFresh: true });
  const [result] = images;
  if (result === undefined) throw new DockerFailure('nothing was inspected');
  const { error, warnings } = result;
  context.warn(warnings);
  if (error === undefined) return result;
  if (error.code === 'SERVER_URL_INVALID')
    throw new DockerFailure(dockerSentence(error, subjectOf(context, session, image)));
  const sentence = `no signatures or cannot access ${text}`;
  throw new DockerFailure(
    error.code === 'NO_TRUST_DATA' ? sentence : `${sentence}: ${dockerSentence(error)}`,
    { cause: error },
  );
}
