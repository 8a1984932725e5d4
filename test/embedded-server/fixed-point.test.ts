import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fixedPointProblem } from '../../src/embedded-server/fixed-point.ts';
import { readVector, vectorPath } from '../support/fixtures.ts';

/** All that real clients sent and a real server kept: `3.targets/alice.json` and so on. */
const FOLDERS = ['a/server', 'b/server', 'c/server', 'd/server-after-publish', 'e/server'];

describe.each(FOLDERS)('files of real clients in %s', folder => {
  const names = readdirSync(vectorPath(`metadata/${folder}`), { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => /^\d+\.(root|targets|snapshot).*\.json$/.test(name));

  test('are there', () => {
    expect(names.length).toBeGreaterThan(2);
  });

  test.each(names)('%s stays as it is', name => {
    const role = name.replace(/^\d+\./, '').replace(/\.json$/, '');
    expect(fixedPointProblem(role, readVector(`metadata/${folder}/${name}`))).toBeUndefined();
  });
});
