/** A failure with the sentence that is printed for it after `* fatal: `. */
export class Fatal extends Error {
  constructor(sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause });
    this.name = 'Fatal';
  }
}

/** A wrong number of arguments: the usage text goes before the sentence. */
export class WrongArguments extends Fatal {}

/** The answer to a question was no; as the only failure it is told without a blank line before it. */
export class Aborted extends Fatal {
  constructor() {
    super('Aborting action.');
  }
}
