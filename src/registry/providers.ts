/** What is known of the services that run registries with trust servers (cli.md 7.1). Dates are theirs. */

export type ProviderId = 'docker-hub' | 'azure' | 'ibm-cloud' | 'harbor' | 'msr' | 'self-hosted';

/** A day in the life of a provider's content trust. */
export interface Milestone {
  /** First day, as in `2026-12-08`. */
  readonly date: string;
  /** Last day, of something that passes. */
  readonly until?: string;
  /** Before the day: a sentence without its end, to which “on …” is added. */
  readonly before: string;
  /** From the day on, likewise. */
  readonly after: string;
  /** Whether the trust server is gone from that day on. */
  readonly ends?: boolean;
}

export interface Provider {
  readonly id: ProviderId;
  readonly name: string;
  /**
   * The trust server that has to be named, because it is not the one that is taken without it.
   * @param domain the registry
   */
  readonly overrideFor?: (domain: string) => string;
  /** In the order of their days. */
  readonly milestones: readonly Milestone[];
  readonly login: (domain: string) => string;
  /** What to try, by what happened. */
  readonly advice: Readonly<Partial<Record<FailureKind, (subject: AdviceSubject) => string>>>;
}

/** What happened, as far as providers differ in it. */
export type FailureKind =
  | 'login-missing'
  | 'login-refused'
  | 'denied'
  | 'host-unknown'
  | 'unreachable'
  | 'tls-untrusted'
  | 'token-server-down'
  | 'not-found'
  | 'no-trust-data';

export interface AdviceSubject {
  readonly domain: string;
  /** Repository without its domain, where one is concerned. */
  readonly path?: string;
  /** Whether the trust server failed, not the registry. */
  readonly trustServer: boolean;
}

/** What a server showed of itself by the way it asks for a login. */
export interface ChallengeFacts {
  readonly realm?: string;
  readonly service?: string;
}

const accountOf = (domain: string): string => domain.split('.', 1)[0] ?? domain;
const namespaceOf = (path: string | undefined): string => path?.split('/', 1)[0] ?? '';

const DOCKER_HUB: Provider = {
  id: 'docker-hub',
  name: 'Docker Hub',
  milestones: [
    {
      date: '2026-07-14',
      until: '2026-07-15',
      before: 'Docker has announced to switch signing off for a test',
      after: 'Docker switched signing off for a test',
    },
    {
      date: '2026-08-10',
      until: '2026-08-12',
      before: 'Docker has announced to switch its trust server off for a test',
      after: 'Docker switched its trust server off for a test',
    },
    {
      date: '2026-12-08',
      before: 'Docker will switch its trust server notary.docker.io off',
      after: "Docker's trust server notary.docker.io was switched off",
      ends: true,
    },
  ],
  login: () => 'Log in with “docker login”; a personal access token serves as the password.',
  advice: {
    'login-refused': () =>
      'With two-factor authentication, Docker Hub takes only a personal access token as the password.',
    denied: ({ domain, path }) =>
      `Docker Hub says the same of a repository that does not exist and of one that this user may not use: check that ${domain}/${path ?? '…'} exists, that the user or its team may write to it, and that an access token is not read-only.`,
    'not-found': ({ path }) =>
      `Check that “${namespaceOf(path)}” is the name of a user or organisation; to strangers Docker Hub denies that private repositories exist.`,
  },
};

