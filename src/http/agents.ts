import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { proxyFor } from './proxy.ts';

/** How a request gets to its server. */
export interface Route {
  readonly agent: HttpAgent;
  /** `host:port` of the proxy in between; never its credentials. */
  readonly proxy: string | undefined;
}

/** The pools of connections of one transport: direct ones, and tunnels through each proxy. */
export class ConnectionAgents {
  readonly #env: NodeJS.ProcessEnv;
  readonly #agents = new Map<string, HttpAgent>();

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** @throws UsageError `PROXY_INVALID` */
  async route(url: URL, keepAlive: boolean): Promise<Route> {
    const proxy = proxyFor(url, this.#env);
    const name = `${url.protocol} ${keepAlive} ${proxy?.href ?? ''}`;
    let agent = this.#agents.get(name);
    if (agent === undefined) {
      if (proxy !== undefined) {
        // Loaded by the few who have a proxy.
        const { tunnelAgent } = await import('./tunnel.ts');
        agent = tunnelAgent(proxy, keepAlive);
      } else if (url.protocol === 'https:') {
        // No resumed sessions: each connection checks the certificate anew.
        agent = new HttpsAgent({ keepAlive, maxCachedSessions: 0 });
      } else {
        agent = new HttpAgent({ keepAlive });
      }
      this.#agents.set(name, agent);
    }
    return { agent, proxy: proxy?.host };
  }

  destroy(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }
}
