import { printable } from '../crypto/printable.ts';
import { ConnectionError } from '../errors.ts';
import { type Authorizer, basicHeader, challengesOf, type Scope } from './authorization.ts';
import { type Login, userOf } from './login.ts';
import { isLoopback } from './loopback.ts';
import { fetchToken, scopeTexts, type Token, type TokenService } from './token-client.ts';
import type { HttpResponse, HttpTransport } from './transport.ts';

export interface LoginAuthorizerOptions {
  /** The server that may see the login: scheme, host and port, as in `URL.origin`. */
  readonly origin: string;
  /** Asked once, and only when the server wants a login: it may run a helper or ask a person. */
  readonly login: () => Promise<Login>;
  /** Reaches the token server at `realm`. */
  readonly tokenTransport: (realm: URL) => Promise<HttpTransport>;
  /** In milliseconds since 1970. */
  readonly now: () => number;
  /** What the server is, for messages: “trust server”, “registry”. */
  readonly server: string;
  /** How to hand over a login: a sentence for the hint. */
  readonly advice: string;
  /** Reads are tried without the login first, as Notary does. */
  readonly anonymousReads?: boolean;
  /** The server is reached by plain HTTP to elsewhere than loopback, by explicit wish. */
  readonly insecure?: boolean;
  readonly log?: (step: string) => void;
}

/**
 * Logs in as a server asks for it: with a token of its token server (Bearer, preferred), or with user name and
 * password (Basic). Tokens are kept for the run, each for its scope; one that is refused is renewed once.
 *
 * Its methods throw the errors of `fetchToken`, those of `login`, and ConnectionError `TOKEN_REALM_REFUSED`.
 *
 * @see cli.md 5.1
 */
export function loginAuthorizer(options: LoginAuthorizerOptions): Authorizer {
  return new LoginAuthorizer(options);
}

interface KeptToken {
  readonly promise: Promise<Token>;
  /** Once it is there. */
  token?: Token;
  /** How often it was handed out. */
  uses: number;
  readonly anonymous: boolean;
}

class LoginAuthorizer implements Authorizer {
  readonly #options: LoginAuthorizerOptions;
  readonly #tokens = new Map<string, KeptToken>();
  #mode: 'none' | 'basic' | TokenService = 'none';
  #asked: Promise<Login> | undefined;
  #known: Login | undefined;
  /** Whether the login counts for reads too; until then they are tried without. */
  #readsLogIn: boolean;

  constructor(options: LoginAuthorizerOptions) {
    this.#options = options;
    this.#readsLogIn = options.anonymousReads !== true;
  }

  get schemes(): readonly string[] {
    switch (this.#known?.kind) {
      case 'identity-token':
      case 'registry-token':
        return ['bearer'];
      default:
        return ['basic', 'bearer'];
    }
  }

