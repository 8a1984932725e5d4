/** Trust pinning: what a root must carry besides its signatures (tuf.md 3.3). */

/** Names keep their case (Notary's own reader folds them, and pins for GUNs with capitals are lost). */
export interface TrustPinning {
  /** GUN, or a prefix that ends in `*` → scoped key IDs of root certificates. */
  readonly certs: ReadonlyMap<string, readonly string[]>;
  /** GUN prefix → PEM text of certificate authorities. */
  readonly ca: ReadonlyMap<string, string>;
  /** Refuse repositories that no pin covers, on first contact. */
  readonly disableTofu: boolean;
  /** GUN → key IDs of root certificates that a person has confirmed: they hold beside whichever rule applies. */
  readonly confirmed?: ReadonlyMap<string, readonly string[]>;
}

export const NO_PINNING: TrustPinning = { certs: new Map(), ca: new Map(), disableTofu: false };

export type PinRule =
  | {
      readonly kind: 'certs';
      readonly pattern: string;
      readonly keyIds: readonly string[];
      /** By a person on this machine, not by a configuration. */
      readonly confirmed?: true;
    }
  | { readonly kind: 'ca'; readonly pattern: string; readonly pem: string }
  | { readonly kind: 'first-use' }
  | { readonly kind: 'none' };

/** The one rule that applies to a GUN: exact certificates, longest wildcard, longest CA prefix, else first use. */
export function pinRule(pinning: TrustPinning, gun: string): PinRule {
  const exact = pinning.certs.get(gun);
  if (exact !== undefined) return { kind: 'certs', pattern: gun, keyIds: exact };
  const wildcard = longest(
    pinning.certs,
    pattern => pattern.endsWith('*') && gun.startsWith(pattern.slice(0, -1)),
  );
  if (wildcard !== undefined) return { kind: 'certs', pattern: wildcard[0], keyIds: wildcard[1] };
  const authority = longest(pinning.ca, prefix => gun.startsWith(prefix));
  if (authority !== undefined) return { kind: 'ca', pattern: authority[0], pem: authority[1] };
  return { kind: pinning.disableTofu ? 'none' : 'first-use' };
}

/** All rules that a root of this GUN must satisfy. What is confirmed needs no trust on first use. */
export function pinRules(pinning: TrustPinning, gun: string): PinRule[] {
  const rule = pinRule(pinning, gun);
  const keyIds = pinning.confirmed?.get(gun);
  if (keyIds === undefined) return [rule];
  const confirmed: PinRule = { kind: 'certs', pattern: gun, keyIds, confirmed: true };
  return rule.kind === 'certs' || rule.kind === 'ca' ? [rule, confirmed] : [confirmed];
}

function longest<T>(
  rules: ReadonlyMap<string, T>,
  applies: (pattern: string) => boolean,
): [string, T] | undefined {
  let best: [string, T] | undefined;
  for (const rule of rules) {
    if (applies(rule[0]) && (best === undefined || rule[0].length > best[0].length)) best = rule;
  }
  return best;
}
