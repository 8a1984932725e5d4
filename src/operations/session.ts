/**
 * What every operation works with: where trust data and keys lie, which servers to ask, one fixed time.
 */
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import type { Authorizer, Credentials } from '../http/authorization.ts';
import { type LoginAuthorizerOptions, loginAuthorizer } from '../http/login-authorizer.ts';
import { createTransport, type HttpTransport, type TlsMaterial } from '../http/transport.ts';
import type { GeneratedPassphrasesOptions } from '../keys/generated-passphrases.ts';
import { keyFileName } from '../keys/key-files.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Keychain } from '../keys/keychain.ts';
import type { Remembering } from '../keys/keychain-passphrases.ts';
import type { PassphraseSearch, PassphraseSource, PassphraseSubject } from '../keys/passphrase.ts';
import type { PassphrasePrompt } from '../keys/prompt-passphrases.ts';
import { certificateFolders } from '../registry/certificate-folders.ts';
import {
  type DockerConfig,
  defaultDockerConfigDir,
  loadDockerConfig,
} from '../registry/docker-config.ts';
import type { ImageReference } from '../registry/image-reference.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import type { RepositoryDir } from '../trust-dir/repository-dir.ts';
import { defaultTrustDir, TrustDir } from '../trust-dir/trust-dir.ts';
import { TrustServerClient } from '../trust-server/client.ts';
import {
  type NotaryConfig,
  readNotaryConfig,
  readNotaryConfigIfPresent,
} from '../trust-server/notary-config.ts';
import { loadTrustPinning } from '../trust-server/pinned-authorities.ts';
import { serverAuthority, trustServerUrl } from '../trust-server/server-url.ts';
import { loadTlsMaterial } from '../trust-server/tls-files.ts';
import { checkGun } from '../tuf/gun.ts';
import { NO_PINNING, type TrustPinning } from '../tuf/pinning.ts';
import { explainFailure } from './explain-failure.ts';
import { type GivenLogin, type LoginSource, Logins } from './login.ts';
import type { GivenPassphrase } from './passphrases/given-passphrase.ts';
import { findOwnPin, withOwnPin } from './thumbprints/own-pins.ts';

export type { PassphrasePrompt, PassphraseQuestion } from '../keys/prompt-passphrases.ts';
export type { GivenLogin } from './login.ts';
export type { GivenPassphrase } from './passphrases/given-passphrase.ts';

export interface ProgressEvent {
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
}

export interface SessionOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly trustDir?: string;
  /** The trust server, instead of the registry's own. */
  readonly server?: string;
  /** Files with PEM. */
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Whether `tlsCa` counts instead of the system's authorities, not beside them. */
  readonly tlsCaReplacesSystem?: boolean;
  /** Whether Docker's configuration counts: its TLS folders and its logins. Default true. */
  readonly useDockerConfig?: boolean;
  /** Notary's configuration file; the default one counts when it exists. */
  readonly notaryConfig?: string;
  /** Trust pins that are read already: Notary's configuration is not looked at then. */
  readonly trustPinning?: TrustPinning;
  readonly now: () => Date;
  /** Told each step, for `--verbose`; never a secret. */
  readonly log: (step: string) => void;
  readonly progress: (event: ProgressEvent) => void;
  /** Told what a person should know at once though nothing failed; default `log`. Never a secret. */
  readonly notice?: (line: string) => void;
  /** Where to find the passphrases, before the environment is looked at. */
  readonly givenPassphrase?: GivenPassphrase;
  /** Asks a person; absent where there is none. */
  readonly askPassphrase?: PassphrasePrompt;
  /**
   * New keys get generated passphrases, which go to the keychain and are shown once. `show` is absent where there is no
   * terminal: then a keychain has to take them.
   */
  readonly generatedPassphrases?: Pick<GeneratedPassphrasesOptions, 'show'>;
  /** Opens the system's keychain, when it is first needed; absent where it is not to be used. */
  readonly openKeychain?: () => Promise<Keychain>;
  /** Whether typed passphrases are kept in the keychain; default `ask`. */
  readonly remembering?: Remembering;
  /** Asks the person whether to keep one; absent where there is none. */
  readonly askRemember?: (key: PassphraseSubject) => Promise<boolean>;
  /** Told after each look for a passphrase who was asked, and what came of it. Never a passphrase. */
  readonly onPassphraseSearch?: (search: PassphraseSearch) => void;
  /** Where passphrases come from, instead of the environment, the keychain and `askPassphrase`. */
  readonly passphraseSources?: (session: Session) => Promise<readonly PassphraseSource[]>;
  /** Asks for a login when the trust server wants one and none is configured; undefined: go on without. */
  readonly askCredentials?: () => Promise<Credentials | undefined>;
  /** A login for registry and trust server that comes before all that is configured. */
  readonly login?: GivenLogin;
  /**
   * Registries, as `host[:port]`, whose certificate is not checked and that may be reached by plain HTTP; those of
   * `TABELLION_INSECURE_REGISTRIES` count too. Never a trust server.
   */
  readonly insecureRegistries?: readonly string[];
  /** Longest time for a credential helper of Docker's; default a minute. */
  readonly credentialHelperTimeoutMs?: number;
}

