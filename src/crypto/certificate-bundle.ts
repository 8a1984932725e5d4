import { TrustError } from '../errors.ts';
import { type Certificate, parseCertificateDer } from './certificate-parse.ts';
import { decodeAllPem, decodePem } from './pem.ts';
import { printable } from './printable.ts';

/**
 * Reads the certificates of a bundle by the rule for root keys and CA files: every PEM block must be a
 * `CERTIFICATE`, and there must be one (spec/keys.md 1.4).
 *
 * @throws {TrustError} `CERTIFICATE_MALFORMED`
 */
export function parseCertificateBundle(pem: string | Uint8Array): Certificate[] {
  const blocks = decodeAllPem(pem);
  if (blocks.length === 0) {
    throw new TrustError('CERTIFICATE_MALFORMED', 'There is no certificate in the text.');
  }
  return blocks.map(block => {
    if (block.label !== 'CERTIFICATE') {
      throw new TrustError(
        'CERTIFICATE_MALFORMED',
        `A certificate bundle holds a "${printable(block.label)}" among its certificates.`,
      );
    }
    return parseCertificateDer(block.bytes);
  });
}

/**
 * Splits a bundle by the rule for root keys: exactly one certificate is not of a CA, and it stands first
 * (spec/keys.md 1.4). `undefined` if it is not so.
 */
export function splitRootBundle(
  certificates: readonly Certificate[],
): { leaf: Certificate; intermediates: Certificate[] } | undefined {
  const [leaf, ...intermediates] = certificates;
  if (leaf === undefined || leaf.isCa || !intermediates.every(({ isCa }) => isCa)) {
    return undefined;
  }
  return { leaf, intermediates };
}

/** The certificate by which a certificate key gets its canonical ID (spec/keys.md 1.4, second line). */
export function certificateInText(pem: Uint8Array): Certificate | undefined {
  for (const block of decodeAllPem(pem)) {
    if (block.label === 'CERTIFICATE' && block.headers.size === 0) {
      const certificate = tryParse(block.bytes);
      if (certificate !== undefined) {
        return certificate;
      }
    }
  }
  return undefined;
}

/** The certificate that checks signatures: in the first PEM block, whatever its label (spec/keys.md 1.4). */
export function signerCertificate(pem: Uint8Array): Certificate | undefined {
  const block = decodePem(pem);
  return block === undefined ? undefined : tryParse(block.bytes);
}

function tryParse(der: Uint8Array): Certificate | undefined {
  try {
    return parseCertificateDer(der);
  } catch {
    return undefined;
  }
}
