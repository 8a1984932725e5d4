/** Root certificates that were made where the root key is, as PEM files: one for each repository (keys.md 3). */
import {
  type Certificate,
  certificateProblem,
  certificateProblemText,
  parseCertificateBundle,
} from '../../crypto/certificate.ts';
import { printable } from '../../crypto/printable.ts';
import type { PublicKey } from '../../crypto/public-key.ts';
import { KeyError, TrustError } from '../../errors.ts';
import { readKeyText } from '../delegations/delegation-keys.ts';

export interface GivenCertificate {
  readonly file: string;
  readonly certificate: Certificate;
}

/**
 * Reads all certificates of the files.
 * @throws KeyError `KEY_FILE_UNREADABLE`, `CERTIFICATE_MALFORMED`
 */
export async function readRootCertificates(files: readonly string[]): Promise<GivenCertificate[]> {
  const found: GivenCertificate[] = [];
  for (const file of files) {
    const text = await readKeyText(file);
    try {
      for (const certificate of parseCertificateBundle(text)) found.push({ file, certificate });
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause;
      throw new KeyError(
        'CERTIFICATE_MALFORMED',
        `${printable(file)} cannot be used: ${cause.message}`,
        {
          cause,
          hint: 'Give the file that “tabellion ceremony new-root” wrote where the root key is.',
          details: { file },
        },
      );
    }
  }
  return found;
}

/**
 * The root keys that given certificates make for a repository: those with its very name.
 * @throws KeyError `CERTIFICATE_UNACCEPTABLE` when there is none, or one that no client would take
 */
export function rootKeysFor(
  given: readonly GivenCertificate[],
  gun: string,
  now: Date,
): PublicKey[] {
  const own = given.filter(({ certificate }) => certificate.commonName === gun);
  if (own.length === 0) {
    throw new KeyError(
      'CERTIFICATE_UNACCEPTABLE',
      `None of the certificates given is for ${printable(gun)}`,
      {
        hint: `Make one where the root key is: tabellion ceremony new-root ${printable(gun)} -o FILE`,
        details: { repository: gun },
      },
    );
  }
  return own.map(({ file, certificate }) => {
    const problem = certificateProblem(certificate, now, { checkDates: true });
    if (problem !== undefined || certificate.isCa) {
      const why =
        problem === undefined
          ? 'is one of an authority'
          : certificateProblemText(certificate, problem);
      throw new KeyError(
        'CERTIFICATE_UNACCEPTABLE',
        `The certificate for ${printable(gun)} in ${printable(file)} ${why}`,
        { details: { repository: gun, file } },
      );
    }
    return {
      keytype: `${certificate.publicKey.keytype}-x509`,
      publicBytes: Buffer.from(certificate.pem, 'utf8'),
    };
  });
}