/** One repository as this machine has it: its name, its place on disk, and which server would be asked. */
export interface LocalRepository {
  readonly gun: string;
  /** The registry that it lies in. */
  readonly domain: string;
  readonly server: string;
  readonly dir: RepositoryDir;
  readonly pinning: TrustPinning;
}

/** One repository: its name, its trust server, its place on disk. */
export interface RepositoryAccess extends LocalRepository {
  readonly remote: TrustServerClient;
}

/**
 * Opens a session. Nothing is read or asked until an operation needs it.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  return new Session(options);
}

/** Docker's rule for the first part of a name: a registry's has a dot or a port, or is `localhost`. */
function registryDomain(gun: string): string {
  const [first = ''] = gun.split('/');
  return /[.:]/.test(first) || first === 'localhost' ? first : 'docker.io';
}

/** How to hand over a login: the registry's counts for its trust server too (cli.md 4.2). */
function loginAdvice(domain: string, server: 'registry' | 'trust server'): string {
  const registry = domain === 'docker.io' ? '' : ` ${printable(domain)}`;
  const variable = server === 'trust server' ? ', or set NOTARY_AUTH' : '';
  return `Log in with “docker login${registry}”${variable}.`;
}

/** Where a private key lies. */
export function keyFile(session: Session, id: string): string {
  return join(session.trustDir.privateDir, keyFileName(id));
}

export class Session {
  readonly options: SessionOptions;
  /** One time for the whole run: no check sees another one than the one before. */
  readonly now: Date;
  readonly trustDir: TrustDir;
  private readonly transports = new Map<string, Promise<HttpTransport>>();
  private keyStore: Promise<KeyStore> | undefined;
  private sources: Promise<readonly PassphraseSource[]> | undefined;
  private openedKeychain: Promise<Keychain | undefined> | undefined;
  private docker: Promise<DockerConfig> | undefined;
  private notary: Promise<NotaryConfig | undefined> | undefined;
  private pins: Promise<TrustPinning> | undefined;
  private readonly logins: Logins;
  /** One for each server and registry: what a server has asked for, and its tokens, hold for the whole run. */
  private readonly authorizers = new Map<string, Authorizer>();

  constructor(options: SessionOptions) {
    this.options = options;
    this.now = options.now();
    const path = options.trustDir ?? defaultTrustDir(options.env, options.home, process.platform);
    this.trustDir = new TrustDir(path, {
      now: options.now,
      onWait: (gun, holder) =>
        this.progress({
          message: `waiting for another process that changes ${gun} (${holder}); one that died is waited for 10 s`,
        }),
    });
    this.logins = new Logins(
      options,
      options.useDockerConfig === false ? undefined : () => this.dockerConfig(),
    );
  }

  log(step: string): void {
    this.options.log(step);
  }

  progress(event: ProgressEvent): void {
    this.options.progress(event);
  }

  get dockerConfigDir(): string {
    return defaultDockerConfigDir(this.options.env, this.options.home);
  }

  /** The private keys. */
  keys(): Promise<KeyStore> {
    this.keyStore ??= this.openKeys();
    return this.keyStore;
  }

  /** The system's keychain; undefined where it is not to be used. Whether it answers shows when it is asked. */
  keychain(): Promise<Keychain | undefined> {
    this.openedKeychain ??= this.options.openKeychain?.() ?? Promise.resolve(undefined);
    return this.openedKeychain;
  }

  /** Where passphrases come from, for keys in the store and in other files. */
  passphrases(): Promise<readonly PassphraseSource[]> {
    this.sources ??= import('./keys/open-key-store.ts').then(module =>
      module.passphraseSources(this),
    );
    return this.sources;
  }

  /** The trust server of a registry. */
  serverOf(domain: string): string {
    const { server, env } = this.options;
    return trustServerUrl(domain, server ?? env.DOCKER_CONTENT_TRUST_SERVER);
  }

  /** The trust data of an image's repository. */
  async repository(image: ImageReference): Promise<RepositoryAccess> {
    return await this.access(image.repository, image.domain);
  }

  /**
   * The trust data of any GUN, which need not be the name of an image.
   * @param server a trust server that is known to have it; by default the one that its registry names
   * @throws UsageError `GUN_INVALID`
   */
  async repositoryByGun(gun: string, server?: string): Promise<RepositoryAccess> {
    return await this.access(gun, registryDomain(gun), server);
  }

