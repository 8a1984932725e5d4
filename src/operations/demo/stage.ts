/** Where the demonstration plays: a trust server, machines with a folder each, and a clock that moves on. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NOTARY_ENCRYPTION } from '../../crypto/encrypted-private-key.ts';
import { OperationError } from '../../errors.ts';
import { keyFileName } from '../../keys/key-files.ts';
import { ROUNDS_VARIABLE } from '../../keys/key-strength.ts';
import { openSession, type Session, type SessionOptions } from '../session.ts';
import { type VerifyResult, verify } from '../verify.ts';
import type { DemoStep, Narrate } from './story.ts';

export const REPOSITORY = 'localhost:5000/demo/hello';
export const SIGNER = 'demo';

export type DemoOptions = Pick<SessionOptions, 'now' | 'log'>;

const HOUR = 60 * 60 * 1000;

export class Stage {
  /** For this run alone: the keys go with the folder. */
  readonly passphrase = randomBytes(18).toString('base64url');
  readonly owner = 'owner';
  private readonly options: DemoOptions;
  private readonly folder: string;
  private readonly server: { readonly url: string; readonly caFile?: string };
  private readonly clock: DemoClock;
  private readonly narrate: Narrate;

  constructor(
    options: DemoOptions,
    folder: string,
    server: { readonly url: string; readonly caFile?: string },
    clock: DemoClock,
    narrate: Narrate,
  ) {
    this.options = options;
    this.narrate = narrate;
    this.folder = folder;
    this.server = server;
    this.clock = clock;
  }

  get now(): Date {
    return this.clock.now();
  }

  tell(step: DemoStep): void {
    this.narrate(step, this.clock.now());
  }

  /** Some time passes. */
  later(): void {
    this.clock.later();
  }

  /** Does a command's work on a machine, which comes into being with its first command. */
  async on<T>(machine: string, work: (session: Session) => Promise<T>): Promise<T> {
    const session = await openSession({
      env: {
        DOCKER_CONFIG: this.configDir(machine),
        DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: this.passphrase,
        DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: this.passphrase,
        // Nobody guesses 144 random bits, however few rounds there are.
        [ROUNDS_VARIABLE]: String(NOTARY_ENCRYPTION.iterations),
      },
      home: join(this.folder, machine),
      server: this.server.url,
      ...(this.server.caFile === undefined ? {} : { tlsCa: this.server.caFile }),
      now: () => this.clock.now(),
      log: this.options.log,
      progress: () => undefined,
    });
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }

  /** A copy of a machine's trust folder, without one of its keys. */
  async steal(from: string, to: string, exceptKey: string): Promise<void> {
    await mkdir(join(this.folder, to), { recursive: true, mode: 0o700 });
    await cp(this.configDir(from), this.configDir(to), { recursive: true });
    await rm(join(this.configDir(to), 'trust', 'private', keyFileName(exceptKey)));
  }

  async verify(image: string, machine = this.owner, offline = false): Promise<VerifyResult> {
    const { images } = await this.on(machine, session =>
      verify(session, { images: [image], registry: 'skip', offline, requireFresh: false }),
    );
    const [result] = images;
    if (result === undefined) throw failed('nothing was verified');
    return result;
  }

  private configDir(machine: string): string {
    return join(this.folder, machine, 'docker');
  }
}

/** Starts with the real time; a story needs a before and an after. */
export class DemoClock {
  private readonly base: () => Date;
  private passed = 0;

  constructor(base: () => Date) {
    this.base = base;
  }

  now(): Date {
    return new Date(this.base().getTime() + this.passed);
  }

  later(): void {
    this.passed += HOUR;
  }
}

/** @throws OperationError `DEMO_FAILED` */
export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw failed(otherwise);
}

function failed(why: string): OperationError {
  return new OperationError('DEMO_FAILED', `The demonstration failed: ${why}`);
}