const AZURE: Provider = {
  id: 'azure',
  name: 'Azure Container Registry',
  milestones: [
    {
      date: '2025-03-31',
      before: 'Azure will deprecate content trust',
      after: 'Azure deprecated content trust',
    },
    {
      date: '2026-05-31',
      before: 'Azure will close content trust to registries that do not have it yet',
      after: 'Azure closed content trust to registries that did not have it yet',
    },
    {
      date: '2028-03-31',
      before: 'Azure will remove content trust',
      after: 'Azure removed content trust',
      ends: true,
    },
  ],
  login: domain =>
    `Log in with “az acr login --name ${accountOf(domain)}”, or with “docker login ${domain}” as a service principal.`,
  advice: {
    'login-refused': () =>
      'What “az acr login” leaves behind is good for about three hours; the secret of a service principal expires too.',
    denied: ({ trustServer }) =>
      trustServer
        ? "To sign at Azure, a user or service principal needs the roles AcrImageSigner and AcrPush; the admin user and tokens for single repositories cannot sign. A new role takes up to ten minutes to count: log out, wait, log in again. A rule of the registry's firewall also answers so."
        : "Azure asks for the role AcrPull to read and AcrPush to write; a new role takes up to ten minutes to count. A rule of the registry's firewall also answers so.",
    'host-unknown': ({ domain }) =>
      `There is no Azure registry of the name ${accountOf(domain)}, or it is in another of Azure's clouds, or reached by a private endpoint alone.`,
    'not-found': () => 'At Azure a repository comes into being with its first push.',
    'no-trust-data': ({ domain }) =>
      `At Azure content trust belongs to the Premium tier and is off at first: “az acr config content-trust show --registry ${accountOf(domain)}” tells.`,
  },
};

const IBM_CLOUD: Provider = {
  id: 'ibm-cloud',
  name: 'IBM Cloud Container Registry',
  overrideFor: domain => `https://${domain}:4443`,
  milestones: [
    {
      date: '2021-07-08',
      before: 'IBM will deprecate its trust servers',
      after: 'IBM deprecated its trust servers',
    },
    {
      date: '2021-11-01',
      before: 'IBM will switch its trust servers off',
      after: "IBM's trust servers were switched off",
      ends: true,
    },
  ],
  login: domain =>
    `Log in with “ibmcloud cr login”, or with “docker login -u iamapikey ${domain}” and an API key as the password.`,
  advice: {
    'login-refused': () =>
      'What “ibmcloud cr login” leaves behind expires within hours; an API key (user iamapikey) lasts until it is deleted.',
    denied: ({ path }) =>
      `At IBM Cloud this is a missing policy for the namespace ${namespaceOf(path)}, an expired login, or an exceeded quota (“ibmcloud cr quota”).`,
    'not-found': ({ path }) =>
      `See with “ibmcloud cr namespace-list” whether the namespace ${namespaceOf(path)} exists in this region; “ibmcloud cr namespace-add” makes it.`,
  },
};

const HARBOR: Provider = {
  id: 'harbor',
  name: 'Harbor',
  overrideFor: domain => `https://${domain.replace(/:\d+$/, '')}:4443`,
  milestones: [],
  login: domain =>
    `Log in with “docker login ${domain}”: with OpenID Connect the password is the CLI secret of the user's profile; robot accounts are called robot$name.`,
  advice: {
    'login-refused': () =>
      'At Harbor the password of a user who comes by OpenID Connect is the CLI secret of the profile; robot accounts expire.',
    denied: ({ path }) =>
      `At Harbor the user or robot has to be a member of the project ${namespaceOf(path)}, with the right to push in order to sign.`,
    'not-found': ({ path }) =>
      `At Harbor the project ${namespaceOf(path)} has to be made before anything is pushed to it.`,
    'host-unknown': () => 'Harbor has no trust server any more from version 2.9 on (2023).',
    unreachable: () => 'Harbor has no trust server any more from version 2.9 on (2023).',
    'no-trust-data': () => 'Harbor has no trust server any more from version 2.9 on (2023).',
    'tls-untrusted': () =>
      "Harbor offers its authority's certificate in the project's pages, as “Registry Certificate”.",
  },
};

