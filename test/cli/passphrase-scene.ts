import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { MemoryKeychain } from '../support/memory-keychain.ts';
import { createTestHost, type TestHost, type TestHostOptions } from './test-host.ts';

/** The passphrase of the key, at first. */
export const OLD = 'the passphrase of old';
export const NEW = 'the passphrase of today';
export const WRONG = 'a wrong passphrase';
/** A person sits there. */
export const TERMINAL = { stdin: true, stdout: true, stderr: true };

export interface RunOptions extends TestHostOptions {
  /** What is on standard input. */
  readonly input?: string;
  /** What a person types, after each question. */
  readonly types?: readonly (readonly [question: string, typed: string])[];
}

/** Before each test a new trust directory with the key of a signer, and an empty keychain. */
export class PassphraseScene {
  dir = '';
  keychain = new MemoryKeychain();
  /** The ID of the key. */
  id = '';
  /** All that was printed in a test: after it, no passphrase may be found here. */
  printed = '';

  get trust(): string {
    return join(this.dir, 'trust');
  }

  async setUp(): Promise<void> {
    this.dir = await mkdtemp(join(tmpdir(), 'tabellion-passphrases-'));
    this.keychain = new MemoryKeychain();
    this.printed = '';
    const made = await this.tabellion(['key', 'generate', 'alice', '--dir', this.dir, '-q'], {
      env: { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: OLD },
    });
    this.id = made.out.trim();
  }

  async tearDown(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
    for (const secret of [OLD, NEW, WRONG]) expect(this.printed).not.toContain(secret);
  }

  /** Runs a command line, with a person or a pipe at its input. */
  async tabellion(words: string[], { input, types = [], ...options }: RunOptions = {}) {
    const host = createTestHost({ keychain: this.keychain, ...options });
    if (types.length === 0) host.stdin.end(input ?? '');
    const typing = type(host, () => options.ownTerminal?.() ?? host.stdin, types);
    const { exitCode } = await run([...words, '--trust-dir', this.trust], host);
    await typing;
    this.printed += host.out() + host.err();
    return { exitCode, out: host.out(), err: host.err() };
  }

  /** A command that has to open the key. */
  passwd(...flags: string[]): string[] {
    return ['key', 'passwd', this.id, ...flags];
  }
}

/** The scene of a file of tests. */
export function passphraseScene(): PassphraseScene {
  const scene = new PassphraseScene();
  beforeEach(() => scene.setUp());
  afterEach(() => scene.tearDown());
  return scene;
}

/** Types each answer once its question is there. */
async function type(
  host: TestHost,
  terminal: () => unknown,
  types: NonNullable<RunOptions['types']>,
): Promise<void> {
  let seen = 0;
  for (const [question, typed] of types) {
    for (;;) {
      const at = host.err().indexOf(question, seen);
      if (at !== -1) {
        seen = at + question.length;
        break;
      }
      await new Promise(resolve => host.stderr.once('data', resolve));
    }
    (terminal() as PassThrough).write(typed);
  }
}
