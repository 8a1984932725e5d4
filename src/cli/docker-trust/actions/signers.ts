/** `signer add` and `signer remove`, one repository after the other. */
import { KeyError, TabellionError } from '../../../errors.ts';
import { readDelegationKeys } from '../../../operations/delegations/delegation-keys.ts';
import type { Session } from '../../../operations/session.ts';
import { addSigner } from '../../../operations/signers/signer-add.ts';
import { removeSigner } from '../../../operations/signers/signer-remove.ts';
import type { SignerReport } from '../../../operations/signers/signer-repositories.ts';
import { errorCode, goFileError } from '../../notary/go-file-error.ts';
import { publicKeyProblem } from '../../notary/public-keys.ts';
import type { DockerTrustAction } from '../commands.ts';
import type { DockerTrustContext } from '../context.ts';
import { DockerFailure, dockerReference, dockerSentence, type Subject } from '../failure.ts';
import { checkName } from '../names.ts';
import { subjectOf } from '../subject.ts';

const RESERVED = 'releases';

export const signerAdd: DockerTrustAction = async (context, [name = '', ...images], flags) => {
  checkName('signer', name);
  if (name === RESERVED) {
    throw new DockerFailure(`${RESERVED} is a reserved keyword, use a different signer name`);
  }
  const keyFiles = flags.list('key') ?? [];
  if (keyFiles.length === 0) {
    throw new DockerFailure('path to a public key must be provided using the `--key` flag');
  }
  await checkKeyFiles(keyFiles, context.host.now());
  const failed = await forEachImage(context, images, async image => {
    context.print(`Adding signer "${name}" to ${image}...\n`);
    await addTo(context, image, { name, keyFiles });
  });
  if (failed.length > 0) throw new DockerFailure(`failed to add signer to: ${failed.join(', ')}`);
};

async function addTo(
  context: DockerTrustContext,
  text: string,
  { name, keyFiles }: { readonly name: string; readonly keyFiles: readonly string[] },
): Promise<void> {
  await inRepository(context, text, async (session, gun) => {
    const report = await addSigner(session, {
      name,
      keyFiles,
      repositories: [gun],
      initialise: true,
      onInitialise: () => context.print(`Initializing signed repository for ${text}...\n`),
    });
    const isNew = report.repositories.some(({ initialised }) => initialised);
    if (isNew) context.print(`Successfully initialized "${text}"\n`);
    checkConfirmed(context, report);
  });
  context.print(`Successfully added signer: ${name} to ${text}\n\n`);
}

export const signerRemove: DockerTrustAction = async (context, [name = '', ...images], flags) => {
  const isForced = flags.is('force');
  const failed = await forEachImage(context, images, async image => {
    context.print(`Removing signer "${name}" from ${image}...\n`);
    if (name === RESERVED) {
      throw new DockerFailure(`${RESERVED} is a reserved keyword and cannot be removed`);
    }
    await removeFrom(context, image, name, isForced);
  });
  if (failed.length > 0)
    throw new DockerFailure(`error removing signer from: ${failed.join(', ')}`);
};

async function removeFrom(
  context: DockerTrustContext,
  text: string,
  name: string,
  isForced: boolean,
): Promise<void> {
  const isRemoved = await inRepository(context, text, async (session, gun) => {
    const request = { name, repositories: [gun] };
    if (!isForced) {
      const plan = await removeSigner(session, { ...request, dryRun: true });
      const answer = await mayRemove(context, text, name, plan);
      if (answer === false) return false;
    }
    const report = await removeSigner(session, request);
    checkConfirmed(context, report);
    tellEffects(context, report);
    return true;
  });
  if (isRemoved) context.print(`Successfully removed ${name} from ${text}\n\n`);
}

/** Asks only if tags would be lost. Nobody's answer is no permission, and no success either. */
async function mayRemove(
  context: DockerTrustContext,
  text: string,
  name: string,
  { repositories }: SignerReport,
): Promise<boolean> {
  const lost = repositories.flatMap(({ unreleasedTags }) => unreleasedTags);
  if (lost.length === 0) return true;
  const answer = await context.confirm(
    `The signer "${name}" signed the last released version of ${text}. Removing this signer will make ${text} unpullable. Are you sure you want to continue?`,
  );
  if (answer === undefined) {
    throw new DockerFailure(
      `${name} was not removed from ${text}: nobody answered, and --force was not given`,
    );
  }
  return answer;
}

function tellEffects({ log }: DockerTrustContext, { repositories }: SignerReport): void {
  for (const { unreleasedTags, tagsWithoutSigner } of repositories) {
    if (unreleasedTags.length > 0) log.warning(`no longer trusted: ${unreleasedTags.join(', ')}`);
    if (tagsWithoutSigner.length > 0)
      log.warning(`released without any signer now: ${tagsWithoutSigner.join(', ')}`);
  }
}

function checkConfirmed(context: DockerTrustContext, { repositories }: SignerReport): void {
  context.warn(repositories.flatMap(({ warnings }) => warnings));
  if (repositories.every(({ exitCode }) => exitCode === 0)) return;
  throw new DockerFailure('the change could not be seen when the repository was read again');
}

/** @throws DockerFailure with Docker's sentence for what failed */
async function inRepository<T>(
  context: DockerTrustContext,
  text: string,
  work: (session: Session, gun: string) => Promise<T>,
): Promise<T> {
  const image = dockerReference(text);
  const session = await context.session();
  try {
    return await work(session, image.repository);
  } catch (cause) {
    if (!(cause instanceof TabellionError)) throw cause;
    throw new DockerFailure(repositoryProblem(cause, text, subjectOf(context, session, image)), {
      cause,
    });
  }
}

function repositoryProblem(error: TabellionError, text: string, subject: Subject): string {
  if (error.code === 'SIGNER_UNKNOWN')
    return `no signer ${String(error.details?.signer)} for repository ${text}`;
  const sentence = dockerSentence(error, subject);
  return error.code === 'NO_TRUST_DATA'
    ? `error retrieving signers for ${text}: ${sentence}`
    : sentence;
}

/** The images for which the work failed; each failure is told at once. */
async function forEachImage(
  context: DockerTrustContext,
  images: readonly string[],
  work: (image: string) => Promise<void>,
): Promise<string[]> {
  const failed: string[] = [];
  for (const image of images) {
    try {
      await work(image);
    } catch (error) {
      if (!(error instanceof DockerFailure)) throw error;
      context.tell(`${error.message}\n\n`);
      failed.push(image);
    }
  }
  return failed;
}

/** @throws DockerFailure for the first file that holds no usable key */
async function checkKeyFiles(files: readonly string[], now: Date): Promise<void> {
  try {
    await readDelegationKeys(files, now);
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause;
    const file = String(cause.details?.file);
    const problem = publicKeyProblem(cause).replace(/^.*? from PEM file .*?: /s, '');
    throw new DockerFailure(
      cause.code === 'KEY_FILE_UNREADABLE' && errorCode(cause) !== undefined
        ? `unable to read public key from file: ${goFileError(cause, file)}`
        : `could not parse public key from file: ${file}: ${problem}`,
      { cause },
    );
  }
}
