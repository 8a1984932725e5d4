import { printable } from '../../crypto/printable.ts';
import type { PassphraseSearch } from '../../operations/recover/lost-passphrase.ts';
import type { Survey } from '../../operations/recover/survey.ts';
import type { Session } from '../../operations/session.ts';
import { isBaseRole } from '../../tuf/role-name.ts';
import type { CommandContext } from '../context.ts';
import type { Paint } from '../display.ts';
import { EXIT } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import type { RecoverOptions } from './recover-options.ts';

/** `--lost-passphrase`: everything that may open the key is tried before it counts as lost. */
export async function searchPassphrase(
  context: CommandContext,
  session: Session,
  survey: Survey,
  text: string,
  { yes = false }: RecoverOptions,
): Promise<number> {
  const operation = await import('../../operations/recover/lost-passphrase.ts');
  const { prompts, display } = context;
  const id = await keyIdOf(session, survey, text);
  const ask = async (): Promise<string | undefined> => {
    display.error('Nothing on this machine opens it. Type what it may be; an empty line ends.');
    const typed = await prompts?.password('Perhaps:');
    return typed === '' ? undefined : typed;
  };
  const search = await operation.searchPassphrase(
    session,
    id,
    prompts === undefined || yes ? undefined : ask,
  );
  display.result({
    json: () => ({
      schemaVersion: SCHEMA_VERSION,
      found: search.openedBy !== undefined,
      ...search,
    }),
    text: () => searchLines(search, display.paint),
    brief: () => (search.openedBy === undefined ? [] : [search.openedBy]),
  });
  return search.openedBy === undefined ? EXIT.key : EXIT.done;
}

async function keyIdOf(session: Session, survey: Survey, text: string): Promise<string> {
  const byRole = survey.keys.filter(({ role, usable }) => usable && role === text);
  if (byRole.length === 1) return byRole[0]?.id ?? '';
  if (byRole.length === 0 && isBaseRole(text)) {
    const { KeyError } = await import('../../errors.ts');
    throw new KeyError('KEY_NOT_FOUND', `There is no ${keyName(text)} on this machine`, {
      hint: `Then it is the key that is lost: tabellion recover --lost ${text}`,
    });
  }
  if (byRole.length === 0) {
    const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
    const [id = ''] = await resolveKeyIds(session, [text]);
    return id;
  }
  const { UsageError } = await import('../../errors.ts');
  throw new UsageError(
    'KEY_ID_AMBIGUOUS',
    `${byRole.length} keys here are for ${printable(text)}: ${byRole.map(({ id }) => shortKeyId(id)).join(', ')}`,
    { hint: 'Give the beginning of the ID.', details: { matches: byRole.map(({ id }) => id) } },
  );
}

function searchLines(search: PassphraseSearch, paint: Paint): string[] {
  const { keyId, role, openedBy, openedFile, tried, backups } = search;
  const name = `${keyName(role)} ${shortKeyId(keyId)}`;
  if (openedBy !== undefined) {
    return [
      `${paint.green('✓')} The ${name} is not lost: ${printable(openedBy)} opens ${printable(openedFile ?? '')}`,
      `  Give it a passphrase that you will find again: tabellion key passwd ${shortKeyId(keyId)}`,
    ];
  }
  return [
    `${paint.yellow('!')} Nothing opens the ${name}. Tried: ${tried.map(printable).join('; ')}`,
    ...backups.map(
      ({ file, createdAt }) =>
        `  The backup ${printable(file)} of ${createdAt.slice(0, 10)} holds it as it was then: if its passphrase was changed since, the old one opens that copy (tabellion backup restore)`,
    ),
    `  Ask whoever made the key, and look into your password manager. If all fails, the key is lost: tabellion recover --lost ${shortKeyId(keyId)}`,
  ];
}
