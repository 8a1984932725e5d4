/** The object identifiers that keys, key files and certificates use. */
export const OID = {
  // Keys: RFC 3279, RFC 5480, RFC 8410
  rsaEncryption: '1.2.840.113549.1.1.1',
  ecPublicKey: '1.2.840.10045.2.1',
  ed25519: '1.3.101.112',
  /** Notary's own for Ed25519 private keys, older than RFC 8410. */
  notaryEd25519: '1.3.6.1.4.1.11591.15.1',
  // Signatures in certificates: RFC 3279, RFC 4055, RFC 5758
  sha1WithRsa: '1.2.840.113549.1.1.5',
  sha1WithRsaIso: '1.3.14.3.2.29',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  sha384WithRsa: '1.2.840.113549.1.1.12',
  sha512WithRsa: '1.2.840.113549.1.1.13',
  sha1WithDsa: '1.2.840.10040.4.3',
  sha1WithEcdsa: '1.2.840.10045.4.1',
  sha256WithEcdsa: '1.2.840.10045.4.3.2',
  sha384WithEcdsa: '1.2.840.10045.4.3.3',
  sha512WithEcdsa: '1.2.840.10045.4.3.4',
  // Encrypted private keys: RFC 8018
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  hmacWithSha1: '1.2.840.113549.2.7',
  hmacWithSha256: '1.2.840.113549.2.9',
  hmacWithSha384: '1.2.840.113549.2.10',
  hmacWithSha512: '1.2.840.113549.2.11',
  // Names and extensions: RFC 5280
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  anyExtendedKeyUsage: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
} as const;
