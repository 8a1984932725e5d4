/** A NIST curve that Notary can use (spec/keys.md 1.1). */
export interface Curve {
  /** The name of FIPS 186-5. */
  readonly name: 'P-224' | 'P-256' | 'P-384' | 'P-521';
  readonly oid: string;
  /** The name by which OpenSSL knows it. */
  readonly opensslName: string;
  /** Length of a coordinate and of a private scalar, in bytes. */
  readonly bytes: number;
}

export const CURVES: readonly Curve[] = [
  { name: 'P-224', oid: '1.3.132.0.33', opensslName: 'secp224r1', bytes: 28 },
  { name: 'P-256', oid: '1.2.840.10045.3.1.7', opensslName: 'prime256v1', bytes: 32 },
  { name: 'P-384', oid: '1.3.132.0.34', opensslName: 'secp384r1', bytes: 48 },
  { name: 'P-521', oid: '1.3.132.0.35', opensslName: 'secp521r1', bytes: 66 },
];

/** The curve with this object identifier, if it is one of the four. */
export function curveByOid(oid: string): Curve | undefined {
  return CURVES.find(curve => curve.oid === oid);
}
