/** The steps of the demonstration, each with the command that does the same, and what it found. */
import type { Failure } from '../failure.ts';
import type { InspectResult } from '../inspect.ts';
import type { RecoveryPlan } from '../recover/plan.ts';
import type { RotationReport } from '../rotation/rotate-several.ts';
import type { SignReport } from '../sign.ts';
import type { SignerReport } from '../signers/signer-repositories.ts';
import type { ThumbprintReport } from '../thumbprints/thumbprint.ts';
import type { VerifyResult } from '../verify.ts';

interface Verified {
  readonly command: string;
  readonly result: VerifyResult;
}

export type DemoStep =
  | { readonly step: 'server'; readonly url: string }
  | { readonly step: 'sign'; readonly command: string; readonly report: SignReport }
  | ({ readonly step: 'verify' } & Verified)
  | { readonly step: 'inspect'; readonly command: string; readonly result: InspectResult }
  /** An image with another content under the signed tag. */
  | ({ readonly step: 'other-image' } & Verified)
  /** Trust data on disk that was altered to vouch for another image. */
  | ({ readonly step: 'forged-metadata' } & Verified)
  /** Whoever has the keys signs whatever they like, and lets somebody else sign too. */
  | {
      readonly step: 'theft';
      readonly command: string;
      readonly report: SignReport;
      readonly signerCommand: string;
      readonly signers: SignerReport;
    }
  /** What was signed with stolen keys is believed. */
  | ({ readonly step: 'believed' } & Verified)
  | { readonly step: 'rotate'; readonly command: string; readonly report: RotationReport }
  /** What was signed with stolen keys is believed no more. */
  | ({ readonly step: 'refused' } & Verified)
  /** The stolen keys are of no use. */
  | { readonly step: 'thief-locked-out'; readonly command: string; readonly error: Failure }
  | {
      readonly step: 'thumbprint';
      readonly command: string;
      readonly reports: readonly ThumbprintReport[];
    }
  | { readonly step: 'root-lost'; readonly command: string; readonly plan: RecoveryPlan }
  | { readonly step: 'recovery'; readonly history: readonly string[] }
  | ({ readonly step: 'recovered' } & Verified)
  | { readonly step: 'done' };

/** Told each step, with what the clock of the story shows. */
export type Narrate = (step: DemoStep, at: Date) => void;
