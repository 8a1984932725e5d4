/** The report at the end of a recovery: what happened, when, with which keys, and what is left to do. */
import { join } from 'node:path';
import { printable } from '../../crypto/printable.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import type { Session } from '../session.ts';
import { consumerCommands, type NewThumbprint, newThumbprints } from './consumers.ts';
import { isMadeAnew, type RecoveredRepository, type RecoveryRecord } from './record.ts';
import { type LeftOut, recordedTags } from './recorded-content.ts';

export interface RecoveryReport {
  readonly id: string;
  readonly state: RecoveryRecord['state'];
  readonly case: RecoveryRecord['case'];
  readonly startedAt: string;
  readonly endedAt: string;
  readonly backup?: RecoveryRecord['backup'];
  readonly oldKeyId?: string;
  readonly newRootKeyId?: string;
  readonly newKeys: readonly string[];
  readonly keysSetAside: readonly string[];
  readonly repositories: readonly RepositoryReport[];
  readonly thumbprints: readonly NewThumbprint[];
  readonly consumerCommands: readonly string[];
  readonly leftToDo: readonly string[];
  readonly history: RecoveryRecord['history'];
}

export interface RepositoryReport {
  readonly repository: string;
  readonly server: string;
  readonly stage: RecoveredRepository['stage'];
  readonly signedTags: readonly string[];
  readonly leftOut: readonly {
    readonly tag: string;
    readonly why: LeftOut;
  }[];
  readonly problem?: RecoveredRepository['problem'];
}

export function recoveryReport(record: RecoveryRecord, now: Date): RecoveryReport {
  return {
    id: record.id,
    state: record.state,
    case: record.case,
    startedAt: record.startedAt,
    endedAt: record.updatedAt,
    ...(record.backup === undefined ? {} : { backup: record.backup }),
    ...(record.case.keyId === undefined ? {} : { oldKeyId: record.case.keyId }),
    ...(record.newRootKeyId === undefined ? {} : { newRootKeyId: record.newRootKeyId }),
    newKeys: record.newKeys,
    keysSetAside: record.keysSetAside,
    repositories: record.repositories.map(repositoryReport),
    thumbprints: newThumbprints(record),
    consumerCommands: consumerCommands(record, now),
    leftToDo: leftToDo(record),
    history: record.history,
  };
}

function repositoryReport(repository: RecoveredRepository): RepositoryReport {
  const { gun, server, stage, signedTags = [], content, problem } = repository;
  const leftOut = (content === undefined ? [] : recordedTags(content)).flatMap(one =>
    one.leftOut === undefined ? [] : [{ tag: one.tag, why: one.leftOut }],
  );
  return {
    repository: gun,
    server,
    stage,
    signedTags,
    leftOut,
    ...(problem === undefined ? {} : { problem }),
  };
}

/** What nobody but a person can do, one sentence each. */
function leftToDo(record: RecoveryRecord): string[] {
  const { repositories, case: what } = record;
  const todo: string[] = [];
  for (const { gun, stage, problem, unsigned = [], remarks = [], content } of repositories) {
    if (stage !== 'verified' && stage !== 'done')
      todo.push(`${gun}: ${problem?.message ?? 'left as it was.'}`);
    todo.push(...remarks);
    for (const { role, keyIds, tags } of unsigned) {
      if (tags.length === 0) continue;
      todo.push(
        `${gun}: whoever has the key ${keyIds.map(id => id.slice(0, 12)).join(' or ')} signs ${tags.join(', ')} again as ${role}: tabellion sign ${tags.map(tag => `${gun}:${tag}`).join(' ')} --role ${role}`,
      );
    }
    for (const { tag, leftOut } of content === undefined ? [] : recordedTags(content)) {
      if (leftOut === 'not-in-registry')
        todo.push(
          `${gun}:${tag} was signed, but its image is not in the registry any more: push it and sign it again.`,
        );
    }
  }
  if (what.kind === 'root') {
    todo.push(
      'Publish the new thumbprints where your consumers look for them, and send them the commands below.',
    );
    todo.push(
      'Make a backup that holds the new keys, and keep it away from this machine: tabellion backup create.',
    );
    todo.push('Keep the new root key offline from now on: tabellion ceremony.');
  }
  if (what.kind === 'root' && !isMadeAnew(record)) {
    todo.push(
      'Whoever pins the old root’s certificate cannot follow, and adds the new certificate ID.',
      'Whoever has the old key can still show another root to somebody who has not seen yours yet, if he stands between them and the server: that ends when they have all compared the new thumbprint. Only a repository made anew is out of his reach at once (--path anew).',
    );
  }
  if (what.reason === 'compromised')
    todo.push(
      'Change the passwords and tokens of the registry and the trust server: whoever took the key may have them.',
    );
  return todo;
}

