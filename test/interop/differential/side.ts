import { chmod, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { QUICK_KEYS } from '../../support/quick-keys.ts';
import { notaryPassphraseVariables } from '../support/passphrases.ts';
import { type RunResult, runProgram } from '../support/run-program.ts';
import { TABELLION } from '../support/tabellion-cli.ts';
import { type DescriptionCache, type Disk, describeDisk } from './disk.ts';
import { Folder } from './folder.ts';
import { givenKeys, INPUTS } from './given-keys.ts';
import { KnownKeys } from './known-keys.ts';
import { normalise, type Surroundings } from './normaliser.ts';
import { type Step, splitWords } from './scenario.ts';
import { runAtTerminal } from './terminal.ts';

/** A program that speaks Notary's command line. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
}

export const NOTARY: Program = { name: 'notary', command: ['notary'] };
export const TABELLION_NOTARY: Program = {
  name: 'tabellion notary',
  command: [process.execPath, TABELLION, 'notary'],
};

/** Where a side's commands go. */
export interface Places {
  /** `https://localhost:<port>`. */
  readonly server: string;
  readonly ca: string;
  /** More of them, by the name that `{name}` has in command lines. */
  readonly more: Readonly<Record<string, string>>;
}

/** Different for each kind of key, so that a mix-up shows. */
export const PASSPHRASES = {
  root: 'root-pass-1',
  targets: 'targets-pass-1',
  snapshot: 'snapshot-pass-1',
  delegation: 'delegation-pass-1',
};

export const VECTORS = fileURLToPath(new URL('../../../fixtures/vectors/keys', import.meta.url));

/** What a command did. Everything is comparable with the other side. */
export interface Outcome {
  readonly exit: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly disk: Disk;
}

/** One program with its own trust folder, home and server, in one scenario. */
export class Side {
  readonly program: Program;
  readonly folder: string;
  readonly places: Places;
  readonly gun: string;
  #keys = new KnownKeys();
  readonly #reader: Folder;
  readonly #descriptions: DescriptionCache = new Map();

  constructor(program: Program, folder: string, places: Places, gun: string) {
    this.program = program;
    this.folder = folder;
    this.places = places;
    this.gun = gun;
    this.#reader = new Folder(folder);
  }

  /** A side whose folder is there: a home, a working folder, and no trust folder yet. */
  static async open(program: Program, folder: string, places: Places, gun: string): Promise<Side> {
    for (const name of ['home', 'work']) {
      await mkdir(path.join(folder, name), { recursive: true, mode: 0o755 });
    }
    const side = new Side(program, folder, places, gun);
    side.#keys.addGiven(await givenKeys());
    return side;
  }

  /** The keys that this side has seen. */
  get keys(): KnownKeys {
    return this.#keys;
  }

  get surroundings(): Surroundings {
    const { server, ca, more } = this.places;
    const places: [string, string][] = [
      [server, '<server>'],
      [new URL(server).host, '<host>'],
      [ca, '<ca>'],
      [VECTORS, '<vectors>'],
      [INPUTS, '<inputs>'],
    ];
    for (const [name, text] of Object.entries(more)) {
      places.push([text, `<${name}>`]);
      if (URL.canParse(text)) places.push([new URL(text).host, `<${name} host>`]);
    }
    places.sort(([a], [b]) => b.length - a.length);
    return { keys: this.keys, folder: this.folder, places };
  }

  /**
   * Replaces `{gun}`, `{server}`, `{host}`, `{ca}`, `{dir}`, `{vectors}`, `{inputs}`, names of other places, `{key ROLE}` or
   * `{key ROLE 2}`, the ID of the first, or second, key of that role that this side has seen, `{certificate root}`, and
   * `{given alice}`, the ID of a key among the inputs.
   */
  expand(text: string): string {
    return text.replaceAll(/\{([a-z][^{}]*)\}/g, (_, word: string) => {
      const key = /^(key|certificate) (\S*?)(?: (\d+))?$/.exec(word);
      if (key) return this.keys.ofKind(`${key[2]} ${key[1]}`, Number(key[3] ?? 1));
      const given = /^given (\S+)$/.exec(word)?.[1];
      if (given !== undefined) return this.keys.ofKind(`${given} of inputs`, 1);
      if (word === 'gun') return this.gun;
      if (word === 'server') return this.places.server;
      if (word === 'host') return new URL(this.places.server).host;
      if (word === 'ca') return this.places.ca;
      if (word === 'dir') return this.folder;
      if (word === 'vectors') return VECTORS;
      if (word === 'inputs') return INPUTS;
      const place = this.places.more[word];
      if (place === undefined) throw new Error(`nothing is called {${word}}`);
      return place;
    });
  }

  /** The absolute path of a file below the side's folder. */
  path(name: string): string {
    return path.join(this.folder, this.expand(name));
  }

  /** Writes a file below the side's folder, such as `work/one.txt`. */
  async write(name: string, content: string | Uint8Array, fileMode = 0o644): Promise<void> {
    const file = this.path(name);
    // As Notary makes what is missing in its trust folder.
    const mode = name.startsWith('work/') ? 0o755 : 0o700;
    await mkdir(path.dirname(file), { recursive: true, mode });
    await writeFile(file, typeof content === 'string' ? this.expand(content) : content);
    await chmod(file, fileMode);
  }

  /** Copies a file, given absolutely, to below the side's folder. */
  async copy(from: string, name: string): Promise<void> {
    await this.write(name, await readFile(this.expand(from)));
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { recursive: true, force: true });
  }

  async run(step: Step): Promise<Outcome> {
    if (!step.undone) return await this.#run(step);
    const [before, keys] = [`${this.folder}-before`, this.#keys.copy()];
    await cp(this.folder, before, { recursive: true, verbatimSymlinks: true });
    try {
      return await this.#run(step);
    } finally {
      await rm(this.folder, { recursive: true });
      await rename(before, this.folder);
      this.#keys = keys;
    }
  }

  async #run(step: Step): Promise<Outcome> {
    await step.prepare?.(this);
    const result = step.command === undefined ? undefined : await this.execute(step.command, step);
    const entries = await this.#reader.read();
    this.keys.discover(entries);
    const { surroundings } = this;
    const disk = describeDisk(entries, surroundings, this.#descriptions);
    if (result === undefined) return { exit: 'nothing ran', stdout: '', stderr: '', disk };
    const said = (text: string) => sayAgain(normalise(text, surroundings), step);
    return {
      exit: result.signal === null ? `exit ${result.code}` : `killed by ${result.signal}`,
      stdout: said(result.stdout),
      stderr: said(result.stderr),
      disk,
    };
  }

  /** Runs one command line as it is; its exit code is a result. */
  async execute(command: string, step: Partial<Step> = {}): Promise<RunResult> {
    const usual = [
      '-s',
      this.places.server,
      '--tlscacert',
      this.places.ca,
      '-d',
      `${this.folder}/trust`,
    ];
    const words = splitWords(command).map(word => this.expand(word));
    const [file = '', ...first] = this.program.command;
    const args = [...first, ...(step.bare ? [] : usual), ...words];
    const variables: Record<string, string | undefined> = {
      PATH: process.env.PATH ?? '',
      HOME: `${this.folder}/home`,
      ...QUICK_KEYS,
      ...notaryPassphraseVariables(PASSPHRASES),
      ...step.env,
    };
    const env: Record<string, string> = {};
    for (const [name, value] of Object.entries(variables)) {
      if (value !== undefined) env[name] = this.expand(value);
    }
    const options = { env, cwd: `${this.folder}/work` };
    if (step.terminal) {
      const answers = step.terminal.map(
        ([prompt, answer]) => [prompt, this.expand(answer)] as const,
      );
      return await runAtTerminal(file, args, answers, options);
    }
    const stdin = step.stdin === undefined ? {} : { stdin: this.expand(step.stdin) };
    return await runProgram(file, args, { ...options, ...stdin });
  }
}

function sayAgain(text: string, step: Step): string {
  let result = text;
  for (const { pattern, becomes } of step.chance ?? [])
    result = result.replaceAll(pattern, becomes);
  return step.anyOrder === undefined ? result : result.split('\n').toSorted().join('\n');
}