  get username(): string | undefined {
    return userOf(this.#known);
  }

  get source(): string | undefined {
    return this.#known === undefined || this.#known.kind === 'none'
      ? undefined
      : this.#known.source;
  }

  get note(): string | undefined {
    return this.#known?.kind === 'none' ? this.#known.note : undefined;
  }

  async headers(scope: Scope, url?: URL): Promise<Record<string, string>> {
    if (this.#mode === 'none' || this.#isForeign(url)) return {};
    if (this.#mode === 'basic') {
      const login = await this.#login();
      if (login.kind !== 'basic') return {};
      return { Authorization: basicHeader(login, new URL(this.#options.origin).host) };
    }
    const token = await this.#token(this.#mode, scope);
    return { Authorization: `Bearer ${token}` };
  }

  async refused(
    response: HttpResponse,
    _scope: Scope,
    url?: URL,
    sent: Readonly<Record<string, string>> = {},
  ): Promise<boolean> {
    if (this.#isForeign(url)) return false;
    const challenges = challengesOf(response);
    const bearer = challenges.find(
      ({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'),
    );
    if (bearer !== undefined) {
      this.#mode = this.#tokenService(bearer.parameters);
      return await this.#mayRenew(/^Bearer (.*)$/.exec(sent.Authorization ?? '')?.[1]);
    }
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return false;
    this.#mode = 'basic';
    return (await this.#login()).kind === 'basic';
  }

  /** Whether another token than the one that was refused may do better. */
  async #mayRenew(refused: string | undefined): Promise<boolean> {
    if (refused === undefined) return true;
    if (this.#known?.kind === 'registry-token') return false;
    const found = [...this.#tokens].find(([, kept]) => kept.token?.token === refused);
    // Another request has had it renewed meanwhile.
    if (found === undefined) return true;
    const [key, { anonymous, uses }] = found;
    this.#tokens.delete(key);
    if (anonymous && !this.#readsLogIn) {
      this.#readsLogIn = true;
      return (await this.#login()).kind !== 'none';
    }
    // What was made for this very request would be made again just so.
    return uses > 1;
  }

  async #token(service: TokenService, scope: Scope): Promise<string> {
    for (;;) {
      const isRead = scope.actions.every(action => action === 'pull') && scope.also === undefined;
      const anonymous = isRead && !this.#readsLogIn;
      const login: Login = anonymous ? { kind: 'none' } : await this.#login();
      if (login.kind === 'registry-token') return login.token;
      const [key, kept] = this.#covering(scope) ?? this.#fetch(service, scope, login, anonymous);
      let token: Token;
      try {
        token = await kept.promise;
      } catch (error) {
        if (!kept.anonymous || !isRefusal(error)) throw error;
        // Who gives strangers no token at all may still give one to the login.
        this.#readsLogIn = true;
        if ((await this.#login()).kind === 'none') throw error;
        continue;
      }
      if (token.expiresAt > this.#options.now()) {
        kept.uses += 1;
        return token.token;
      }
      if (this.#tokens.get(key) === kept) this.#tokens.delete(key);
    }
  }

  /** A token that is there, or under way, for this scope or for one with more rights. */
  #covering(scope: Scope): [string, KeptToken] | undefined {
    const own = scopeKey(scope);
    const exact = this.#tokens.get(own);
    if (exact !== undefined) return [own, exact];
    if (scope.also !== undefined) return undefined;
    const prefix = `${scope.type}:${scope.name}:`;
    for (const [key, kept] of this.#tokens) {
      if (!key.startsWith(prefix) || key.includes(' ')) continue;
      const actions = key.slice(prefix.length).split(',');
      if (scope.actions.every(action => actions.includes(action))) return [key, kept];
    }
    return undefined;
  }

  #fetch(
    service: TokenService,
    scope: Scope,
    login: Login,
    anonymous: boolean,
  ): [string, KeptToken] {
    const { tokenTransport, now, server, advice, origin, log } = this.#options;
    const key = scopeKey(scope);
    const work = async (): Promise<Token> => {
      log?.(`asking ${service.realm.host} for a token: ${printable(key)}`);
      const transport = await tokenTransport(service.realm);
      const named = `${server} ${new URL(origin).host}`;
      return await fetchToken({ ...service, scope, login, server: named, advice }, transport, now);
    };
    const promise = work();
    const kept: KeptToken = { promise, uses: 0, anonymous };
    this.#tokens.set(key, kept);
    promise.then(
      token => {
        kept.token = token;
        this.#exchangeIdentity(login, token);
      },
      () => {
        if (this.#tokens.get(key) === kept) this.#tokens.delete(key);
      },
    );
    return [key, kept];
  }

  /** A token server may give another refresh token for the one that it was shown. */
  #exchangeIdentity(login: Login, { refreshToken }: Token): void {
    if (refreshToken === undefined || login.kind !== 'identity-token') return;
    const renewed: Login = { ...login, token: refreshToken };
    this.#known = renewed;
    this.#asked = Promise.resolve(renewed);
  }

  #login(): Promise<Login> {
    this.#asked ??= this.#options.login().then(login => {
      this.#known = login;
      return login;
    });
    return this.#asked;
  }

  #isForeign(url: URL | undefined): boolean {
    return url !== undefined && url.origin !== this.#options.origin;
  }

  #tokenService(parameters: ReadonlyMap<string, string>): TokenService {
    const { origin, insecure = false, server } = this.#options;
    const text = parameters.get('realm') ?? '';
    const refuse = (why: string) =>
      new ConnectionError(
        'TOKEN_REALM_REFUSED',
        `The ${server} ${new URL(origin).host} sends for a login to ${why}`,
        {
          hint: `No login was sent there. Its administrator has to name a token server that is reached by https.`,
          details: { host: new URL(origin).host },
        },
      );
    if (!URL.canParse(text))
      throw refuse(`“${printable(text.slice(0, 200))}”, which is no address`);
    const realm = new URL(text);
    const named = printable(realm.origin);
    if (realm.username !== '' || realm.password !== '') {
      throw refuse(`${printable(realm.host)}, with a user name or password in the address`);
    }
    const own = new URL(origin);
    const stays =
      (isLoopback(realm.hostname) && isLoopback(own.hostname)) ||
      (insecure && own.protocol === 'http:' && realm.hostname === own.hostname);
    if (realm.protocol !== 'https:' && !(realm.protocol === 'http:' && stays)) {
      throw refuse(`${named}, which is not https: anybody on the way could read the login`);
    }
    return { realm, service: parameters.get('service') };
  }
}

function scopeKey(scope: Scope): string {
  return scopeTexts(scope).join(' ');
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof ConnectionError &&
    (error.code === 'UNAUTHORIZED' || error.code === 'FORBIDDEN')
  );
}
