/** Changes inside a certificate, for certificates that no program of ours would make. */
import { decodePem, encodePem } from '../../src/crypto/pem.ts';

const SHA256_WITH_RSA = Buffer.from('2a864886f70d01010b', 'hex');
const SHA1_WITH_RSA = Buffer.from('2a864886f70d010105', 'hex');

/** The certificate of an RSA key, as if it had been signed with SHA-1. The signature itself no longer holds. */
export function asIfSignedWithSha1(pem: string): string {
  const bytes = Buffer.from(decodePem(pem)?.bytes ?? []);
  for (let at = bytes.indexOf(SHA256_WITH_RSA); at !== -1; at = bytes.indexOf(SHA256_WITH_RSA)) {
    SHA1_WITH_RSA.copy(bytes, at);
  }
  return encodePem({ label: 'CERTIFICATE', bytes });
}
