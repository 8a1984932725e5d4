/** `sign`: a tag as the trust data has it, or as the registry has it; there is no daemon to ask. */
import { TabellionError } from '../../../errors.ts';
import type { InspectedTag } from '../../../operations/inspect.ts';
import { type SignedRepository, type SignRequest, sign } from '../../../operations/sign.ts';
import { REPOSITORY_ADMIN } from '../../../operations/signed-tags.ts';
import { RELEASES } from '../../../tuf/role-name.ts';
import type { DockerTrustAction } from '../commands.ts';
import type { DockerTrustContext } from '../context.ts';
import { DockerFailure, dockerReference, dockerSentence, type Subject } from '../failure.ts';
import { subjectOf } from '../subject.ts';
import { lookUp } from './look-up.ts';

export const signImage: DockerTrustAction = async (context, [text = ''], flags) => {
  const image = dockerReference(text);
  const { digest, tag, repository } = image;
  if (digest !== undefined) throw new DockerFailure('cannot use a digest reference for IMAGE:TAG');
  if (tag === undefined) throw new DockerFailure(`no tag specified for ${text}`);
  const session = await context.session();
  const subject = subjectOf(context, session, image);
  const known = await lookUp(session, text, subject);
  const entry = flags.is('local') ? undefined : releasedEntry(known, tag);
  const { print } = context;
  const name = `${repository}:${tag}`;
  const request: SignRequest = { images: [text], dryRun: false };
  if (entry === undefined) {
    context.tell(
      `Signing and pushing trust data for image ${text} as the registry has it, may overwrite remote trust data\n`,
    );
    if (known !== undefined) print('Signing and pushing trust metadata\n');
    const signed = await signOne(context, request, name, subject);
    if (signed.initialised) tellInitialised(context, text, signed);
  } else {
    print(`Signing and pushing trust metadata for ${text}\n`);
    print(existingSignatures(tag, entry));
    const source = { type: 'digest', digest: entry.digest, size: entry.size } as const;
    await signOne(context, { ...request, source }, name, subject);
  }
  print(`Successfully signed ${name}\n`);
};

/** What pulls take: the entry in releases before the repository key's own. */
function releasedEntry(
  known: readonly InspectedTag[] | undefined,
  tag: string,
): InspectedTag | undefined {
  const entries = known?.filter(entry => entry.tag === tag) ?? [];
  return entries.find(({ roles }) => roles.includes(RELEASES)) ?? entries[0];
}

function existingSignatures(tag: string, { digest, signers }: InspectedTag): string {
  const names = signers.filter(name => name !== REPOSITORY_ADMIN).sort();
  const hex = digest.replace(/^sha256:/, '');
  return `Existing signatures for tag ${tag} digest ${hex} from:\n${names.join(', ')}\n`;
}

async function signOne(
  context: DockerTrustContext,
  request: SignRequest,
  name: string,
  subject: Subject,
): Promise<SignedRepository> {
  try {
    const { repositories } = await sign(await context.session(), request);
    const [signed] = repositories;
    if (signed === undefined) throw new DockerFailure(`failed to sign ${name}`);
    if (signed.error !== undefined)
      throw new DockerFailure(`failed to sign ${name}: ${dockerSentence(signed.error, subject)}`);
    context.warn(signed.warnings);
    if (signed.tags.every(({ status }) => status === 'already-signed'))
      context.tell(`${name} was signed so already: nothing was published\n`);
    return signed;
  } catch (cause) {
    if (!(cause instanceof TabellionError)) throw cause;
    throw new DockerFailure(`failed to sign ${name}: ${dockerSentence(cause, subject)}`, { cause });
  }
}

function tellInitialised(
  { print }: DockerTrustContext,
  text: string,
  { signer }: SignedRepository,
): void {
  if (signer !== undefined) print(`Created signer: ${signer}\n`);
  print(`Finished initializing signed repository for ${text}\n`);
  print('Signing and pushing trust metadata\n');
}