  /**
   * A repository without its server: no login is looked for, no TLS file is read.
   * @throws UsageError `GUN_INVALID`
   */
  async localRepository(gun: string): Promise<LocalRepository> {
    return await this.local(gun, registryDomain(gun));
  }

  private async local(
    gun: string,
    domain: string,
    server = this.serverOf(domain),
  ): Promise<LocalRepository> {
    checkGun(gun);
    const dir = this.trustDir.repository(gun);
    const pin = await findOwnPin(this.trustDir.own, gun, server);
    return { gun, domain, server, dir, pinning: withOwnPin(await this.pinning(), pin) };
  }

  private async access(
    gun: string,
    domain: string,
    knownServer?: string,
  ): Promise<RepositoryAccess> {
    const local = await this.local(gun, domain, knownServer);
    const { server } = local;
    const authorizer = this.trustServerAuthorizer(
      domain,
      server,
      await this.logins.atTrustServer(domain),
    );
    const remote = new TrustServerClient({
      url: server,
      gun,
      transport: await this.transport(`trust server ${serverAuthority(server)}`, () =>
        this.trustServerTls(server),
      ),
      authorizer,
      log: step => this.log(step),
      explain: error => explainFailure(error, { domain, server, gun, now: this.now }),
    });
    return { ...local, remote };
  }

  /** The registry that an image lies in. */
  async registry(domain: string): Promise<RegistryClient> {
    const { RegistryClient } = await import('../registry/registry-client.ts');
    const login = await this.logins.atRegistry(domain);
    const makeAuthorizer = (origin: string): Authorizer =>
      this.registryAuthorizer(domain, origin, login);
    const tls = (): Promise<TlsMaterial> => this.registryTls(domain);
    return new RegistryClient({
      transport: await this.transport(`registry ${domain}`, tls, this.isInsecure(domain)),
      elsewhere: url => this.storageTransport(url.host, domain),
      authorizer: makeAuthorizer,
      domain,
      insecure: this.isInsecure(domain),
      explain: error => explainFailure(error, { domain, now: this.now }),
    });
  }

  /** Whether a registry was declared to be one that need not prove who it is. */
  isInsecure(domain: string): boolean {
    const { env, insecureRegistries = [] } = this.options;
    const inEnvironment = env.TABELLION_INSECURE_REGISTRIES?.split(/[\s,]+/) ?? [];
    const declared = [...insecureRegistries, ...inEnvironment];
    return declared.some(host => host.toLowerCase() === domain.toLowerCase());
  }

  /** Name of the person at an image's registry, as `docker login` left it. */
  async userName(domain: string): Promise<string | undefined> {
    return await this.logins.userName(domain);
  }

  async close(): Promise<void> {
    for (const transport of this.transports.values())
      (await transport.catch(() => undefined))?.close();
  }

  private async openKeys(): Promise<KeyStore> {
    const { openKeyStore } = await import('./keys/open-key-store.ts');
    return openKeyStore(this.trustDir.privateDir, await this.passphrases(), this.options.env);
  }

  /** Notary's configuration file: the one that was named, or the default one, which need not exist. */
  get notaryConfigFile(): string {
    return this.options.notaryConfig ?? join(this.options.home, '.notary', 'config.json');
  }

  /** Has Notary's configuration read anew when it is needed next: this program has changed it. */
  configurationChanged(): void {
    this.notary = undefined;
    this.pins = undefined;
  }

  private get usesDockerConfig(): boolean {
    return this.options.useDockerConfig !== false;
  }

  private dockerConfig(): Promise<DockerConfig> {
    this.docker ??= loadDockerConfig(this.dockerConfigDir);
    return this.docker;
  }

  /** Notary's configuration: the file that was named, or the default one if there is one. */
  private notaryConfig(): Promise<NotaryConfig | undefined> {
    const { notaryConfig, home } = this.options;
    this.notary ??=
      notaryConfig === undefined
        ? readNotaryConfigIfPresent(join(home, '.notary', 'config.json'), { home })
        : readNotaryConfig(notaryConfig, { home });
    return this.notary;
  }

  /** What this machine demands of roots: it needs no server. */
  async pinning(): Promise<TrustPinning> {
    const { trustPinning } = this.options;
    if (trustPinning !== undefined) return trustPinning;
    this.pins ??= this.notaryConfig().then(async config => {
      for (const warning of config?.warnings ?? []) this.log(warning);
      return config === undefined ? NO_PINNING : await loadTrustPinning(config.trustPinning);
    });
    return await this.pins;
  }

