import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { startTrustServer } from '../../../src/embedded-server/start.ts';
import { makeCa } from '../support/ca.ts';
import { httpGet } from '../support/http-get.ts';
import { startNotary } from '../support/notary-service.ts';
import { track } from '../support/running.ts';
import { startTokenServer } from '../support/token-server.ts';
import { makeWorkspace } from '../support/workspace.ts';
import type { Contestant } from './compare.ts';
import { startOddServer } from './odd-server.ts';
import type { Scenario } from './scenario.ts';
import type { Program } from './side.ts';

/** Servers for two contestants, one each, and everything that both use. */
export interface Arena {
  readonly workspace: string;
  /** The two, with the servers that the scenario wants. */
  contestants(scenario: Scenario): readonly [Contestant, Contestant];
}

export interface ArenaOptions {
  readonly programs: readonly [Program, Program];
  /** What the second one publishes to. Default: a real server of its own. */
  readonly secondServer?: 'real' | 'embedded';
  /** Also a pair of servers that want tokens. */
  readonly token?: boolean;
}

/** Starts the servers. They stop with the group of tests that opened them. */
export async function openArena(options: ArenaOptions): Promise<Arena> {
  const workspace = (await makeWorkspace()).path;
  const ca = await makeCa(path.join(workspace, 'ca'));
  const client = await ca.issue('client', 'DNS:client');
  const soon = await ca.issue('soon', 'DNS:soon', { days: 30 });
  const odd = await startOddServer(ca.server);
  const startEmbedded = async () => {
    const [cert, key] = await Promise.all([
      readFile(ca.server.certificateFile, 'utf8'),
      readFile(ca.server.keyFile, 'utf8'),
    ]);
    const server = await startTrustServer({ host: '127.0.0.1', tls: { cert, key } });
    track({ name: 'embedded server', stop: () => server.close() });
    return `https://localhost:${new URL(server.url).port}`;
  };
  const startReal = async () => (await startNotary({ ca })).url;
  const startWithTokens = async () => {
    const accounts = new Map([
      ['publisher', { password: 'let me in', actions: ['pull', 'push', '*'] }],
      ['reader', { password: 'just looking', actions: ['pull'] }],
    ]);
    const tokens = await startTokenServer({ ca, accounts });
    const servers = await Promise.all(
      [0, 1].map(() => startNotary({ ca, auth: tokens.authentication })),
    );
    return servers.map(server => server.url);
  };
  const [open, token] = await Promise.all([
    Promise.all([startReal(), options.secondServer === 'embedded' ? startEmbedded() : startReal()]),
    options.token ? startWithTokens() : [],
  ]);
  const contestant = (index: 0 | 1, scenario: Scenario): Contestant => {
    const server = scenario.server === 'token' ? token[index] : open[index];
    if (server === undefined) throw new Error(`no ${scenario.server} server was started`);
    const more = {
      odd,
      closed: 'https://localhost:1',
      nowhere: 'https://nowhere.invalid',
      'client certificate': client.certificateFile,
      'client key': client.keyFile,
      'soon certificate': soon.certificateFile,
    };
    return {
      program: options.programs[index],
      places: { server, ca: ca.certificateFile, more },
      get: target => httpGet(`${server}${target}`, { ca: ca.certificate }),
    };
  };
  return {
    workspace,
    contestants: scenario => [contestant(0, scenario), contestant(1, scenario)],
  };
}
