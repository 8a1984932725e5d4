/** Who a session is at a registry and at the trust server that stands for it. */
import { printable } from '../crypto/printable.ts';
import { OperationError, UsageError } from '../errors.ts';
import type { Credentials } from '../http/authorization.ts';
import type { Login } from '../http/login.ts';
import type { askCredentialHelper } from '../registry/credential-helper.ts';
import {
  credentialsFor,
  type DockerConfig,
  namesLogins,
  parseDockerAuthConfig,
  type RegistryCredentials,
  serverFor,
} from '../registry/docker-config.ts';
import { parseNotaryAuth } from '../trust-server/notary-auth.ts';

/** A login that was given with the command: it comes before all others. */
export interface GivenLogin {
  readonly username: string;
  /** Asked once, and only when a server wants the login. */
  readonly password: () => Promise<string>;
  /** Where it was given, for messages: an option's name. */
  readonly source: string;
}

export interface LoginOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly login?: GivenLogin;
  readonly askCredentials?: () => Promise<Credentials | undefined>;
  /** Longest time for a credential helper. */
  readonly credentialHelperTimeoutMs?: number;
  readonly platform?: NodeJS.Platform;
  readonly log: (step: string) => void;
}

/** Finds out who somebody is, once it is needed. */
export type LoginSource = () => Promise<Login>;

/** The logins of one session. What is configured is read at once; helpers and people are asked when a server is. */
export class Logins {
  private readonly options: LoginOptions;
  /** Undefined: Docker's configuration does not count. */
  private readonly docker: (() => Promise<DockerConfig>) | undefined;
  private readonly helperLogins = new Map<string, Promise<Login>>();
  private givenLogin: Promise<Login> | undefined;
  private givenFor: string | undefined;

  constructor(options: LoginOptions, docker: (() => Promise<DockerConfig>) | undefined) {
    this.options = options;
    this.docker = docker;
  }

  /**
   * At the trust server of a registry: the login that was given, `NOTARY_AUTH`, a person's answer, or the login at the
   * registry (never one for the trust server's own host: cli.md 4.2).
   *
   * @throws UsageError `NOTARY_AUTH_INVALID`, `LOGIN_AMBIGUOUS`
   * @throws OperationError `DOCKER_CONFIG_INVALID`; the source may throw those of `askCredentialHelper`
   */
  async atTrustServer(domain: string): Promise<LoginSource> {
    const given = this.given(domain);
    if (given !== undefined) return given;
    const variable = parseNotaryAuth(this.options.env.NOTARY_AUTH);
    if (variable !== undefined) {
      return async () => ({ kind: 'basic', ...variable, source: 'NOTARY_AUTH' });
    }
    const { askCredentials } = this.options;
    if (askCredentials !== undefined) {
      return async () => {
        const answer = await askCredentials();
        return answer === undefined
          ? { kind: 'none' }
          : { kind: 'basic', ...answer, source: 'the answer that was typed' };
      };
    }
    const source = await this.fromDocker(domain);
    return async () => {
      const login = await source();
      return login.kind === 'registry-token'
        ? {
            kind: 'none',
            note: `The login from ${login.source} is a token for the registry alone.`,
          }
        : login;
    };
  }

  /** At a registry. @throws as `atTrustServer`, but for `NOTARY_AUTH_INVALID` */
  async atRegistry(domain: string): Promise<LoginSource> {
    return this.given(domain) ?? (await this.fromDocker(domain));
  }

  /**
   * The name of the person at a registry. Docker calls the first signer of a repository by it.
   * @throws as `atRegistry` and its source
   */
  async userName(domain: string): Promise<string | undefined> {
    const { login: given } = this.options;
    if (given !== undefined) return given.username;
    const login = await (await this.fromDocker(domain))();
    return login.kind === 'none' ? undefined : login.username;
  }

  /** One login is for one registry: two of them shall not learn each other's password. */
  private given(domain: string): LoginSource | undefined {
    const { login } = this.options;
    if (login === undefined) return undefined;
    this.givenFor ??= serverFor(domain);
    if (this.givenFor !== serverFor(domain)) {
      throw new UsageError(
        'LOGIN_AMBIGUOUS',
        `${login.source} gives one login, but the images are in two registries: ${printable(this.givenFor)} and ${printable(domain)}`,
        { hint: 'Run the command once for each registry, or log in with docker login.' },
      );
    }
    return () => {
      this.givenLogin ??= login.password().then(password => ({
        kind: 'basic',
        username: login.username,
        password,
        source: login.source,
      }));
      return this.givenLogin;
    };
  }

  private async fromDocker(domain: string): Promise<LoginSource> {
    const { env } = this.options;
    if (this.docker === undefined) return async () => ({ kind: 'none' });
    const variable = parseDockerAuthConfig(env.DOCKER_AUTH_CONFIG);
    const config = await this.docker();
    if (variable !== undefined) {
      const found = credentialsFor(variable, domain);
      if (found.kind !== 'none') return async () => this.kept(found, variable.path);
    }
    const found = credentialsFor(config, domain);
    if (found.kind === 'helper') return () => this.fromHelper(found.helper, found.server);
    if (found.kind === 'none' && !namesLogins(config)) return () => this.fromDefaultHelper(domain);
    return async () => this.kept(found, config.path);
  }

  private kept(found: RegistryCredentials, source: string): Login {
    switch (found.kind) {
      case 'none':
        return { kind: 'none' };
      case 'helper':
        throw new TypeError('a helper has to be asked');
      default: {
        const { server: _, ...login } = found;
        return { ...login, source };
      }
    }
  }

  private fromHelper(helper: string, server: string): Promise<Login> {
    const key = `${helper} ${server}`;
    let login = this.helperLogins.get(key);
    if (login === undefined) {
      login = this.askHelper(helper, server);
      this.helperLogins.set(key, login);
    }
    return login;
  }

  private async askHelper(helper: string, server: string): Promise<Login> {
    const { env, credentialHelperTimeoutMs: timeoutMs, log } = this.options;
    const source = `docker-credential-${helper}`;
    const module = await import('../registry/credential-helper.ts');
    const ask: typeof askCredentialHelper = module.askCredentialHelper;
    log(`asking ${source} for the login of ${printable(server)}`);
    const found = await ask({
      helper,
      server,
      env,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    if (found === undefined) {
      return { kind: 'none', note: `${source} has no login for ${printable(server)}.` };
    }
    const { username, secret } = found;
    return username === module.TOKEN_USER
      ? { kind: 'identity-token', token: secret, source }
      : { kind: 'basic', username, password: secret, source };
  }

  /** Nobody has chosen this helper: what it cannot do is told, but it ends nothing. */
  private async fromDefaultHelper(domain: string): Promise<Login> {
    const { env, platform, log } = this.options;
    const { defaultCredentialHelper } = await import('../registry/default-helper.ts');
    const helper = await defaultCredentialHelper(env, platform);
    if (helper === undefined) return { kind: 'none' };
    try {
      return await this.fromHelper(helper, serverFor(domain));
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      log(error.message);
      return { kind: 'none', note: `${error.message}.` };
    }
  }
}
