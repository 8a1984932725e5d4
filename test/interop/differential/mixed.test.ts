/**
 * `notary` and `tabellion notary` take turns on one folder: what one has begun the other finishes. After each
 * turn both read the same.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { startTrustServer } from '../../../src/embedded-server/start.ts';
import { makeCa } from '../support/ca.ts';
import { describeWithPeers } from '../support/describe-with-peers.ts';
import { startNotary } from '../support/notary-service.ts';
import type { RunResult } from '../support/run-program.ts';
import { track } from '../support/running.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';
import type { Step } from './scenario.ts';
import { NOTARY, type Places, Side, TABELLION_NOTARY } from './side.ts';

type Options = Pick<Step, 'stdin' | 'env'>;

/** Two programs on one folder. */
class Turns {
  readonly notary: Side;
  readonly tabellion: Side;

  constructor(notary: Side, tabellion: Side) {
    this.notary = notary;
    this.tabellion = tabellion;
  }

  async by(side: Side, command: string, options: Options = {}): Promise<string> {
    const result = await side.execute(command, options);
    expect(result.code, describeResult(side, command, result)).toBe(0);
    return result.stdout;
  }

  /** What both print for a command that only reads; they must agree. */
  async agree(command: string): Promise<string> {
    const first = await this.by(this.notary, command);
    expect(await this.by(this.tabellion, command), command).toBe(first);
    return first;
  }

  /** Everything that can be read, by both. */
  async everything(): Promise<string> {
    const commands = ['list {gun}', 'delegation list {gun}', 'status {gun}', 'key list'];
    const outputs: string[] = [];
    for (const command of commands) outputs.push(await this.agree(command));
    return outputs.join('\n');
  }
}

