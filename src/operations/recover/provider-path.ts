/**
 * How the trust data of repositories under a lost root goes away, by who runs the registry (cli.md 7.1, 7.2): through
 * the trust server's API, or by something that only a person can do there.
 */
import { printable } from '../../crypto/printable.ts';
import {
  endedOn,
  PROVIDERS,
  type Provider,
  type ProviderId,
  stateOf,
} from '../../registry/providers.ts';
import type { RecoveryOptions, RecoveryPath } from './record.ts';

export interface Place {
  readonly domain: string;
  readonly server: string;
  readonly provider: ProviderId;
  /** GUNs under the affected root. */
  readonly repositories: readonly string[];
  /** Known GUNs at the same registry under other roots. */
  readonly others: readonly string[];
}

export interface PathChoice {
  readonly now: Date;
  readonly path?: RecoveryPath;
  readonly account?: string;
}

export function pathChoice({ path, account }: RecoveryOptions, now: Date): PathChoice {
  return {
    now,
    ...(path === undefined ? {} : { path }),
    ...(account === undefined ? {} : { account }),
  };
}

export interface ProviderPath {
  /** `api`: Tabellion deletes, repository by repository; `person`: somebody does, and Tabellion waits for it. */
  readonly removal: 'api' | 'person';
  /** What is done and what it destroys, one sentence each. */
  readonly explanation: readonly string[];
  /** What the person runs, in this order. */
  readonly commands: readonly string[];
  /** Text to send to whoever runs the registry. */
  readonly ticket?: string;
  /** Whether the step also deletes trust data under other roots. */
  readonly deletesOthers: boolean;
  /** What to restart or run where images are consumed, beyond what holds everywhere. */
  readonly consumerCommands: readonly string[];
}

/** The path for one registry. */
export function providerPath(place: Place, choice: PathChoice): ProviderPath {
  const provider = providerById(place.provider);
  const path = PATHS[place.provider](place, choice);
  const state = stateOf(provider, choice.now);
  const ended = endedOn(provider, choice.now);
  return {
    ...path,
    explanation: [
      ...path.explanation,
      ...(state === undefined ? [] : [state]),
      ...(ended === undefined
        ? []
        : [
            'There is nothing left there to make new repositories on: see --server for a trust server of your own.',
          ]),
    ],
  };
}

export function providerById(id: ProviderId): Provider {
  return PROVIDERS.find(provider => provider.id === id) as Provider;
}

const PATHS: Readonly<Record<ProviderId, (place: Place, choice: PathChoice) => ProviderPath>> = {
  'ibm-cloud': ibmCloud,
  azure,
  'docker-hub': dockerHub,
  harbor: place =>
    byApi(place, 'Harbor’s trust server deletes trust data for project administrators.'),
  msr: place =>
    byApi(
      place,
      'The trust server of Mirantis Secure Registry deletes trust data for who may administer the repository.',
    ),
  'self-hosted': place =>
    byApi(
      place,
      'The trust server deletes trust data for who has the right “*” to the repository.',
    ),
};

function byApi({ server }: Place, who: string): ProviderPath {
  return {
    removal: 'api',
    explanation: [
      `Tabellion deletes the trust data of each repository on ${printable(server)} and makes the new one at once: each is without signatures for seconds only.`,
      `${who} If the server refuses your login, the recovery waits, and the text for its operator is written out.`,
    ],
    commands: [],
    ticket: operatorTicket(server),
    deletesOthers: false,
    consumerCommands: [],
  };
}

function operatorTicket(server: string): string {
  return `Subject: please delete the trust data of the repositories below

The root key of these repositories on ${printable(server)} can no longer be used. No
new root can follow the old one, so their trust data (not their images) has to be
deleted: with “notary delete --remote <repository>”, or by an HTTP DELETE of
/v2/<repository>/_trust/tuf/ with administrator rights.`;
}

const namespaceOf = (domain: string, gun: string): string =>
  gun.slice(domain.length + 1).split('/', 1)[0] ?? '';

function namespacesOf(domain: string, guns: readonly string[]): string[] {
  return [...new Set(guns.map(gun => namespaceOf(domain, gun)))].sort();
}

