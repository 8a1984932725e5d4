import type { RecoveryPath } from '../../operations/recover/record.ts';
import type { ProviderId } from '../../registry/providers.ts';
import type { ConfirmationOptions } from '../confirmation.ts';

/** The options of `tabellion recover`, as commander hands them over. */
export interface RecoverOptions extends Pick<ConfirmationOptions, 'yes'> {
  readonly lost?: string;
  readonly compromised?: string;
  readonly lostPassphrase?: string;
  readonly symptom?: Symptom;
  readonly plan?: boolean;
  readonly resume?: string | true;
  readonly list?: boolean;
  readonly blastRadius?: string;
  readonly drill?: string | true;
  readonly provider?: ProviderId;
  readonly path?: RecoveryPath;
  readonly account?: string;
  readonly backup?: string;
  readonly useRoot?: string;
  readonly keep?: 'known' | 'all';
  readonly trustedSince?: Date;
  readonly drop?: string[];
  readonly dropSigner?: string[];
  readonly skip?: string[];
  readonly registry?: boolean;
  readonly report?: string;
}

/** What a person sees, where nobody knows yet what happened. */
export type Symptom = 'malicious' | 'no-key' | 'expired';
export const SYMPTOMS: readonly Symptom[] = ['malicious', 'no-key', 'expired'];

export const PROVIDER_IDS: readonly ProviderId[] = [
  'docker-hub',
  'azure',
  'ibm-cloud',
  'harbor',
  'msr',
  'self-hosted',
];

/** What is to be recovered from; `look`: only see what is so. */
export type Answer =
  | { readonly kind: 'key'; readonly reason: 'lost' | 'compromised'; readonly key: string }
  | { readonly kind: 'passphrase'; readonly key: string }
  | { readonly kind: 'symptom'; readonly symptom: Symptom }
  | { readonly kind: 'look' }
  | { readonly kind: 'drill' }
  | { readonly kind: 'resume'; readonly id: string };
