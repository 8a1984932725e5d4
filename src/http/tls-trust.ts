import { createSecureContext, type SecureContext } from 'node:tls';
import { UsageError } from '../errors.ts';
import { builtInRoots, systemRoots } from './system-roots.ts';
import type { TlsMaterial } from './transport.ts';

/** Which servers one transport believes, and as whom it presents itself to them. */
export class TlsTrust {
  readonly verify: boolean;
  readonly #material: TlsMaterial;
  readonly #env: NodeJS.ProcessEnv;
  /** Undefined: those that node has built in, which cost nothing. */
  #roots: readonly string[] | undefined;
  /** Further authorities to believe, each set read and parsed only when nothing before it would do. */
  readonly #reserve: (() => readonly string[])[];
  #context: SecureContext | undefined;

  /** @throws UsageError `TLS_MATERIAL_INVALID` */
  constructor(material: TlsMaterial, env: NodeJS.ProcessEnv) {
    this.#material = material;
    this.#env = env;
    this.verify = material.skipVerification !== true;
    const { ca = [], caReplacesSystem = false } = material;
    const builtIn = () => builtInRoots(env);
    const system = () => systemRoots(env);
    // With authorities of one's own it is nearly always one of them, and parsing all others takes longer than the rest.
    if (caReplacesSystem || ca.length > 0) this.#roots = ca;
    this.#reserve = caReplacesSystem ? [] : ca.length > 0 ? [builtIn, system] : [system];
    // At once, so that a bad file is reported before anything is sent; without files there is nothing to report.
    if (this.#roots !== undefined || material.cert !== undefined) this.secureContext();
  }

  secureContext(): SecureContext {
    this.#context ??= this.#make();
    return this.#context;
  }

  /**
   * Adds the next set of authorities: first node's own, then the system's store. To be called when a certificate was
   * not believed without them.
   *
   * @returns whether there is now more to believe in than before.
   */
  addMoreRoots(): boolean {
    for (let next = this.#reserve.shift(); next !== undefined; next = this.#reserve.shift()) {
      const more = next();
      if (more.length === 0) continue;
      this.#roots = [...(this.#roots ?? builtInRoots(this.#env)), ...more];
      this.#context = undefined;
      return true;
    }
    return false;
  }

  #make(): SecureContext {
    const { cert, key } = this.#material;
    try {
      return createSecureContext({
        ...(this.#roots === undefined ? {} : { ca: [...this.#roots] }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        minVersion: 'TLSv1.2',
      });
    } catch (cause) {
      const reason = cause instanceof Error ? `: ${cause.message}` : '';
      throw new UsageError(
        'TLS_MATERIAL_INVALID',
        `The certificates or the private key for TLS cannot be used${reason}`,
        { cause },
      );
    }
  }
}