function ibmCloud(place: Place, { path, account }: PathChoice): ProviderPath {
  const { domain, repositories, others } = place;
  const namespaces = namespacesOf(domain, repositories);
  const shared = namespacesOf(domain, others).filter(name => namespaces.includes(name));
  const restart = [
    '# Image Enforcement remembers the old root: restart it in every cluster',
    'kubectl rollout restart deployment cise-ibmcloud-image-enforcement -n ibm-system',
    'kubectl get pods -n ibm-system -l app=ibmcloud-image-enforcement   # until one is Running',
    '# with Portieris instead',
    'kubectl rollout restart deployment portieris -n portieris',
  ];
  if (path === 'namespace') {
    return {
      removal: 'person',
      explanation: [
        `Deleting the namespaces ${namespaces.map(name => printable(name)).join(', ')} deletes their images too: push them again before they are signed again.`,
        ...(shared.length === 0
          ? []
          : [
              `Do not do it for ${shared.map(name => printable(name)).join(', ')}: it also holds repositories under other roots. Open the ticket instead (--path ticket).`,
            ]),
      ],
      commands: namespaces
        .filter(name => !shared.includes(name))
        .flatMap(name => [
          `ibmcloud cr namespace-rm ${shellWord(name)}`,
          `ibmcloud cr namespace-add ${shellWord(name)}`,
        ]),
      deletesOthers: false,
      consumerCommands: restart,
    };
  }
  return {
    removal: 'person',
    explanation: [
      'IBM’s support deletes the trust data of the repositories under this root, and nothing else; images stay.',
      'Until then nothing can be changed in them; what is signed stays verifiable.',
    ],
    commands: ['ibmcloud account show   # your account ID', 'ibmcloud cr namespace-list'],
    ticket: `Subject: lost or compromised root key for trusted content

The root key for trusted content of our account can no longer be used. Please
delete the trust data (not the images) of the repositories under that root key.

Account ID: ${account === undefined ? '<your account ID: ibmcloud account show>' : printable(account)}
Registry: ${printable(domain)}
Namespaces with repositories under the affected root key:
${namespaces.map(name => `  ${printable(name)}`).join('\n')}`,
    deletesOthers: false,
    consumerCommands: restart,
  };
}

/** From this day on a registry without content trust gets none: disabling it may be for ever. */
const AZURE_CLOSED = '2026-05-31';

function azure(place: Place, { now }: PathChoice): ProviderPath {
  const { domain, others } = place;
  const name = domain.split('.', 1)[0] ?? domain;
  const isClosed = now.toISOString().slice(0, 10) >= AZURE_CLOSED;
  const closed = [
    `Since ${AZURE_CLOSED} Azure refuses to enable content trust for a registry that does not have it (“ContentTrustUnsupported”). Ask Microsoft’s support, before you disable it, whether yours can be enabled again: else nothing in it can be signed any more.`,
  ];
  return {
    removal: 'person',
    explanation: [
      ...(isClosed ? closed : []),
      `Disabling content trust for the registry ${printable(name)} deletes all trust data of all its repositories, irrevocably; images stay.`,
      others.length === 0
        ? 'No repository under another root is known there on this machine; other people may have some.'
        : `That includes repositories under other roots: ${others.map(gun => printable(gun)).join(', ')}. They are recorded too, and made again under their own roots where those are here.`,
    ],
    commands: [
      `az acr config content-trust update --registry ${shellWord(name)} --status disabled`,
      `az acr config content-trust update --registry ${shellWord(name)} --status enabled`,
      `az acr config content-trust show --registry ${shellWord(name)}`,
    ],
    ...(isClosed
      ? {
          ticket: `Subject: content trust of registry ${name}: root key lost, trust data to be reset

The root key of Docker Content Trust for the registry ${name} can no longer be used.
The documented way is to disable and enable content trust, which deletes its trust
data. Since ${AZURE_CLOSED} enabling is refused. Please confirm that content trust can be
enabled again for this registry after it was disabled, or delete the trust data of
the repositories below yourselves.`,
        }
      : {}),
    deletesOthers: true,
    consumerCommands: [],
  };
}

function dockerHub({ repositories }: Place): ProviderPath {
  return {
    removal: 'person',
    explanation: [
      'Docker’s support deletes the trust data of the repositories; images stay.',
      'Until then nothing can be changed in them; what is signed stays verifiable.',
    ],
    commands: ['# write to https://hub.docker.com/support/contact/'],
    ticket: `Subject: Docker Content Trust: root key lost, please reset the trust data

The root key of Docker Content Trust for ${repositories.length === 1 ? 'the repository below' : 'the repositories below'} can no longer be used.
Please delete the trust data (not the images) on notary.docker.io. We can
prove that we own the account by the mail address it is registered with.`,
    deletesOthers: false,
    consumerCommands: [],
  };
}

/** Ticket texts end with the list of repositories, whatever the provider. */
export function ticketText(
  path: ProviderPath,
  repositories: readonly string[],
): string | undefined {
  if (path.ticket === undefined) return undefined;
  return `${path.ticket}\n\nRepositories:\n${repositories.map(gun => `  ${printable(gun)}`).join('\n')}\n`;
}

/** A word for a shell, quoted when it must be. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