  private async trustServerTls(server: string): Promise<TlsMaterial> {
    const { tlsCa, tlsCert, tlsKey, tlsCaReplacesSystem = false, trustPinning } = this.options;
    const remote =
      trustPinning === undefined ? (await this.notaryConfig())?.remoteServer : undefined;
    // The certificates of Notary's configuration are for the server that it names, and no other.
    const same =
      remote?.url !== undefined && serverAuthority(remote.url) === serverAuthority(server);
    const ca = tlsCa ?? (same ? remote.rootCa : undefined);
    const cert = tlsCert ?? (same ? remote.tlsClientCert : undefined);
    const key = tlsKey ?? (same ? remote.tlsClientKey : undefined);
    return await loadTlsMaterial({
      ...(this.usesDockerConfig ? { dockerConfigDir: this.dockerConfigDir } : {}),
      host: serverAuthority(server),
      caReplacesSystem: tlsCaReplacesSystem,
      ...(ca === undefined ? {} : { tlsCa: ca }),
      ...(cert === undefined ? {} : { tlsCert: cert }),
      ...(key === undefined ? {} : { tlsKey: key }),
    });
  }

  /** A registry has its certificates in the folders of container tools; flags are for the trust server alone. */
  private async registryTls(domain: string): Promise<TlsMaterial> {
    const { env, home } = this.options;
    const material = await loadTlsMaterial({
      dockerConfigDir: this.dockerConfigDir,
      host: domain,
      machineFolders: certificateFolders({ domain, home, env, platform: process.platform }),
    });
    return this.isInsecure(domain) ? { ...material, skipVerification: true } : material;
  }

  /** To a host that a registry sends on to: with its own certificates, and the authorities of the registry beside them. */
  private async storageTransport(host: string, domain: string): Promise<HttpTransport> {
    const tls = async (): Promise<TlsMaterial> => {
      const [own, registry] = [await this.registryTls(host), await this.registryTls(domain)];
      const ca = [...(own.ca ?? []), ...(registry.ca ?? [])];
      return { ...own, ...(ca.length === 0 ? {} : { ca }) };
    };
    return await this.transport(`${host} for registry ${domain}`, tls, this.isInsecure(domain));
  }

  private trustServerAuthorizer(domain: string, server: string, login: LoginSource): Authorizer {
    const { options } = this;
    return this.authorizer({
      domain,
      origin: new URL(server).origin,
      login,
      tokenTransport: realm => this.tokenTransport(realm, serverAuthority(server), server),
      now: () => options.now().getTime(),
      server: 'trust server',
      advice: loginAdvice(domain, 'trust server'),
      anonymousReads: options.askCredentials !== undefined,
      log: step => this.log(step),
    });
  }

  private authorizer({
    domain,
    ...options
  }: LoginAuthorizerOptions & { readonly domain: string }): Authorizer {
    const key = `${options.server} ${options.origin} ${domain}`;
    let authorizer = this.authorizers.get(key);
    if (authorizer === undefined) {
      authorizer = loginAuthorizer(options);
      this.authorizers.set(key, authorizer);
    }
    return authorizer;
  }

  private registryAuthorizer(domain: string, origin: string, login: LoginSource): Authorizer {
    return this.authorizer({
      domain,
      origin,
      login,
      tokenTransport: realm => this.tokenTransport(realm, domain),
      now: () => this.options.now().getTime(),
      server: 'registry',
      insecure: this.isInsecure(domain),
      advice: loginAdvice(domain, 'registry'),
      log: step => this.log(step),
    });
  }

  /**
   * To a token server: with the authorities of the server that sends there, beside those of its own folder and the
   * system's. The client certificate is for that server alone.
   */
  private async tokenTransport(
    realm: URL,
    host: string,
    trustServer?: string,
  ): Promise<HttpTransport> {
    const insecure = trustServer === undefined && this.isInsecure(host);
    const tls = async (): Promise<TlsMaterial> => {
      const owner =
        trustServer === undefined
          ? await this.registryTls(host)
          : await this.trustServerTls(trustServer);
      if (realm.host === host) return owner;
      const own = this.usesDockerConfig
        ? await loadTlsMaterial({ dockerConfigDir: this.dockerConfigDir, host: realm.host })
        : {};
      const ca = [...(own.ca ?? []), ...(owner.ca ?? [])];
      return { ...own, ...(ca.length === 0 ? {} : { ca }) };
    };
    return await this.transport(`token server ${realm.host} for ${host}`, tls, insecure);
  }

  private transport(
    name: string,
    tls: () => Promise<TlsMaterial>,
    allowInsecure = false,
  ): Promise<HttpTransport> {
    let transport = this.transports.get(name);
    if (transport === undefined) {
      transport = tls().then(material =>
        createTransport({
          tls: material,
          env: this.options.env,
          allowInsecure,
          log: line => this.log(line),
        }),
      );
      this.transports.set(name, transport);
    }
    return transport;
  }
}
