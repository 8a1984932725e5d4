import { existsSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { describeMetadata } from './decoded.ts';
import { cacheOf, type Disk, diskChanges } from './disk.ts';
import { isTabellionsOwn, type KnownDifference } from './known-differences.ts';
import { diffLines, type LineDiff } from './line-diff.ts';
import type { Scenario, Step } from './scenario.ts';
import { NOTARY, type Outcome, type Places, type Program, Side } from './side.ts';

/** Where two sides can differ: what the command did, or at the end what servers hold and what readers print. */
export type Where = 'exit' | 'stdout' | 'stderr' | 'disk' | 'cache' | 'server' | 'reading';

export interface Difference {
  /** `<scenario>/<title of the step>`. */
  readonly step: string;
  readonly command: string;
  readonly where: Where;
  readonly diff: LineDiff;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Expectations of the scenario itself that the first program did not meet. */
  readonly surprises: readonly string[];
  /** Everything that the first program did, for people. */
  readonly transcript: string;
}

export interface Contestant {
  readonly program: Program;
  readonly places: Places;
  /** `GET` of a path on its server: status and body. */
  readonly get: (target: string) => Promise<{ status: number; body: Buffer }>;
}

/** Runs a scenario with both contestants, step by step, and compares after each step. Folders are made in `workspace`. */
export async function compare(
  scenario: Scenario,
  contestants: readonly [Contestant, Contestant],
  workspace: string,
): Promise<Comparison> {
  const gun = `example.test/${scenario.name}`;
  const base = path.join(workspace, scenario.name);
  const [first, second] = await Promise.all([
    // Names of one length: tables cut folders by their length.
    Side.open(contestants[0].program, path.join(base, 'real'), contestants[0].places, gun),
    Side.open(contestants[1].program, path.join(base, 'ours'), contestants[1].places, gun),
  ]);
  const differences: Difference[] = [];
  const surprises: string[] = [];
  const transcript: string[] = [];
  let cacheTold = '';
  let [before, other]: [Disk, Disk] = [new Map(), new Map()];
  for (const step of scenario.steps) {
    const name = `${scenario.name}/${step.title}`;
    const [real, ours] = await Promise.all([first.run(step), second.run(step)]);
    const expected = `exit ${step.exit}`;
    if (step.command !== undefined && real.exit !== expected) {
      surprises.push(`${name}: ${real.exit} instead of ${expected}\n${real.stdout}${real.stderr}`);
    }
    const changed = diskChanges(before, real.disk, isTabellionsOwn);
    const changedOther = diskChanges(other, ours.disk, isTabellionsOwn);
    if (!step.undone) [before, other] = [real.disk, ours.disk];
    transcript.push(...transcribe(name, step, real, changed));
    const add = (where: Where, a: readonly string[], b: readonly string[]) => {
      const diff = diffLines(a, b);
      if (diff) differences.push({ step: name, command: step.command ?? '', where, diff });
    };
    add('exit', [real.exit], [ours.exit]);
    add('stdout', real.stdout.split('\n'), ours.stdout.split('\n'));
    add('stderr', real.stderr.split('\n'), ours.stderr.split('\n'));
    add('disk', changed, changedOther);
    const read = repositoryRead(step);
    if (read !== undefined) {
      const name = first.expand(read);
      const diff = diffLines(cacheOf(name, real.disk), cacheOf(name, ours.disk));
      // A difference that lasts is told once.
      const told = JSON.stringify([diff?.removed, diff?.added]);
      if (diff && told !== cacheTold) {
        differences.push({
          step: `${scenario.name}/${step.title}`,
          command: step.command ?? '',
          where: 'cache',
          diff,
        });
      }
      cacheTold = told;
    }
  }
  const sides = [
    { contestant: contestants[0], side: first },
    { contestant: contestants[1], side: second },
  ] as const;
  const guns = [gun, ...(scenario.readBack ?? [])];
  const shared = { guns, sides, scenario: scenario.name, base };
  if (scenario.server !== 'token') differences.push(...(await compareServers(shared)));
  if (scenario.isReadByPrograms !== false) differences.push(...(await compareReadings(shared)));
  await rm(base, { recursive: true, force: true });
  return { differences, surprises, transcript: transcript.join('\n') };
}

/**
 * The repository that a step reads from its server, by the word in the command. Only then the caches are compared:
 * after a publish Tabellion's has what was published, Notary's has what it read before.
 */
function repositoryRead({ command = '', exit, bare }: Step): string | undefined {
  if (exit !== 0 || bare || / (-s|--server|-h|--tls\S*) /.test(command)) return undefined;
  return /^(?:list|lookup|verify|delegation list|delete)\b.*? (\{gun\}\S*)/.exec(command)?.[1];
}

interface Ended {
  readonly guns: readonly string[];
  readonly sides: readonly [EndedSide, EndedSide];
  readonly scenario: string;
  readonly base: string;
}

interface EndedSide {
  readonly contestant: Contestant;
  readonly side: Side;
}

/** Every metadata file that the servers hold now, and every root there was. */
async function compareServers({ guns, sides, scenario }: Ended): Promise<Difference[]> {
  const [first, second] = await Promise.all(
    sides.map(async ({ contestant, side }) => {
      const lines: string[] = [];
      for (const gun of guns) {
        const read = async (file: string) => {
          const { status, body } = await contestant.get(`/v2/${gun}/_trust/tuf/${file}`);
          return status === 200 ? body : undefined;
        };
        const files = new Map<string, Buffer>();
        for (let version = 1; ; version += 1) {
          const root = await read(`${version}.root.json`);
          if (root === undefined) break;
          files.set(`${version}.root`, root);
        }
        for (const role of ['root', 'timestamp', 'snapshot', 'targets']) {
          const body = await read(`${role}.json`);
          if (body) files.set(role, body);
        }
        const snapshot = files.get('snapshot')?.toString('utf8') ?? '{"signed":{"meta":{}}}';
        for (const role of Object.keys(JSON.parse(snapshot).signed.meta).toSorted()) {
          const body = files.has(role) ? undefined : await read(`${role}.json`);
          if (body) files.set(role, body);
        }
        for (const body of files.values()) side.keys.learn(body.toString('utf8'));
        for (const [role, body] of files) {
          const text = describeMetadata(body.toString('utf8'), side.keys, new Date(), name =>
            files.get(name),
          );
          lines.push(...text.split('\n').map(line => `${gun} ${role}: ${line}`));
        }
      }
      return lines;
    }),
  );
  const diff = diffLines(first ?? [], second ?? []);
  return diff ? [{ step: `${scenario}/end`, command: '', where: 'server', diff }] : [];
}

/** What the first reads from its own folder and server, and each from the other's. Each reads a copy: reading changes the cache. */
async function compareReadings({ guns, sides, scenario, base }: Ended): Promise<Difference[]> {
  const [first, second] = sides;
  const commands = ['key list'];
  for (const gun of guns) {
    const known = path.join(first.side.folder, 'trust', 'tuf', gun, 'metadata');
    if (existsSync(known)) commands.push(`list ${gun}`, `delegation list ${gun}`);
  }
  // What the second reads from its own is among the steps of the scenario.
  const ways = [
    { owner: first.side, program: first.contestant.program },
    { owner: first.side, program: second.contestant.program },
    { owner: second.side, program: first.contestant.program },
  ];
  const readings = await Promise.all(
    ways.map(async ({ owner, program }, index) => {
      const folder = path.join(base, `way${index}`);
      await mkdir(path.join(folder, 'home'), { recursive: true });
      await mkdir(path.join(folder, 'work'));
      await cp(path.join(owner.folder, 'trust'), path.join(folder, 'trust'), {
        recursive: true,
        verbatimSymlinks: true,
      }).catch(ignoreAbsent);
      const reader = new Side(program, folder, owner.places, owner.gun);
      for (const { id, kind } of owner.keys.all()) reader.keys.add(id, kind);
      const lines: string[] = [];
      for (const command of commands) {
        const { exit, stdout } = await reader.run({ title: command, command, exit: 0 });
        lines.push(`${command}: ${exit}`, ...stdout.split('\n').map(line => `${command}: ${line}`));
      }
      return lines;
    }),
  );
  const [own = [], firstsBySecond = [], secondsByFirst = []] = readings;
  const [a, b] = sides.map(({ contestant }) => contestant.program.name);
  const pairs: [what: string, string[], string[]][] = [
    [`${b} reads what ${a} wrote`, own, firstsBySecond],
    [`${a} reads what ${b} wrote`, own, secondsByFirst],
  ];
  return pairs.flatMap(([what, expected, actual]) => {
    const diff = diffLines(expected, actual);
    return diff ? [{ step: `${scenario}/end, ${what}`, command: '', where: 'reading', diff }] : [];
  });
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function transcribe(name: string, step: Step, outcome: Outcome, changed: string[]): string[] {
  const block = (title: string, text: string) =>
    text === '' ? [] : [`--- ${title}`, ...text.split('\n').map(line => `|${line}`)];
  return [
    `=== ${name}`,
    `$ ${NOTARY.name} ${step.command ?? '(nothing)'}    ${outcome.exit}`,
    ...block('stdout', outcome.stdout),
    ...block('stderr', outcome.stderr),
    ...block('disk', changed.join('\n')),
    '',
  ];
}

/** What is wrong with a comparison, in words for people; empty when only known differences are there, and all of them. */
export function complaints(
  { differences, surprises }: Comparison,
  scenario: string,
  known: readonly KnownDifference[],
): string[] {
  const left = new Set(known.filter(({ step }) => step.startsWith(`${scenario}/`)));
  const found = surprises.map(
    surprise => `The real program did not do what the scenario says: ${surprise}`,
  );
  for (const { step, command, where, diff } of differences) {
    const entry = [...left].find(entry => entry.step === step && entry.where === where);
    if (entry) left.delete(entry);
    if (entry && same(entry.notary, diff.removed) && same(entry.tabellion, diff.added)) continue;
    const how = entry ? 'differs otherwise than the table of known differences says' : 'differs';
    const head = `${step}: ${where} ${how} (- notary, + tabellion)${command && `\n  $ ${command}`}`;
    found.push([head, ...diff.shown.map(line => `  ${line}`)].join('\n'));
  }
  for (const { step, where } of left)
    found.push(`${step}: ${where} no longer differs; remove it from the table`);
  return found;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
