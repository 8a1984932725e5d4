import { fails, type Scenario, type Step, works } from '../scenario.ts';
import { someFiles } from './files.ts';

const NAMES: readonly [what: string, name: string, exit: 0 | 1][] = [
  ['a letter beyond ASCII', 'ü', 0],
  ['a sign beyond 16 bits', '\u{1F511}', 0],
  ['a less-than sign', 'a<b', 0],
  ['an ampersand', 'a&b', 0],
  ['a line separator', 'a\u2028b', 0],
  ['a backslash', 'a\\b', 0],
  ['a quote', 'a"b', 0],
  ['dots', '../a', 0],
  ['a tab', 'a\tb', 1],
  ['a prototype', '__proto__', 0],
  ['a long name', 'n'.repeat(300), 0],
];

const CUSTOM: readonly [custom: string, exit: 0 | 1][] = [
  ['{"a": "x<y"}', 1],
  ['{"a": "x&y"}', 1],
  ['{"a": 1.50}', 1],
  ['{"a": "\\u003c"}', 1],
  ['{"a": {"b": [1, true, null, "ü"]}}', 0],
  ['null', 0],
  ['7', 0],
  ['"text"', 0],
];

const quoted = (name: string) => (name.includes('"') ? `'${name}'` : `"${name}"`);

/** Targets under names that formats and tables may stumble over, each published on its own. */
export const strangeNames: Scenario = {
  name: 'strange-names',
  steps: [
    someFiles,
    works('init', 'init {gun} -p'),
    ...NAMES.flatMap(([what, name, exit]): Step[] => [
      (exit === 0 ? works : fails)(`${what}: add`, `add {gun} ${quoted(name)} one.txt -p`, {
        undone: exit === 1,
      }),
      works(`${what}: list`, 'list {gun}'),
      ...(exit === 0 ? [works(`${what}: remove`, `remove {gun} ${quoted(name)} -p`)] : []),
    ]),
    ...CUSTOM.flatMap(([custom, exit], index): Step[] => [
      (exit === 0 ? works : fails)(
        `custom data ${custom}`,
        `add {gun} custom${index} one.txt --custom custom.json -p`,
        { prepare: side => side.write('work/custom.json', custom), undone: exit === 1 },
      ),
    ]),
    works('list what has custom data', 'list {gun}'),
  ],
};

/** Notary signs the members as they stand, and then cannot verify them. */
export const unorderedCustomData: Scenario = {
  name: 'unordered-custom-data',
  steps: [
    works('init', 'init {gun} -p'),
    fails('add', 'add {gun} one one.txt --custom custom.json -p', {
      prepare: async side => {
        await side.write('work/one.txt', 'one\n');
        await side.write('work/custom.json', '{"b": 1, "a": 2}');
      },
      undone: true,
    }),
  ],
};