const MSR: Provider = {
  id: 'msr',
  name: 'Mirantis Secure Registry',
  milestones: [
    {
      date: '2027-03-24',
      before: 'The last version of Mirantis Secure Registry with content trust, 2.9, ends',
      after: 'The last version of Mirantis Secure Registry with content trust, 2.9, ended',
    },
  ],
  login: domain => `Log in with “docker login ${domain}”; an access token serves as the password.`,
  advice: {
    denied: ({ path }) =>
      `At Mirantis Secure Registry the user or its team needs the right to write to ${path ?? 'the repository'}.`,
    'not-found': ({ path }) =>
      `At Mirantis Secure Registry a repository has to be made before anything is pushed to it; check the namespace ${namespaceOf(path)}.`,
    'tls-untrusted': ({ domain }) =>
      `A Mirantis Secure Registry hands out its authority at https://${domain}/ca: compare it with its administrator before you trust it.`,
  },
};

const SELF_HOSTED: Provider = {
  id: 'self-hosted',
  name: "a registry of one's own",
  milestones: [],
  login: domain => `Log in with “docker login ${domain}”.`,
  advice: {
    'no-trust-data': () =>
      "If the trust server is not at the registry's own address, name it with --server or DOCKER_CONTENT_TRUST_SERVER.",
  },
};

/** All of them; the last one is what remains. */
export const PROVIDERS: readonly Provider[] = [
  DOCKER_HUB,
  AZURE,
  IBM_CLOUD,
  HARBOR,
  MSR,
  SELF_HOSTED,
];

const HOSTS: readonly (readonly [RegExp, Provider])[] = [
  [/^(?:docker\.io|index\.docker\.io|registry-1\.docker\.io|notary\.docker\.io)$/, DOCKER_HUB],
  [/^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.azurecr\.(?:io|cn|us|de)$/, AZURE],
  [/^(?:[a-z0-9-]+\.)*icr\.io$/, IBM_CLOUD],
  [/^registry(?:\.[a-z0-9-]+)?\.bluemix\.net$/, IBM_CLOUD],
];

/**
 * Who runs a registry: told by its name, else by the way in which it asks for a login.
 * @param domain the registry as in an image reference
 */
export function providerOf(domain: string, challenge: ChallengeFacts = {}): Provider {
  const host = domain.toLowerCase().replace(/:\d+$/, '');
  const known = HOSTS.find(([pattern]) => pattern.test(host));
  if (known !== undefined) return known[1];
  if (/^harbor-(?:registry|notary)$/.test(challenge.service ?? '')) return HARBOR;
  const { realm = '' } = challenge;
  if (!URL.canParse(realm)) return SELF_HOSTED;
  const { pathname, host: realmHost } = new URL(realm);
  if (pathname === '/service/token') return HARBOR;
  return pathname === '/auth/token' && realmHost === domain ? MSR : SELF_HOSTED;
}

/**
 * How a provider's content trust stands on a day: what has happened last, and what comes next. Undefined when nothing
 * is known.
 */
export function stateOf({ milestones }: Provider, now: Date): string | undefined {
  const today = now.toISOString().slice(0, 10);
  const current = milestones.find(
    ({ date, until }) => until !== undefined && date <= today && today <= until,
  );
  const lasting = milestones.filter(({ until }) => until === undefined || until >= today);
  const last = lasting.filter(({ date }) => date <= today).at(-1);
  const next = lasting.find(({ date }) => date > today);
  const sentences = [
    ...(current === undefined
      ? []
      : [`${current.after} from ${current.date} to ${current.until}.`]),
    ...(last === undefined || last === current ? [] : [`${last.after} on ${last.date}.`]),
    ...(next === undefined ? [] : [`${next.before} on ${next.date}.`]),
  ];
  return sentences.length === 0 ? undefined : sentences.join(' ');
}

/** The day from which on a provider has no trust server any more, if that is over. */
export function endedOn({ milestones }: Provider, now: Date): string | undefined {
  const today = now.toISOString().slice(0, 10);
  return milestones.find(({ ends, date }) => ends === true && date <= today)?.date;
}
