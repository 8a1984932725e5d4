import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { openScene, type Person, type Scene, served } from './support/scene.ts';
import { TABELLION } from './support/tabellion-cli.ts';
import { signTag } from './support/tags.ts';
import { runInTerminal, type TerminalRun } from './support/terminal.ts';

const GUN = 'localhost:5000/talk/app';
const DOWN = '\u001b[B';
const ENTER = '\r';
const CTRL_C = '\u0003';

/** What stands before the person, and what they type. */
type Turn = readonly [shown: string, typed: string];

const HAPPENED = 'What happened?';
/** The answer to the first question, by its place in the list. */
const event = (place: number): Turn => [HAPPENED, DOWN.repeat(place) + ENTER];

const LOST_ROOT: readonly Turn[] = [
  event(0),
  ['Which key?', ENTER],
  ['Who runs localhost:5000?', ENTER],
  ['Begin?', `y${ENTER}`],
  ['New passphrase for the backup:', `the backup passphrase${ENTER}`],
  ['The same again:', `the backup passphrase${ENTER}`],
  ['Go on?', `y${ENTER}`],
];

describeWithPeers(
  ['notary-server', 'notary-signer', 'docker', 'openssl', 'script'],
  'the conversation of tabellion recover',
  () => {
    let scene: Scene;
    let owner: Person;
    let rootFile: string;

    beforeAll(async () => {
      scene = await openScene();
    });

    beforeEach(async () => {
      owner = await scene.person('owner');
    });

    async function repository(gun = GUN): Promise<void> {
      const { createdKeys } = await signTag(owner, `${gun}:1`, 'one');
      rootFile = createdKeys.find(({ role }) => role === 'root')?.file ?? '';
    }

    function recover(...args: string[]): TerminalRun {
      const words = owner.tabellion.nativeArguments(['recover', '--no-registry', ...args]);
      return runInTerminal(process.execPath, [TABELLION, ...words], owner.tabellion.environment());
    }

    async function say(terminal: TerminalRun, turns: readonly Turn[]): Promise<void> {
      for (const [shown, typed] of turns) {
        await terminal.shows(shown);
        terminal.type(typed);
      }
    }

    /** All files of the trust folder but locks, by content. */
    async function everything(): Promise<Map<string, string>> {
      const found = new Map<string, string>();
      for (const name of await readdir(owner.trustDir, { recursive: true })) {
        const file = path.join(owner.trustDir, name);
        if (name.includes('locks') || (await stat(file)).isDirectory()) continue;
        found.set(
          name,
          createHash('sha256')
            .update(await readFile(file))
            .digest('hex'),
        );
      }
      return found;
    }

    test('Ctrl-C at any question: 130, nothing is changed, and how to go on is said', async () => {
      const gun = 'localhost:5000/talk/stopped';
      await repository(gun);
      await rm(rootFile);
      for (let stop = 0; stop < LOST_ROOT.length; stop += 1) {
        const before = await everything();
        const root = await served(scene.server, gun, 'root');
        const terminal = recover();
        // Once a recovery is begun, the list of answers begins with it.
        await say(terminal, LOST_ROOT.slice(0, stop));
        await terminal.shows(LOST_ROOT[stop]?.[0] ?? '');
        terminal.type(CTRL_C);
        expect(await terminal.ended, terminal.text()).toBe(130);
        const isBegun = stop >= 4;
        expect(terminal.text()).toContain(
          isBegun ? 'tabellion recover --resume 2' : 'Nothing was changed. Begin again with',
        );
        const after = await everything();
        if (!isBegun) expect(after).toEqual(before);
        for (const [name, hash] of before) expect(after.get(name)).toBe(hash);
        expect(await served(scene.server, gun, 'root')).toEqual(root);
        await rm(path.join(owner.trustDir, '.tabellion', 'recoveries'), {
          recursive: true,
          force: true,
        });
      }
    });

    test.for([
      [
        event(1),
        ['Which key?', ENTER],
        ['Until when was all well', ENTER],
        ['The root key is here', ENTER],
        ['What shall be signed again?', ENTER],
        ['Begin?', `y${ENTER}`],
      ],
      [event(1), ['Which key?', DOWN.repeat(20) + ENTER], ['Its ID, or the beginning:', ENTER]],
      [event(2), ['Which key?', ENTER]],
      [event(7), ['Which disaster?', ENTER]],
    ] as Turn[][])(
      'Ctrl-C at each question of the others: 130, and nothing is changed',
      async turns => {
        await repository('localhost:5000/talk/broken-off');
        const before = await everything();
        // The first question is the same for all.
        for (let stop = 1; stop < turns.length; stop += 1) {
          const terminal = recover();
          await say(terminal, turns.slice(0, stop));
          await terminal.shows(turns[stop]?.[0] ?? '');
          terminal.type(CTRL_C);
          expect(await terminal.ended, terminal.text()).toBe(130);
          expect(await everything()).toEqual(before);
        }
      },
    );

    test('a lost root key: stopped at the last question, resumed, ended', async () => {
      const gun = 'localhost:5000/talk/lost';
      await repository(gun);
      await rm(rootFile);
      const first = recover();
      await say(first, LOST_ROOT.slice(0, -1));
      await say(first, [['Go on?', `n${ENTER}`]]);
      expect(await first.ended, first.text()).toBe(1);
      // What will happen next was shown before the question.
      expect(first.text()).toContain('they are made anew');
      const second = recover();
      await say(second, [
        ['Carry on with the recovery 2', ENTER],
        ['Go on?', `y${ENTER}`],
      ]);
      expect(await second.ended, second.text()).toBe(0);
      expect(second.text()).toContain('New thumbprints');
    });

    test('each other beginning leads where it says', async () => {
      await repository();
      const lost = recover();
      await say(lost, [event(2), ['Which key?', CTRL_C]]);
      expect(await lost.ended).toBe(130);

      const passphrase = recover();
      await say(passphrase, [event(2), ['Which key?', ENTER]]);
      expect(await passphrase.ended).toBe(0);
      expect(passphrase.text()).toContain('is not lost: the variable');

      for (const [place, text] of [
        [3, 'Nothing is wrong that could be seen from here'],
        [4, 'Nothing is wrong that could be seen from here'],
        [5, 'Nothing is wrong that could be seen from here'],
        [6, 'What is so'],
      ] as const) {
        const terminal = recover();
        await say(terminal, [event(place)]);
        await terminal.shows(text);
        expect(await terminal.ended).toBe(0);
      }

      const leaked = recover();
      await say(leaked, [
        event(1),
        ['Which key?', DOWN + ENTER],
        ['Until when was all well', ENTER],
        ['What shall be signed again?', ENTER],
        ['Begin?', `y${ENTER}`],
        ['New passphrase for the backup:', `the backup passphrase${ENTER}`],
        ['The same again:', `the backup passphrase${ENTER}`],
        ['Go on?', `y${ENTER}`],
        ['Which tags stay signed?', ` ${ENTER}`],
      ]);
      expect(await leaked.ended, leaked.text()).toBe(0);
      expect(await owner.tabellion.succeed(['inspect', GUN, '--quiet'])).toContain(':1');

      const replacedRoot = recover();
      await say(replacedRoot, [
        event(1),
        ['Which key?', ENTER],
        ['Until when was all well', ENTER],
        ['The root key is here', ENTER],
        ['What shall be signed again?', DOWN + ENTER],
        ['Begin?', `y${ENTER}`],
        ['New passphrase for the backup:', `the backup passphrase${ENTER}`],
        ['The same again:', `the backup passphrase${ENTER}`],
        ['Go on?', `y${ENTER}`],
      ]);
      expect(await replacedRoot.ended, replacedRoot.text()).toBe(0);
      expect((await served(scene.server, GUN, 'root')).version).toBeGreaterThan(1);
      expect(await owner.tabellion.succeed(['inspect', GUN, '--quiet'])).toContain(':1');

      const leakedRoot = recover();
      await say(leakedRoot, [
        event(1),
        ['Which key?', ENTER],
        ['Until when was all well', ENTER],
        ['The root key is here', DOWN + ENTER],
        ['Who runs localhost:5000?', ENTER],
        ['Begin?', `y${ENTER}`],
        ['New passphrase for the backup:', `the backup passphrase${ENTER}`],
        ['The same again:', `the backup passphrase${ENTER}`],
        // Nothing is ticked: the one tag is not theirs.
        ['which tags are yours?', ` ${ENTER}`],
        ['Go on?', `y${ENTER}`],
      ]);
      expect(await leakedRoot.ended, leakedRoot.text()).toBe(0);
      expect(await owner.tabellion.succeed(['inspect', GUN, '--quiet'])).not.toContain(':1');

      const drill = recover();
      await say(drill, [event(7), ['Which disaster?', ENTER]]);
      await drill.shows('tags came back');
      expect(await drill.ended).toBe(0);
    });
  },
);
