import { printable } from '../../crypto/printable.ts';
import type { SignerList } from '../../operations/signers/signer-list.ts';
import { dateWithDistance } from '../dates.ts';
import { worstExitCode } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { table } from '../table.ts';
import { originText } from './origin.ts';

type RepositorySigners = SignerList['repositories'][number];
type ListedSigner = RepositorySigners['signers'][number];

export function signerListJson(list: SignerList): object {
  return { schemaVersion: SCHEMA_VERSION, ...list };
}

/** The names of the signers; each once, also of several repositories. */
export function signerListBrief({ repositories }: SignerList): string[] {
  const names = repositories.flatMap(({ signers }) => signers.map(({ name }) => printable(name)));
  return [...new Set(names)];
}

export function signerListWarnings({ repositories }: SignerList): string[] {
  return [...new Set(repositories.flatMap(({ warnings }) => warnings))];
}

export function signerListOutcome({ repositories }: SignerList): number {
  return worstExitCode(repositories.map(({ exitCode }) => exitCode));
}

export function signerListLines({ repositories }: SignerList, style: ReportStyle): string[] {
  return repositories.flatMap((repository, index) => [
    ...(index === 0 ? [] : ['']),
    ...repositoryLines(repository, style),
  ]);
}

function repositoryLines(
  { repository, signers, error, origin }: RepositorySigners,
  style: ReportStyle,
): string[] {
  const { paint } = style;
  const lines = [paint.bold(printable(repository))];
  if (error !== undefined) {
    lines.push(`  ${paint.red('✗')} ${printable(error.message)}`);
    if (error.hint !== undefined) lines.push(`    hint: ${printable(error.hint)}`);
    return lines;
  }
  if (signers.length === 0) lines.push('  no signers: the repository key signs alone');
  else {
    const header = ['SIGNER', 'KEYS', 'HERE', 'MAY SIGN', 'SIGNED UNTIL'];
    const rows = signers.flatMap(signer => rowsOf(signer, style));
    lines.push(...table([header, ...rows], { indent: 2, header: paint.dim }));
  }
  for (const signer of signers) lines.push(...noteLines(signer, style));
  if (origin !== undefined) lines.push(`  ${originText(origin, style)}`);
  return lines;
}

/** One row, and one more for each further key. */
function rowsOf(signer: ListedSigner, { now, paint }: ReportStyle): string[][] {
  const paths = signer.paths.map(path => (path === '' ? 'all' : `${printable(path)}…`));
  const { expires } = signer;
  const until = expires === undefined ? 'nothing signed' : dateWithDistance(new Date(expires), now);
  return Array.from({ length: Math.max(1, signer.keys.length) }, (_, row) => {
    const key = signer.keys[row];
    return [
      row === 0 ? printable(signer.name) : '',
      key === undefined ? paint.red('none') : shortKeyId(key.id),
      key?.isHere === true ? 'yes' : '',
      row === 0 ? paths.join(', ') || paint.yellow('nothing') : '',
      row === 0 ? until : '',
    ];
  });
}

function noteLines({ name, keys, problem }: ListedSigner, { paint }: ReportStyle): string[] {
  const lines: string[] = [];
  if (problem !== undefined)
    lines.push(`  ${paint.red('✗')} ${printable(name)} is not trusted: ${printable(problem)}`);
  if (keys.length > 0 && keys.every(({ mayRelease }) => !mayRelease))
    lines.push(
      `  ${paint.yellow('!')} ${printable(name)} may not release: Docker takes no tag that only ${printable(name)} signed`,
    );
  return lines;
}
