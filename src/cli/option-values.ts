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
