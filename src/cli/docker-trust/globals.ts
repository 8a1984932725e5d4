/** Docker's own options, which stand before the name of a command or plugin (cli.md 8). */
import { type FlagSpec, parseFlags } from '../notary/command-line/flags.ts';
import type { LogLevel } from '../notary/logger.ts';

export interface GlobalSettings {
  /** Docker's configuration folder. */
  readonly config: string | undefined;
  readonly logLevel: LogLevel;
}

/** Those that name a daemon are read and have no effect: none is needed. */
const FLAGS: readonly FlagSpec[] = [
  { name: 'config', kind: 'string', usage: '' },
  { name: 'context', short: 'c', kind: 'string', usage: '' },
  { name: 'debug', short: 'D', kind: 'bool', usage: '' },
  { name: 'host', short: 'H', kind: 'list', usage: '' },
  { name: 'log-level', short: 'l', kind: 'string', usage: '' },
  { name: 'tls', kind: 'bool', usage: '' },
  { name: 'tlscacert', kind: 'string', usage: '' },
  { name: 'tlscert', kind: 'string', usage: '' },
  { name: 'tlskey', kind: 'string', usage: '' },
  { name: 'tlsverify', kind: 'bool', usage: '' },
];

const LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ['trace', 'debug'],
  ['debug', 'debug'],
  ['info', 'info'],
  ['warn', 'warning'],
  ['warning', 'warning'],
  ['error', 'error'],
  ['fatal', 'error'],
  ['panic', 'error'],
]);

/**
 * Docker's options at the beginning of a command line, and what follows them.
 * @throws CommandLineError for one without its value
 */
export function splitGlobals(words: readonly string[]): [GlobalSettings, readonly string[]] {
  const end = globalsEnd(words);
  const { values } = parseFlags(words.slice(0, end), FLAGS);
  const level = values.is('debug') ? 'debug' : LEVELS.get(values.text('log-level'));
  return [
    { config: values.text('config') || undefined, logLevel: level ?? 'warning' },
    words.slice(end),
  ];
}

/** Where Docker's options end at the beginning of a command line. */
export function globalsEnd(words: readonly string[]): number {
  let end = 0;
  for (let length = 1; length > 0 && end < words.length; end += length)
    length = globalAt(words, end);
  return Math.min(end, words.length);
}

/** How many words a global option takes; 0 for a word that is none. */
function globalAt(words: readonly string[], at: number): number {
  const word = words[at] ?? '';
  const [name = ''] = word.replace(/^--/, '').split('=', 1);
  const flag = word.startsWith('--')
    ? FLAGS.find(known => known.name === name)
    : /^-[cDHl]/.test(word)
      ? FLAGS.find(known => known.short === word[1])
      : undefined;
  if (flag === undefined) return 0;
  const hasValue = word.startsWith('--') ? word.includes('=') : word.length > 2;
  return flag.kind === 'bool' || hasValue ? 1 : 2;
}
