/** What opens a backup, from whoever runs the command: a passphrase, or shares. */
import { printable } from '../crypto/printable.ts';
import { KeyError, TabellionError, UsageError } from '../errors.ts';
import type { BackupHeader } from '../operations/backup/backup-file.ts';
import type { BackupSecret } from '../operations/backup/open-backup.ts';
import type { SharesSlot } from '../operations/backup/seal.ts';
import type { Share } from '../operations/backup/shares.ts';
import type { CommandContext } from './context.ts';
import type { Host } from './host.ts';
import { readSecret } from './secret-input.ts';

/** Holds the passphrase where nobody can be asked. */
const PASSPHRASE_VARIABLE = 'TABELLION_BACKUP_PASSPHRASE';

/** Far more than a share and what stands around it. */
const SHARE_FILE_LIMIT = 16 * 1024;

/** What an attacker would try first. */
const OBVIOUS_WORDS = ['backup', 'restore', 'root'];

/**
 * The passphrase of a backup that is about to be made: from the variable, else typed twice and by the rule for keys,
 * else the first line of standard input. One that nobody typed is taken with a warning when it is weak.
 * @throws UsageError `BACKUP_PASSPHRASE_WEAK` | `BACKUP_PASSPHRASE_PADDED` | `SECRET_MISSING`; Interrupted
 */
export async function newBackupPassphrase(context: CommandContext): Promise<string> {
  const { host, prompts, display } = context;
  const { checkPassphrase } = await import('../operations/backup/create-backup.ts');
  if (prompts !== undefined && !isGiven(host) && host.stdin.isTTY === true) {
    return await prompts.newSecret({
      question: 'New passphrase for the backup:',
      again: 'The same again:',
      check: secret => problemOf(() => checkPassphrase(secret)) ?? true,
      words: OBVIOUS_WORDS,
    });
  }
  const passphrase = await backupPassphrase(context);
  checkPassphrase(passphrase);
  const { isObviouslyWeak } = await import('../keys/weak-passphrase-notice.ts');
  if (isObviouslyWeak(passphrase)) {
    display.warn('The passphrase of the backup is easy to guess: whoever has the file can try');
  }
  return passphrase;
}

/** What a check says against it. */
function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/**
 * What opens a backup: the share files that were named; else its passphrase, or shares typed at the terminal.
 * @throws KeyError `SHARE_INVALID` | `SHARES_TOO_FEW` …; UsageError `SECRET_MISSING`; Interrupted
 */
export async function backupSecret(
  context: CommandContext,
  { slots }: BackupHeader,
  shareFiles: readonly string[],
): Promise<BackupSecret> {
  const { passphraseSlotOf, sharesSlotOf } = await import('../operations/backup/open-backup.ts');
  if (shareFiles.length > 0) return { shares: await readShares(shareFiles) };
  const [passphrase, shares] = [passphraseSlotOf(slots), sharesSlotOf(slots)];
  const { host, prompts } = context;
  const cannotAsk = isGiven(host) || prompts === undefined;
  if (shares === undefined || (passphrase !== undefined && cannotAsk)) {
    return { passphrase: await backupPassphrase(context) };
  }
  if (prompts === undefined) {
    throw new UsageError(
      'SHARES_MISSING',
      `This backup is opened by ${shares.threshold} of its ${shares.count} shares, and nobody can be asked here`,
      { hint: 'Give --share FILE for each of them.' },
    );
  }
  if (passphrase !== undefined) {
    const way = await prompts.choose('Open the backup with', [
      { value: 'passphrase', name: 'its passphrase' },
      { value: 'shares', name: `${shares.threshold} of its ${shares.count} shares` },
    ]);
    if (way === 'passphrase') return { passphrase: await backupPassphrase(context) };
  }
  return { shares: await askShares(context, shares) };
}

function isGiven({ env }: Host): boolean {
  return env[PASSPHRASE_VARIABLE] !== undefined && env[PASSPHRASE_VARIABLE] !== '';
}

async function backupPassphrase(context: CommandContext): Promise<string> {
  const given = context.host.env[PASSPHRASE_VARIABLE];
  if (given !== undefined && given !== '') return given;
  try {
    return await readSecret(context, { question: 'Passphrase of the backup:' });
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    throw error.advising(`Or set ${PASSPHRASE_VARIABLE}.`);
  }
}

async function readShares(files: readonly string[]): Promise<Share[]> {
  const { readInputFile } = await import('../operations/read-input-file.ts');
  const { decodeShare } = await import('../operations/backup/shares.ts');
  const shares: Share[] = [];
  for (const file of files) {
    const { content } = await readInputFile(file, SHARE_FILE_LIMIT);
    const text = Buffer.from(content).toString('utf8');
    shares.push(decodeShare(text, `the share in ${printable(file)}`));
  }
  return shares;
}

/** One after the other, until there are enough; a mistake costs only the one in which it is. */
async function askShares({ display, prompts }: CommandContext, slot: SharesSlot): Promise<Share[]> {
  const { checkShare, decodeShare, setName } = await import('../operations/backup/shares.ts');
  const { threshold, count } = slot;
  display.error(
    `This backup is opened by any ${threshold} of its ${count} shares, of the set ${setName(slot.setId)}.`,
  );
  const shares: Share[] = [];
  while (shares.length < threshold) {
    const typed = await prompts?.password(`Share ${shares.length + 1} of ${threshold}:`);
    try {
      const share = decodeShare(typed ?? '');
      checkShare(share, slot, shares);
      shares.push(share);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      display.error(`${error.message}. ${error.hint ?? ''}`.trimEnd());
    }
  }
  return shares;
}
