/** Who asks, as it is proved to a server or to its token server. Secrets: nothing of it is ever logged or shown. */
export type Login =
  | {
      readonly kind: 'none';
      /** Why there is none although one might be expected. */
      readonly note?: string;
    }
  | {
      readonly kind: 'basic';
      readonly username: string;
      readonly password: string;
      readonly source: string;
    }
  /** An OAuth 2 refresh token, which only a token server takes. */
  | {
      readonly kind: 'identity-token';
      readonly token: string;
      readonly username?: string;
      readonly password?: string;
      readonly source: string;
    }
  /** A bearer token that is ready to use. */
  | {
      readonly kind: 'registry-token';
      readonly token: string;
      readonly username?: string;
      readonly source: string;
    };

/** The name of a login's user, where it has one. */
export function userOf(login: Login | undefined): string | undefined {
  return login === undefined || login.kind === 'none' ? undefined : login.username;
}