/** Writes `report.md` and `report.json` into the recovery's folder, and where else it is wanted. */
export async function writeReport(
  session: Session,
  record: RecoveryRecord,
  folder: string,
  copy?: string,
): Promise<string> {
  const report = recoveryReport(record, session.now);
  const file = join(folder, 'report.md');
  const json = `${JSON.stringify({ schemaVersion: 1, ...report }, undefined, 2)}\n`;
  await writeFileAtomic(join(folder, 'report.json'), json, { makeFolder: true });
  await writeFileAtomic(file, markdown(report), { makeFolder: true });
  if (copy !== undefined) {
    await writeFileAtomic(copy, copy.endsWith('.json') ? json : markdown(report));
  }
  return file;
}

export function markdown(report: RecoveryReport): string {
  const { backup } = report;
  return `${[
    `# Recovery ${report.id}`,
    '',
    `What happened: ${whatHappened(report)}.`,
    `Begun ${report.startedAt}, ended ${report.endedAt}.`,
    ...(backup === undefined
      ? []
      : [
          '',
          `Before anything was changed the whole trust folder was sealed in \`${printable(backup.file)}\` and the seal opened to check it (${backup.verifiedAt}).`,
        ]),
    ...section('Keys', keyLines(report)),
    ...section('Repositories', report.repositories.flatMap(repositoryLines)),
    ...section(
      'New thumbprints',
      report.thumbprints.flatMap(one => [
        `- ${printable(one.repository)}`,
        `  - certificate ID: \`${one.certificateId}\``,
        `  - SHA-256 of the certificate: \`${one.fingerprint}\``,
        ...one.oldCertificateIds.map(id => `  - no longer: \`${id}\``),
      ]),
    ),
    ...section(
      'Left to do',
      report.leftToDo.map(line => `- ${printable(line)}`),
    ),
    ...section(
      'For consumers',
      report.consumerCommands.length === 0
        ? []
        : ['```sh', ...report.consumerCommands.map(line => printable(line)), '```'],
    ),
    ...section(
      'What was done, in order',
      report.history.map(({ at, what }) => `- ${at} ${printable(what)}`),
    ),
  ].join('\n')}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines];
}

function whatHappened({ case: { kind, reason, signers = [] } }: RecoveryReport): string {
  if (kind === 'expired') return 'metadata expired';
  const whose =
    signers.length === 0 ? '' : ` of ${signers.map(name => printable(name)).join(', ')}`;
  return `the ${kind} key${whose} was ${reason}`;
}

function keyLines({ oldKeyId, newRootKeyId, newKeys, keysSetAside }: RecoveryReport): string[] {
  return [
    ...(oldKeyId === undefined ? [] : [`- the key in question: \`${oldKeyId}\``]),
    ...(newRootKeyId === undefined ? [] : [`- new root key: \`${newRootKeyId}\``]),
    ...newKeys.map(id => `- new key: \`${id}\``),
    ...keysSetAside.map(id => `- moved aside: \`${id}\``),
  ];
}

const WHY: Readonly<Record<LeftOut, string>> = {
  dropped: 'dropped on purpose',
  'not-in-registry': 'not in the registry any more',
  'not-known-before': 'not known from before the leak',
};

function repositoryLines({
  repository,
  stage,
  signedTags,
  leftOut,
  problem,
}: RepositoryReport): string[] {
  return [
    `- ${printable(repository)} (${stage})`,
    ...(signedTags.length === 0
      ? []
      : [`  - signed again: ${signedTags.map(tag => printable(tag)).join(', ')}`]),
    ...leftOut.map(({ tag, why }) => `  - not signed again: ${printable(tag)} (${WHY[why]})`),
    ...(problem === undefined ? [] : [`  - ${printable(problem.message)}`]),
  ];
}