function describeResult(side: Side, command: string, { stdout, stderr }: RunResult): string {
  return `${side.program.name} ${command}\n${stdout}${stderr}`;
}

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'openssl'],
  'notary and tabellion notary on one folder',
  () => {
    let workspace: Workspace;
    let servers: Record<'real' | 'embedded', Places>;

    beforeAll(async () => {
      workspace = await makeWorkspace();
      const ca = await makeCa(path.join(workspace.path, 'ca'));
      const [cert, key] = await Promise.all([
        readFile(ca.server.certificateFile, 'utf8'),
        readFile(ca.server.keyFile, 'utf8'),
      ]);
      const [real, embedded] = await Promise.all([
        startNotary({ ca }),
        startTrustServer({ tls: { cert, key } }),
      ]);
      track({ name: 'embedded server', stop: () => embedded.close() });
      const places = (server: string): Places => ({ server, ca: ca.certificateFile, more: {} });
      servers = {
        real: places(real.url),
        embedded: places(`https://localhost:${new URL(embedded.url).port}`),
      };
    });

    async function open(server: Places, name: string): Promise<Turns> {
      const folder = path.join(workspace.path, name);
      const sides = [NOTARY, TABELLION_NOTARY].map(program =>
        Side.open(program, folder, server, `example.test/${name}`),
      );
      const [notary, tabellion] = (await Promise.all(sides)) as [Side, Side];
      for (const text of ['one', 'two', 'three']) {
        await writeFile(path.join(folder, 'work', `${text}.txt`), `${text}\n`);
      }
      return new Turns(notary, tabellion);
    }

    for (const [first, server] of [
      ['notary', 'real'],
      ['tabellion', 'embedded'],
    ] as const) {
      test.concurrent(`${first} begins, on the ${server} server`, async () => {
        const turns = await open(servers[server], `${first}-${server}`);
        const one = turns[first];
        const other = turns[first === 'notary' ? 'tabellion' : 'notary'];
        const yes = { stdin: 'yes\n' };

        // Staged by one, published by the other.
        await turns.by(one, 'init {gun}');
        await turns.by(other, 'publish {gun}');
        await turns.everything();
        await turns.by(one, 'add {gun} one one.txt');
        await turns.by(other, 'add {gun} two two.txt');
        await turns.by(one, 'remove {gun} never-there');
        expect(await turns.agree('status {gun}')).toMatch(
          /create .* one\n.*create .* two\n.*delete/,
        );
        await turns.by(other, 'publish {gun}');
        expect(await turns.everything()).toMatch(/^one .*\ntwo /m);

        // Delegations: keys imported by one, the role made by the other.
        await turns.by(one, 'key import {inputs}/alice-key.pem -r alice');
        await turns.by(other, 'key import {inputs}/bob-key.pem -r bob');
        await turns.by(other, 'delegation add {gun} targets/team {inputs}/alice.pem --all-paths');
        await turns.by(one, 'delegation add {gun} targets/team {inputs}/bob.crt --paths more/');
        await turns.by(one, 'publish {gun}');
        expect(await turns.everything()).toContain('targets/team');
        await turns.by(one, 'add {gun} three three.txt -r targets/team');
        await turns.by(other, 'publish {gun}');
        await turns.by(
          other,
          'delegation add {gun} targets/team/deep {inputs}/bob.pem --paths deep/',
        );
        await turns.by(one, 'add {gun} deep/one one.txt -r targets/team/deep -p');
        expect(await turns.everything()).toContain('targets/team/deep');

        // The first key goes; what it signed is witnessed by the other program with the second.
        await turns.by(one, 'delegation remove {gun} targets/team {given alice} -p');
        await turns.by(other, 'witness {gun} targets/team');
        await turns.by(one, 'publish {gun}');
        expect(await turns.everything()).toMatch(/^three .*targets\/team$/m);

        // Each key is rotated by one, and used by the other.
        for (const [role, flags, options] of [
          ['targets', '', {}],
          ['snapshot', '-r', {}],
          ['timestamp', '-r', {}],
          ['root', '', yes],
          ['snapshot', '', {}],
        ] as const) {
          for (const [rotating, using] of [
            [one, other],
            [other, one],
          ] as const) {
            await turns.by(rotating, `key rotate {gun} ${role} ${flags}`, options);
            await turns.by(using, `add {gun} after-${role} one.txt -p`);
            await turns.by(rotating, `add {gun} after-${role} two.txt -p`);
          }
        }
        expect(await turns.everything()).toContain('after-root');

        // Exported by one, imported by the other into an empty store; another passphrase by the other.
        await turns.by(one, 'key export -o keys.pem');
        const moved = await open(servers[server], `${first}-${server}-moved`);
        await writeFile(
          moved.notary.path('work/keys.pem'),
          await readFile(turns.notary.path('work/keys.pem')),
        );
        const [importing, using] =
          first === 'notary' ? [moved.tabellion, moved.notary] : [moved.notary, moved.tabellion];
        await moved.by(importing, 'key import keys.pem');
        await moved.agree('key list');
        const gun = one.gun;
        await moved.by(using, `add ${gun} moved one.txt -p`);
        await moved.by(importing, `add ${gun} moved-too one.txt -r targets/team -p`);
        expect(await moved.agree(`list ${gun}`)).toMatch(/^moved .*targets$/m);
        await moved.by(using, 'key passwd {given bob}');
        await moved.by(importing, `add ${gun} with-new-passphrase one.txt -r targets/team -p`);
        await turns.everything();

        // Purge, verify from a pipe, delete.
        await turns.by(other, 'delegation purge {gun} --key {given bob}');
        await turns.by(one, 'publish {gun}');
        expect(await turns.agree('list {gun}')).not.toContain('targets/team');
        expect(await turns.by(other, 'verify {gun} one', { stdin: 'one\n' })).toBe('one\n');
        await turns.by(one, 'add {gun} left-behind one.txt');
        await turns.by(other, 'reset {gun} --all');
        expect(await turns.agree('status {gun}')).toContain('No unpublished changes');
        await turns.by(other, 'delete {gun}');
        await turns.everything();
        await turns.by(one, 'delete {gun} --remote');
        const { code, stdout } = await other.execute('list {gun}');
        expect([code, stdout]).toEqual([
          1,
          expect.stringContaining('does not have trust data for'),
        ]);
        await turns.by(other, 'key remove {given alice}', yes);
        expect(await turns.agree('key list')).not.toContain('alice');
      });
    }
  },
);
