import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import { type DemoStep, demo } from '../../src/operations/demo/demo.ts';
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

describe('demo', () => {
  it('tells the whole story: signing, tampering, a theft, a lost root', async () => {
    const { steps } = await run(IMAGE);
    expect(steps.map(({ step }) => step)).toEqual([
      'server',
      'sign',
      'verify',
      'inspect',
      'other-image',
      'forged-metadata',
      'theft',
      'believed',
      'rotate',
      'refused',
      'thief-locked-out',
      'thumbprint',
      'root-lost',
      'recovery',
      'recovered',
      'thumbprint',
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
    expect(find('believed').result).toMatchObject({ trusted: true });
    expect(find('rotate').report.repositories).toMatchObject([
      {
        exitCode: 0,
        verifiedAfresh: true,
        review: {
          isComplete: true,
          remainingTags: [],
          keptTags: [
            { tag: '1.0', role: 'targets/demo' },
            { tag: '1.0', role: 'targets/releases' },
          ],
        },
      },
    ]);
    expect(find('refused').result).toMatchObject({
      exitCode: 3,
      error: { code: 'NOT_SIGNED' },
    });
    expect(find('recovered').result).toMatchObject({ trusted: true, digest: DIGEST });
    const roots = steps.flatMap(step =>
      step.step === 'thumbprint' ? step.reports.map(({ roles }) => roles[0]?.keys[0]?.keyId) : [],
    );
    expect(new Set(roots).size).toBe(2);
    // Each command is one that can be typed.
    for (const step of steps) {
      if ('command' in step)
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
