import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CertificateAuthority } from './ca.ts';
import type { TokenAuthentication } from './notary-service.ts';
import { type Running, track, untrack } from './running.ts';

export interface TokenAccount {
  password: string;
  /** Actions that a token for any repository may grant: `pull`, `push`, `*`. */
  actions: readonly string[];
}

export interface TokenServerOptions {
  /** Signs the certificate of the tokens' key. */
  ca: CertificateAuthority;
  accounts: ReadonlyMap<string, TokenAccount>;
  /** Actions without credentials. Default: none. */
  anonymousActions?: readonly string[];
  /** Life of a token in seconds. Default 300. */
  expiresIn?: number;
  /** What tokens are signed with: a registry takes both. Default `RS256`. */
  algorithm?: 'RS256' | 'ES256';
  /** False: it takes no identity tokens, and answers 405 to POST. Default true. */
  identityTokens?: boolean;
  /** Serve HTTPS with the certificate of {@link ca}. Default: plain HTTP. */
  tls?: boolean;
}

/** A token request as it came. */
export interface SeenTokenRequest {
  method: string;
  /** Query of a GET, form of a POST. */
  parameters: URLSearchParams;
  /** Undefined: anonymous, or refused. */
  account: string | undefined;
  status: number;
}

export interface TokenServer extends Running {
  /** What the protected server has to be told. */
  readonly authentication: TokenAuthentication;
  readonly requests: readonly SeenTokenRequest[];
  /** A refresh token ("identity token") of an account. */
  refreshToken(account: string): string;
  /** Lets the tokens from now on end so many seconds after they are made, whatever the answer promises. */
  tokensEndAfter(seconds: number | undefined): void;
  logs(): string;
}

/** Starts a token server over plain HTTP on a port of 127.0.0.1: Basic or anonymous GET, and POST with a refresh token. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const issuer = 'interop-issuer';
  const service = 'interop-service';
  const algorithm = options.algorithm ?? 'RS256';
  const files = await options.ca.issue('token-issuer', 'DNS:token-issuer', {
    algorithm: algorithm === 'RS256' ? 'rsa' : 'ec',
  });
  const key = createPrivateKey(await readFile(files.keyFile));
  const certificate = new X509Certificate(await readFile(files.certificateFile));
  const refreshTokens = new Map<string, string>();
  const requests: SeenTokenRequest[] = [];

  let realLife: number | undefined;

  const listener: RequestListener = (incoming, outgoing) => {
    answer(incoming).then(
      ({ status, body }) => {
        outgoing.writeHead(status, { 'content-type': 'application/json' });
        outgoing.end(JSON.stringify(body));
      },
      () => outgoing.destroy(),
    );
  };
  const { certificateFile, keyFile } = options.ca.server;
  const server = options.tls
    ? createHttpsServer(
        { cert: await readFile(certificateFile), key: await readFile(keyFile) },
        listener,
      )
    : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const tokenServer: TokenServer = {
    name: 'token server',
    authentication: {
      realm: `${options.tls ? 'https' : 'http'}://localhost:${port}/token`,
      service,
      issuer,
      certificateFile: options.ca.certificateFile,
    },
    requests,
    refreshToken(account) {
      const token = randomUUID();
      refreshTokens.set(token, account);
      return token;
    },
    tokensEndAfter(seconds) {
      realLife = seconds;
    },
    logs: () =>
      requests
        .map(seen => `${seen.method} ${seen.account ?? '-'} ${seen.parameters} ${seen.status}`)
        .join('\n'),
    async stop() {
      untrack(tokenServer);
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return track(tokenServer);

  async function answer(incoming: IncomingMessage): Promise<{ status: number; body: object }> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const method = incoming.method ?? '';
    const parameters =
      method === 'POST'
        ? new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
        : new URL(incoming.url ?? '', 'http://localhost').searchParams;
    if (method === 'POST' && options.identityTokens === false) {
      requests.push({ method, parameters, account: undefined, status: 405 });
      return { status: 405, body: {} };
    }
    const account = method === 'POST' ? ofRefreshToken(parameters) : ofHeader(incoming);
    const status = account === null ? 401 : 200;
    requests.push({ method, parameters, account: account ?? undefined, status });
    if (account === null) {
      const error = { code: 'UNAUTHORIZED', message: 'incorrect username or password' };
      return { status, body: { errors: [error] } };
    }
    const expiresIn = options.expiresIn ?? 300;
    const token = makeToken(account, scopesOf(parameters), realLife ?? expiresIn);
    const wantsRefresh = parameters.get('offline_token') === 'true' && account !== undefined;
    return {
      status,
      body: {
        token,
        access_token: token,
        expires_in: expiresIn,
        ...(wantsRefresh && { refresh_token: tokenServer.refreshToken(account) }),
      },
    };
  }

  /** The account of the Basic header; undefined without one; null when it is wrong. */
  function ofHeader(incoming: IncomingMessage): string | undefined | null {
    const match = /^Basic (.+)$/i.exec(incoming.headers.authorization ?? '');
    if (!match?.[1]) return undefined;
    const [user = '', ...password] = Buffer.from(match[1], 'base64').toString('utf8').split(':');
    return options.accounts.get(user)?.password === password.join(':') ? user : null;
  }

  function ofRefreshToken(form: URLSearchParams): string | null {
    return refreshTokens.get(form.get('refresh_token') ?? '') ?? null;
  }

  function makeToken(account: string | undefined, scopes: string[], expiresIn: number): string {
    const allowed =
      (account === undefined ? options.anonymousActions : options.accounts.get(account)?.actions) ??
      [];
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: algorithm, typ: 'JWT', x5c: [certificate.raw.toString('base64')] };
    const claims = {
      iss: issuer,
      sub: account ?? '',
      aud: service,
      exp: now + expiresIn,
      nbf: now - 600,
      iat: now,
      jti: randomUUID(),
      access: scopes.flatMap(scope => {
        // The name may hold colons of its own: host:port/path.
        const [, type, name, actions] = /^([^:]+):(.+):([^:]+)$/.exec(scope) ?? [];
        const granted = actions?.split(',').filter(action => allowed.includes(action)) ?? [];
        return granted.length > 0 ? [{ type, name, actions: granted }] : [];
      }),
    };
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const text = `${encode(header)}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(text), {
      key,
      ...(algorithm === 'ES256' && { dsaEncoding: 'ieee-p1363' as const }),
    });
    return `${text}.${signature.toString('base64url')}`;
  }
}

function scopesOf(parameters: URLSearchParams): string[] {
  return parameters.getAll('scope').flatMap(scope => scope.split(' '));
}
