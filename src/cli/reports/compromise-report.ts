import { printable } from '../../crypto/printable.ts';
import type { CompromiseReview } from '../../operations/rotation/compromise.ts';
import type { KeyRotation } from '../../operations/rotation/rotate.ts';
import type { Paint } from '../display.ts';
import { roleName, shortKeyId } from '../key-names.ts';

/** What a review kept and what it took away. */
export function compromiseLines(
  review: CompromiseReview,
  { dryRun, repository }: Pick<KeyRotation, 'dryRun' | 'repository'>,
  paint: Paint,
): string[] {
  const lines: string[] = [];
  const add = (label: string, names: readonly string[]): void => {
    if (names.length > 0) lines.push(`  ${label}  ${[...new Set(names)].join(', ')}`);
  };
  add(dryRun ? 'would stay' : 'kept', [
    ...review.keptTags.map(({ tag }) => printable(tag)),
    ...review.keptSigners.map(signer),
  ]);
  add(paint.red(dryRun ? 'would go' : 'removed'), [
    ...review.removedTags.map(held),
    ...review.removedSigners.map(signer),
  ]);
  for (const { role, keyIds, paths } of review.restored) {
    const what = [
      ...keyIds.map(id => `the key ${shortKeyId(id)}`),
      ...paths.map(path => `the path “${printable(path)}”`),
    ];
    lines.push(`  ${signer(role)} ${dryRun ? 'would lose' : 'lost'} ${what.join(', ')}`);
  }
  for (const { role, keyIds } of review.rekeyed) {
    lines.push(
      dryRun
        ? `  ${signer(role)} would get a new key`
        : `  ${signer(role)} signs with ${keyIds.map(shortKeyId).join(', ')} now`,
    );
  }
  add('signed again by a key that is left', review.resignedRoles.map(signer));
  add(paint.yellow('nobody has decided on'), [
    ...review.undecidedTags.map(({ tag, sha256 }) => `${printable(tag)} (${sha256.slice(0, 12)})`),
    ...review.undecidedSigners.map(({ role }) => signer(role)),
  ]);
  add(paint.red('nobody vouches any more for'), review.lostTags.map(printable));
  const remaining = [...review.remainingTags.map(held), ...review.remainingSigners.map(signer)];
  if (remaining.length > 0) {
    lines.push(
      `  ${paint.red('✗')} still there, since no key is here that could take it away: ${remaining.join(', ')}`,
      '    Have their signers remove it, or drop these signers.',
    );
  }
  if (review.formerTags.length > 0) {
    lines.push('  what was there before, to be signed again if it should be:');
    for (const { tag, sha256, size } of review.formerTags) {
      lines.push(
        `    tabellion sign ${printable(repository)}:${printable(tag)} --digest sha256:${sha256} --size ${size}`,
      );
    }
  }
  return lines;
}

function signer(role: string): string {
  return `the signer ${roleName(role)}`;
}

function held({ tag, role }: CompromiseReview['removedTags'][number]): string {
  return `${printable(tag)} (${roleName(role)})`;
}
