import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import { type DemoStep, demo } from '../../src/operations/demo.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { NOW } from '../support/trust-scene.ts';

const IMAGE = fileURLToPath(new URL('../../fixtures/demo-image', import.meta.url));
const DIGEST = 'sha256:9f10dc7a8d0d93e8b86a7e0e0bdc96dfd58b3862d8dba270d612ddc98430c7ee';

async function run(image: string): Promise<{ steps: DemoStep[]; log: string[] }> {
  const steps: DemoStep[] = [];
  const log: string[] = [];
  await demo({ now: () => NOW, log: line => log.push(line) }, image, step => steps.push(step));
  return { steps, log };
}

describe('demo', { timeout: 60_000 }, () => {
  it('signs, verifies, finds tampering out, and recovers from a thief and a lost root', async () => {
    const { steps } = await run(IMAGE);
    expect(steps.map(({ step }) => step)).toEqual([
      'server',
      'sign',
      'verify',
      'inspect',
      'other-image',
      'forged-metadata',
      'thief',
      'rotate',
      'thief-refused',
      'thumbprint',
      'root-lost',
      'recover',
      'verify-again',
      'done',
    ]);
    const find = <S extends DemoStep['step']>(name: S) =>
      steps.find(({ step }) => step === name) as Extract<DemoStep, { step: S }>;
    expect(find('sign').report.repositories).toMatchObject([
      { initialised: true, signer: 'demo', tags: [{ digest: DIGEST }, { digest: DIGEST }] },
    ]);
    expect(find('verify').result).toMatchObject({ trusted: true, digest: DIGEST });
    expect(find('inspect').result.signedTags.map(({ tag }) => tag)).toEqual(['1.0', 'latest']);
    expect(find('other-image').result.error?.code).toBe('DIGEST_MISMATCH');
    expect(find('forged-metadata').result).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'HASH_MISMATCH' },
    });
    expect(find('rotate').report.review?.removedTags).toMatchObject([{ tag: 'evil' }]);
    expect(find('recover').tags).toEqual([
      'localhost:5000/demo/hello:1.0',
      'localhost:5000/demo/hello:latest',
    ]);
    expect(find('verify-again').result).toMatchObject({ trusted: true, digest: DIGEST });
    // Each command is one that can be typed.
    for (const step of steps) {
      if (!('command' in step)) continue;
      expect(step.command).toMatch(
        /^tabellion (sign|verify|inspect|key rotate|thumbprint|recover) /,
      );
    }

    const file = find('sign').report.repositories[0]?.createdKeys[0]?.file ?? '';
    const [folder] = /^.*tabellion-demo-[^/\\]+/.exec(file) ?? [''];
    expect(folder).not.toBe('');
    expect(existsSync(folder)).toBe(false);
  });

  it('leaves nothing behind when it fails', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tabellion-demo-test-'));
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, folder);
    try {
      const error = await expectFailure(
        run(join(IMAGE, 'no-such-folder')),
        OperationError,
        'OCI_LAYOUT_NOT_FOUND',
      );
      expect(error.message).toContain('no-such-folder');
      expect(await readdir(folder)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    }
  });
});
