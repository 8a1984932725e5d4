import { UsageError } from '../errors.ts';

/** Says what an option's value must be, in one sentence; used by the parsers below. */
function refuse(flags: string, problem: string): never {
  const name = flags.split(/[ ,]+/).find(word => word.startsWith('--')) ?? flags;
  throw new UsageError('OPTION_VALUE_INVALID', `Option ${name} ${problem}`, {
    details: { option: name },
  });
}

/**
 * A parser for options with a value. `--server --json` is a forgotten value, not a server called
 * `--json`; and an empty one is mostly a variable that was not set.
 */
export function optionValue(flags: string): (value: string) => string {
  return value => {
    if (value.startsWith('--')) refuse(flags, `needs a value, but the next word is ${value}`);
    if (value === '') refuse(flags, 'has an empty value');
    return value;
  };
}

/** The same for an option that may be repeated: the values in the order given. */
export function repeatedValue(flags: string): (value: string, before?: string[]) => string[] {
  const parse = optionValue(flags);
  return (value, before = []) => [...before, parse(value)];
}

/** A parser for decimal whole numbers within bounds (inclusive). */
export function wholeNumber(flags: string, min: number, max: number): (value: string) => number {
  return value => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) {
      refuse(flags, `must be a whole number from ${min} to ${max}`);
    }
    return number;
  };
}

/** A parser for one of a few words. */
export function oneOf<T extends string>(flags: string, words: readonly T[]): (value: string) => T {
  return value => {
    const word = words.find(known => known === value);
    if (word === undefined) refuse(flags, `must be one of ${words.join(', ')}`);
    return word;
  };
}

const MOMENT = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** A date, or a date and time; without a time zone it is UTC. Undefined for anything else. */
export function readMoment(text: string): Date | undefined {
  if (!MOMENT.test(text)) return undefined;
  const hasZone = /(?:Z|[+-]\d\d:\d\d)$/.test(text) || text.length === 10;
  const moment = new Date(`${text.replace(' ', 'T')}${hasZone ? '' : 'Z'}`);
  if (Number.isNaN(moment.getTime())) return undefined;
  // JavaScript makes March of the 30th of February.
  return text.length === 10 && moment.toISOString().slice(0, 10) !== text ? undefined : moment;
}

/** A parser for {@link readMoment}. */
export function moment(flags: string): (value: string) => Date {
  return value =>
    readMoment(value) ??
    refuse(flags, 'must be a date such as 2026-11-20, or 2026-11-20T14:30:00Z');
}
