import { expect } from 'vitest';
import type { DockerTrustInspection } from './docker-trust.ts';
import type { Person, Scene } from './scene.ts';

/** One row of `notary list`. */
export interface ListedTarget {
  name: string;
  hex: string;
  size: number;
  role: string;
}

/** What `tabellion inspect --json` adds to Docker's members. */
export interface TabellionInspection {
  roles: { role: string; version: number; threshold: number; keyIds: string[]; expires: string }[];
  signedTags: { tag: string; digest: string; size: number; signers: string[]; roles: string[] }[];
  signers: { name: string; role: string; paths: string[]; keys: { id: string }[] }[];
  warnings: string[];
}

/** What all readers of a repository agree upon. */
export interface Reading {
  readonly listed: ListedTarget[];
  readonly docker: DockerTrustInspection;
  readonly tabellion: TabellionInspection;
}

/**
 * Lets somebody who never saw the repository read it with all three programs, each with a trust folder of its
 * own, and checks that Tabellion and Docker say the same, to the byte.
 */
export async function freshReading(scene: Scene, gun: string): Promise<Reading> {
  const [one, two, three] = [
    await scene.person('notary-reader'),
    await scene.person('docker-reader'),
    await scene.person('tabellion-reader'),
  ];
  return await reading(gun, one, two, three);
}

/** The same for somebody whose trust folder all three programs share. */
export async function readingOf(person: Person, gun: string): Promise<Reading> {
  return await reading(gun, person, person, person);
}

async function reading(
  gun: string,
  withNotary: Person,
  withDocker: Person,
  withTabellion: Person,
): Promise<Reading> {
  // One after the other: notary and docker do not lock a folder that they may be sharing here.
  const listed = await listTargets(withNotary, gun);
  const docker = await withDocker.docker.succeed(['trust', 'inspect', gun]);
  const ours = await withTabellion.tabellion.succeed(['inspect', gun, '--json']);
  const [{ tabellion: more, ...members }] = JSON.parse(ours);
  // What a machine has to be reminded of is its own affair.
  const { trustData, reminders: _, ...tabellion } = more;
  expect(trustData.from).toBe('server');
  expect(dockerText([members])).toBe(docker);
  return { listed, docker: JSON.parse(docker)[0], tabellion };
}

/** What `notary list` shows. Its names may not hold two spaces in a row. */
export async function listTargets(
  { notary }: Person,
  gun: string,
  ...flags: string[]
): Promise<ListedTarget[]> {
  const lines = (await notary.succeed(['list', gun, ...flags])).split('\n');
  const ruler = lines.findIndex(line => line.startsWith('---'));
  return lines
    .slice(ruler === -1 ? lines.length : ruler + 1)
    .filter(line => line !== '')
    .map(line => {
      const [name = '', hex = '', size = '', role = ''] = line.trimEnd().split(/ {2,}/);
      return { name, hex, size: Number(size), role };
    });
}

/** JSON as `docker trust inspect` prints it: four spaces, Go's escapes, a newline at the end. */
export function dockerText(value: unknown): string {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value, null, 4).replaceAll(/[<>&\u2028\u2029]/g, escaped)}\n`;
}

/** Standard error of a command that went well: nothing, or reminders of what may be done some day. */
export const NOTHING_BUT_REMINDERS: string = expect.stringMatching(/^(reminder: .*\n)*$/);
