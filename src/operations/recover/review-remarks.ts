/** What the review of a leaked key leaves for the report: what was signed again, what went, what a person must look after. */
import { printable } from '../../crypto/printable.ts';
import type { CompromiseReview } from '../rotation/compromise.ts';
import type { RecoveredRepository } from './record.ts';

/** Writes down what a review did in one repository. */
export function noteReview(
  repository: RecoveredRepository,
  review: CompromiseReview | undefined,
): void {
  if (review === undefined) return;
  repository.signedTags = [...new Set(review.keptTags.map(({ tag }) => tag))];
  repository.remarks = remarks(repository.gun, review);
}

function remarks(gun: string, review: CompromiseReview): string[] {
  const { removedTags, removedSigners, remainingTags, remainingSigners, formerTags } = review;
  const removed = [
    ...new Set(removedTags.map(({ tag, role }) => `${tag} (${role})`)),
    ...removedSigners.map(role => `the signer ${role}`),
  ];
  return [
    ...(removed.length === 0
      ? []
      : [
          `${gun}: no longer signed: ${removed.join(', ')}. What was pulled by it runs on: look for it.`,
        ]),
    ...remainingTags.map(
      ({ tag, role }) =>
        `${gun}: ${tag} is still signed as ${role}, whose key is not here: have its signer remove it, or remove the signer.`,
    ),
    ...remainingSigners.map(
      role => `${gun}: ${role} could not be removed: tabellion delegation remove ${gun} ${role}`,
    ),
    ...review.warnings.map(warning => `${gun}: ${warning}.`),
    ...formerTags.map(
      ({ tag, sha256, size }) =>
        `${gun}: what ${tag} was before can be signed again: tabellion sign ${gun}:${tag} --digest sha256:${sha256} --size ${size}`,
    ),
  ].map(line => printable(line));
}
