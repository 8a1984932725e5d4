/** What has expired in a repository that is verified in all else. */

/** A file, or a root certificate, that is past its end. */
export interface ExpiredPart {
  readonly role: string;
  readonly kind: 'metadata' | 'certificate';
  /** As the metadata has it; ISO 8601 for a certificate. */
  readonly expires: string;
  /** Of a certificate: its key ID. */
  readonly keyId?: string;
}
