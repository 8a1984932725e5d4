/** The conversation about a key that somebody else may have: why, since when, and what may stay. */
import { printable } from '../crypto/printable.ts';
import type { CompromiseRequest } from '../operations/rotation/compromise.ts';
import type { RepositoryReview } from '../operations/rotation/review.ts';
import { decide } from '../operations/rotation/review-decision.ts';
import type { SignerItem } from '../operations/rotation/review-items.ts';
import type { CommandContext } from './context.ts';
import { keyName, roleName, shortKeyId } from './key-names.ts';
import { readMoment } from './option-values.ts';
import type { Choice, Prompts } from './prompts.ts';
import { reviewLines, signerChoice, tagChoice } from './reports/review-report.ts';

/** Asks why; true when somebody else may have the key. */
export async function askWhether(prompts: Prompts, role: string): Promise<boolean> {
  return await prompts.choose(`Why is the ${keyName(role)} replaced?`, [
    { value: false, name: 'as a routine: nobody else has it' },
    { value: true, name: 'somebody else has it, or may have it' },
  ]);
}

/** Asks until when all was well; undefined when that is not known. */
export async function askSince(prompts: Prompts, now: Date): Promise<Date | undefined> {
  const typed = await prompts.text(
    'Until when was all well for certain? (a date such as 2026-11-20; empty if you do not know)',
    text => {
      if (text === '') return true;
      const moment = readMoment(text);
      if (moment === undefined) return 'a date such as 2026-11-20, or 2026-11-20T14:30:00Z';
      return moment <= now || 'that is in the future';
    },
  );
  return typed === '' ? undefined : readMoment(typed);
}

type SignerAnswer = { readonly id: string; readonly as: 'keep' | 'restore' | 'rekey' };

/** Shows what a repository holds, and has the person tick what may stay; what the options have decided is not asked. */
export async function askReview(
  { display, host }: CommandContext,
  prompts: Prompts,
  review: RepositoryReview,
  request: CompromiseRequest,
): Promise<CompromiseRequest> {
  const style = { paint: display.errorPaint, now: host.now() };
  display.error(...reviewLines(review, style), '');
  const keptIds: string[] = [];
  const droppedIds: string[] = [];
  const restoredIds: string[] = [];
  const rekeySigners = [...(request.rules.rekeySigners ?? [])];
  const rules = { ...request.rules, keptIds, droppedIds, restoredIds, rekeySigners };
  const { undecidedSigners } = decide(review, rules);
  if (undecidedSigners.length > 0) {
    const kept = await prompts.tick(
      `Who may go on signing in ${printable(review.repository)}? (space ticks)`,
      undecidedSigners.flatMap(item =>
        signerChoices(item, signerChoice(item, style), review.signersHere.includes(item.role)),
      ),
    );
    for (const { id, role } of undecidedSigners) {
      const answers = kept.filter(answer => answer.id === id).map(answer => answer.as);
      if (answers.includes('rekey')) rekeySigners.push(role);
      else if (answers.includes('keep')) keptIds.push(id);
      else if (answers.includes('restore')) restoredIds.push(id);
      else droppedIds.push(id);
    }
  }
  // What only a signer held who goes has been decided with that.
  const { undecidedTags } = decide(review, rules);
  if (undecidedTags.length > 0) {
    const kept = await prompts.tick(
      'Which tags stay signed? (space ticks; what is not ticked is removed)',
      undecidedTags.map(item => ({
        value: item.id,
        name: tagChoice(item, review, style),
        checked: item.standing === 'known',
      })),
    );
    for (const { id } of undecidedTags) (kept.includes(id) ? keptIds : droppedIds).push(id);
  }
  return { ...request, rules };
}

/**
 * A delegation that has changed may stay as it is, or as it was; one whose key lies here, with a new key.
 * @param isHere whether its private key lies beside the one that somebody may have
 */
function signerChoices(item: SignerItem, text: string, isHere: boolean): Choice<SignerAnswer>[] {
  const { id, role } = item;
  const rekey: Choice<SignerAnswer> = {
    value: { id, as: 'rekey' },
    name: `${roleName(role)}  with a new key, made now: the old one lies beside the ${keyName('targets')}`,
  };
  return [...choicesToStay(item, text), ...(isHere ? [rekey] : [])];
}

function choicesToStay(item: SignerItem, text: string): Choice<SignerAnswer>[] {
  const { id, standing, thresholdWas } = item;
  const keep = { value: { id, as: 'keep' as const }, name: text, checked: standing === 'known' };
  const hasMore = item.added.keyIds.length + item.added.paths.length > 0;
  if (standing !== 'changed' || thresholdWas !== undefined || !hasMore) return [keep];
  const news = [
    ...item.added.keyIds.map(key => `the key ${shortKeyId(key)}`),
    ...item.added.paths.map(path => `the path “${printable(path)}”`),
  ].join(', ');
  return [
    {
      value: { id, as: 'restore' },
      name: `${roleName(item.role)}  without ${news}`,
      checked: true,
    },
    { ...keep, name: `${roleName(item.role)}  also with ${news}` },
  ];
}
