import { printable } from '../../crypto/printable.ts';
import type { RecoveryPath, RecoveryRecord } from '../../operations/recover/record.ts';
import type { Survey } from '../../operations/recover/survey.ts';
import type { ProviderId } from '../../registry/providers.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import type { Choice, Prompts } from '../prompts.ts';
import type { Answer } from './recover-options.ts';

type Event =
  | 'lost'
  | 'compromised'
  | 'passphrase'
  | 'no-key'
  | 'malicious'
  | 'expired'
  | 'drill'
  | 'look';

const EVENTS: readonly Choice<Event>[] = [
  { value: 'lost', name: 'I lost a key' },
  { value: 'compromised', name: 'Somebody else may have a key' },
  { value: 'passphrase', name: 'I lost a passphrase' },
  { value: 'no-key', name: 'Signing says that no key was found' },
  { value: 'malicious', name: 'Docker says “potential malicious behavior”' },
  { value: 'expired', name: 'Metadata has expired' },
  { value: 'look', name: 'I do not know: look' },
  { value: 'drill', name: 'Nothing: I want to practise' },
];

/** The first questions: what happened, and with which key. */
export async function askWhat(
  prompts: Prompts,
  survey: Survey,
  begun: readonly RecoveryRecord[],
): Promise<Answer> {
  const resumable = begun.map(({ id }) => ({
    value: { kind: 'resume', id } as const,
    name: `Carry on with the recovery ${id}`,
  }));
  const event = await prompts.choose<Event | Extract<Answer, { kind: 'resume' }>>(
    'What happened?',
    [...resumable, ...EVENTS],
  );
  if (typeof event === 'object') return event;
  switch (event) {
    case 'lost':
    case 'compromised':
      return { kind: 'key', reason: event, key: await askKey(prompts, survey, event) };
    case 'passphrase':
      return { kind: 'passphrase', key: await askKeyHere(prompts, survey) };
    case 'drill':
    case 'look':
      return { kind: event };
    default:
      return { kind: 'symptom', symptom: event };
  }
}

async function askKey(
  prompts: Prompts,
  survey: Survey,
  event: 'lost' | 'compromised',
): Promise<string> {
  const here = new Set(survey.keys.filter(({ usable }) => usable).map(({ id }) => id));
  const choices = keyChoices(survey, here);
  const sorted =
    event === 'lost'
      ? [...choices].sort((a, b) => Number(here.has(a.value)) - Number(here.has(b.value)))
      : choices;
  const typed = { value: '', name: 'Another one: I have its ID' };
  const id = await prompts.choose('Which key?', [...sorted, typed]);
  return id === '' ? await prompts.text('Its ID, or the beginning:', needed) : id;
}

async function askKeyHere(prompts: Prompts, { keys }: Survey): Promise<string> {
  const choices = keys
    .filter(({ usable, encrypted }) => usable && encrypted)
    .map(({ id, role, gun }) => ({ value: id, name: `${keyName(role, gun)} (${shortKeyId(id)})` }));
  if (choices.length === 0) return await prompts.text('Which key? Its ID:', needed);
  return await prompts.choose('Which key?', choices);
}

/** All keys that some repository trusts, the powerful first. */
function keyChoices(survey: Survey, here: ReadonlySet<string>): Choice<string>[] {
  const found = new Map<string, { role: string; guns: Set<string> }>();
  for (const role of ['root', 'targets', 'snapshot', undefined]) {
    for (const { gun, roles } of survey.repositories) {
      for (const { role: name, keyIds } of roles) {
        if (role === undefined ? !name.includes('/') || name === 'targets/releases' : name !== role)
          continue;
        for (const id of keyIds) {
          const known = found.get(id) ?? { role: name, guns: new Set<string>() };
          known.guns.add(gun);
          found.set(id, known);
        }
      }
    }
  }
  return [...found].map(([id, { role, guns }]) => {
    const [first = ''] = guns;
    const whose = guns.size === 1 ? ` of ${printable(first)}` : ` of ${guns.size} repositories`;
    const place = here.has(id) ? 'here' : 'not on this machine';
    return { value: id, name: `${keyName(role)}${whose} (${shortKeyId(id)}, ${place})` };
  });
}

/** Who runs a registry that does not show it; the answer decides how trust data is deleted there. */
export async function askProvider(prompts: Prompts, domain: string): Promise<ProviderId> {
  return await prompts.choose<ProviderId>(`Who runs ${printable(domain)}?`, [
    { value: 'self-hosted', name: 'We do, with a trust server of our own' },
    { value: 'harbor', name: 'Harbor (before 2.9)' },
    { value: 'msr', name: 'Mirantis Secure Registry (Docker Trusted Registry)' },
    { value: 'azure', name: 'Azure Container Registry' },
    { value: 'ibm-cloud', name: 'IBM Cloud Container Registry' },
    { value: 'docker-hub', name: 'Docker Hub' },
  ]);
}

/** How a leaked root key that is here is replaced. */
export async function askRootPath(prompts: Prompts): Promise<RecoveryPath> {
  return await prompts.choose<RecoveryPath>('The root key is here: how is it replaced?', [
    { value: 'rotate', name: 'By a rotation: consumers follow, nothing is deleted' },
    {
      value: 'anew',
      name: 'The repositories are deleted and made anew: a thief’s root cannot follow, consumers must act',
    },
  ]);
}

/** What is signed again where a leaked key is replaced; undefined: it is ticked, one by one. */
export async function askKeep(
  prompts: Prompts,
  { isDated, canTick }: { readonly isDated: boolean; readonly canTick: boolean },
): Promise<'known' | 'all' | undefined> {
  const known = {
    value: 'known',
    name: 'Only what this machine had verified before that day',
  } as const;
  return await prompts.choose<'known' | 'all' | undefined>('What shall be signed again?', [
    ...(canTick ? [{ value: undefined, name: 'What I tick, in each repository' }] : []),
    ...(isDated ? [known] : []),
    { value: 'all', name: 'Everything as it is: I have looked at it' },
  ]);
}

function needed(typed: string): string | true {
  return typed.length >= 7 ? true : 'at least 7 digits';
}
