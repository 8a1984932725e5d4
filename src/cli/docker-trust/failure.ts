/** What is printed of a failure: Docker's sentence where it has one (cli.md 2.9), else our own with what to do. */
import { UsageError } from '../../errors.ts';
import { parseImageReference } from '../../registry/image-reference.ts';
import { noSigningKeys } from '../notary/failure.ts';

/** A failure with the text that is printed for it, and the exit code. */
export class DockerFailure extends Error {
  readonly exitCode: number;

  constructor(text: string, options: { cause?: unknown; exitCode?: number } = {}) {
    super(text, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DockerFailure';
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The repository that a failure is about, and the trust server that was asked for. */
export interface Subject {
  readonly gun: string;
  readonly server: string;
}

interface Failing {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

export function dockerSentence(error: Failing, subject?: Subject): string {
  const { code, message, hint, details } = error;
  switch (code) {
    case 'REFERENCE_INVALID':
      return String(details?.dockerMessage ?? message);
    case 'SERVER_URL_INVALID':
      if (/ user name or password /.test(message) || subject === undefined) break;
      return `valid https URL required for trust server, got ${subject.server}`;
    case 'NO_TRUST_DATA':
      if (subject === undefined || !subject.server.startsWith('https://')) break;
      return `${new URL(subject.server).host} does not have trust data for ${subject.gun}`;
    case 'KEY_MISSING':
      return Array.isArray(details?.keyIds)
        ? noSigningKeys(details.keyIds)
        : 'no valid signing keys for delegation roles';
    default:
  }
  return hint === undefined ? message : `${message}\n${hint}`;
}

/**
 * The image of an argument.
 * @throws DockerFailure in Docker's words
 */
export function dockerReference(text: string): ReturnType<typeof parseImageReference> {
  try {
    return parseImageReference(text);
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    throw new DockerFailure(dockerSentence(cause), { cause });
  }
}
