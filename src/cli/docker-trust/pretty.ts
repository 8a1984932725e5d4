/** `inspect --pretty` (cli.md 2.4). */
import { printable } from '../../crypto/printable.ts';
import type { DockerTrustJson } from '../../operations/inspect.ts';
import { naturalOrder } from '../../operations/natural-order.ts';
import { REPOSITORY_ADMIN } from '../../operations/signed-tags.ts';

const NARROWEST = 10;
const PADDING = 3;
const SHORT_ID = 12;

export function prettyText(image: string, found: DockerTrustJson): string {
  const parts: string[] = [];
  const { SignedTags: tags, Signers: signers } = found;
  parts.push(`\n${tags.length === 0 ? 'No signatures' : 'Signatures'} for ${image}\n\n`);
  if (tags.length > 0) {
    const rows = tags.map(({ SignedTag, Digest, Signers }) => [
      printable(SignedTag),
      Digest,
      isAdminAlone(Signers) ? `(${REPOSITORY_ADMIN})` : [...Signers].sort().join(', '),
    ]);
    parts.push(columns([['SIGNED TAG', 'DIGEST', 'SIGNERS'], ...rows]));
  }
  if (signers.length > 0) {
    const rows = [...signers]
      .sort((a, b) => naturalOrder(a.Name, b.Name))
      .map(({ Name, Keys = [] }) => [
        Name,
        Keys.map(({ ID }) => ID.slice(0, SHORT_ID))
          .sort()
          .join(', '),
      ]);
    parts.push(`\nList of signers and their keys for ${image}\n\n`);
    parts.push(columns([['SIGNER', 'KEYS'], ...rows]));
  }
  parts.push(`\nAdministrative keys for ${image}\n\n`);
  for (const { Name, Keys = [] } of [...found.AdministrativeKeys].sort(byName)) {
    const ids = Keys.map(({ ID }) => ID).sort();
    parts.push(`  ${Name} Key:\t${ids.join(', ')}\n`);
  }
  return parts.join('');
}

function isAdminAlone(signers: readonly string[]): boolean {
  return signers.length === 1 && signers[0] === REPOSITORY_ADMIN;
}

function byName(a: { Name: string }, b: { Name: string }): number {
  return a.Name < b.Name ? -1 : 1;
}

/** Columns of Go's `text/tabwriter`; the last is not padded. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries())
      widths[index] = Math.max(widths[index] ?? NARROWEST, [...cell].length + PADDING);
  return rows
    .map(row =>
      row
        .map((cell, index) =>
          index === row.length - 1
            ? cell
            : cell + ' '.repeat((widths[index] ?? 0) - [...cell].length),
        )
        .join(''),
    )
    .map(line => `${line}\n`)
    .join('');
}
