import type { Agent, ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { HttpsProxyAgent } from 'https-proxy-agent';

/** What a request may carry for its tunnel, beside the options that node knows. */
export interface TunnelOptions {
  /**
   * Ends a tunnel that is still being made. Node's own `signal` does not get as far as an agent, and a request
   * that has no socket yet says nothing when it is destroyed.
   */
  readonly tunnelSignal?: AbortSignal;
}

type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1] & TunnelOptions;

/** An agent whose connections are `CONNECT` tunnels through `proxy`. */
export function tunnelAgent(proxy: URL, keepAlive: boolean): Agent {
  return new TunnelAgent(proxy, { keepAlive });
}

class TunnelAgent extends HttpsProxyAgent<string> {
  override async connect(request: ClientRequest, options: ConnectOptions): Promise<Socket> {
    const { tunnelSignal: signal } = options;
    // Read at once by the call below, before another request can change it.
    this.connectOpts = { ...this.connectOpts, ...(signal === undefined ? {} : { signal }) };
    return await super.connect(request, options);
  }
}
