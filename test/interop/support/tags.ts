import type { RunResult } from './run-program.ts';
import { content, digestFlags, type Person } from './scene.ts';

/** One image of `tabellion verify --json`. */
export interface Verdict {
  image: string;
  digest: string;
  size: number;
  trusted: boolean;
  exitCode: number;
  error?: { code: string; message: string; hint?: string };
  signedBy: { name: string; role: string; keyIds: string[] }[];
  trustData?: {
    from: 'server' | 'cache';
    server: string;
    checkedAt: string;
    ageSeconds: number;
    reason?: string;
  };
  registry: { status: string; digest?: string; message?: string };
  warnings: string[];
}

/** One repository of `tabellion sign --json`. */
export interface SignReport {
  repository: string;
  initialised: boolean;
  signer?: string;
  createdKeys: { id: string; role: string; file: string }[];
  tags: {
    tag: string;
    digest: string;
    size: number;
    mediaType?: string;
    roles: string[];
    status: string;
    previousDigest?: string;
  }[];
  versions: Record<string, number>;
  warnings: string[];
}

/** Signs a tag with Tabellion as content made of `text`. @throws Error when that fails. */
export async function signTag(
  { tabellion }: Person,
  image: string,
  text: string,
  ...flags: string[]
): Promise<SignReport> {
  const args = ['sign', image, ...digestFlags(content(text)), ...flags];
  const { repositories } = (await tabellion.json(args)) as { repositories: [SignReport] };
  return repositories[0];
}

/** Verifies one tag with Tabellion, without asking a registry unless the flags do; checks that the exit code is the verdict's. */
export async function verifyTag(
  { tabellion }: Person,
  image: string,
  ...flags: string[]
): Promise<Verdict> {
  const asked = flags.some(flag => flag.startsWith('--registry')) ? [] : ['--no-registry'];
  return verdictOf(await tabellion.run(['verify', image, '--json', ...asked, ...flags]));
}

/** The verdict in the output of `tabellion verify IMAGE --json`. */
export function verdictOf(result: RunResult): Verdict {
  const document = JSON.parse(result.stdout);
  const verdict: Verdict | undefined = document.images?.[0];
  if (verdict === undefined) throw new Error(`no verdict: ${result.stdout}`);
  if (result.stderr !== '' || result.code !== verdict.exitCode) {
    throw new Error(`exit ${result.code} for verdict ${verdict.exitCode}\n${result.stderr}`);
  }
  return verdict;
}
