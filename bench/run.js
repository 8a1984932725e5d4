// Compares Tabellion with the real programs: `npm run bench`, or `node bench/run.js [options]` after a build.
// Absolute times say little about another machine; the ratios within one run are the result.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { publishBigRepository, tagDigest, tagName } from './big-repository.js';
import { loadHarness } from './harness.js';
import { measure, report } from './measure.js';

const USAGE = `usage: node bench/run.js [--rounds 7] [--tags 1000,10000,50000] [--only start,verify,sign] [--batch 100]
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    tags: { type: 'string', default: '1000,10000,50000' },
    only: { type: 'string', default: 'start,verify,sign' },
    batch: { type: 'string', default: '100' },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const batch = Number(values.batch);
const sizes = values.tags.split(',').map(Number);
const only = values.only.split(',');
if (
  values.help ||
  ![rounds, batch, ...sizes].every(number => Number.isInteger(number) && number > 0)
) {
  process.stdout.write(USAGE);
  process.exit(values.help ? 0 : 2);
}

const launcher = fileURLToPath(new URL('../bin/tabellion.js', import.meta.url));
if (!existsSync(new URL('../dist/cli.js', import.meta.url))) {
  process.stderr.write('dist/cli.js is missing: run npm run build first\n');
  process.exit(2);
}
const harness = await loadHarness();
const missing = harness.missingPeers();
if (missing.length > 0) {
  process.stderr.write(`the benchmark needs ${missing.join(', ')}\n`);
  process.exit(2);
}

let failed = false;
const workspace = await harness.makeWorkspace();
try {
  const ca = await harness.makeCa(path.join(workspace.path, 'ca'));
  // Quiet servers: with many tags their logs would be most of the work.
  const server = await harness.startNotary({ ca, logLevel: 'error' });
  const notary = new harness.NotaryCli({
    server: server.url,
    caFile: server.caFile,
    trustDir: path.join(workspace.path, 'notary', 'trust'),
  });
  const docker = new harness.DockerTrust({
    dockerConfigDir: path.join(workspace.path, 'docker'),
    server: server.url,
    caFile: server.caFile,
  });
  // Each program reads with a trust folder of its own, so that none profits from another's cache.
  const reader = notary.with({ trustDir: path.join(workspace.path, 'notary-reader', 'trust') });
  const tabellion = new harness.Tabellion({
    server: server.url,
    caFile: server.caFile,
    dockerConfigDir: path.join(workspace.path, 'tabellion'),
  });
  await harness.installDockerCa(docker.options);

  const cwd = workspace.path;
  const bare = { command: process.execPath, args: ['-e', '0'], env: tabellion.environment(), cwd };
  const tabellionCommand = (args, expected) => ({
    command: process.execPath,
    args: [launcher, ...tabellion.nativeArguments(args)],
    env: tabellion.environment(),
    cwd,
    expected,
  });
  const notaryCommand = (client, args, expected) => ({
    command: 'notary',
    args: client.arguments(args),
    env: client.environment(),
    cwd,
    expected,
  });
  const dockerCommand = (args, expected) => ({
    command: 'docker',
    args,
    env: docker.environment(),
    cwd,
    expected,
  });
  const show = (title, results, baselines) => {
    process.stdout.write(`\n${title}\n${report(results, baselines)}\n`);
    if (results.some(result => result.failure !== undefined)) failed = true;
  };

  process.stdout.write(
    `median of ${rounds} rounds; Node.js ${process.version} on ${process.platform} ${process.arch}\n`,
  );
  if (only.includes('start')) await benchStart();
  if (only.includes('verify')) for (const size of sizes) await benchVerify(size);
  if (only.includes('sign')) await benchSign();

  async function benchStart() {
    const gun = 'localhost:5000/bench/small';
    await publishBigRepository(notary, gun, 3);
    const contenders = [
      { name: 'node -e 0', commands: () => [bare] },
      {
        name: 'tabellion --version',
        commands: () => [{ ...bare, args: [launcher, '--version'], expected: 'tabellion ' }],
      },
      {
        name: 'tabellion inspect',
        commands: () => [tabellionCommand(['inspect', gun], tagName(2))],
      },
      {
        name: 'docker trust inspect',
        commands: () => [dockerCommand(['trust', 'inspect', gun], tagName(2))],
      },
      { name: 'notary list', commands: () => [notaryCommand(reader, ['list', gun], tagName(2))] },
    ];
    const results = await measure(contenders, { rounds });
    show('start-up, and reading a repository of 3 tags', results, ['node -e 0']);
  }

  async function benchVerify(size) {
    const gun = `localhost:5000/bench/tags-${size}`;
    await publishBigRepository(notary, gun, size);
    const index = Math.trunc(size / 2);
    const image = `${gun}:${tagName(index)}`;
    const digest = tagDigest(index);
    const contenders = [
      {
        name: 'notary lookup',
        trustDir: reader.options.trustDir,
        commands: () => [notaryCommand(reader, ['lookup', gun, tagName(index)], digest)],
      },
      {
        name: 'docker trust inspect',
        trustDir: docker.trustDir,
        commands: () => [dockerCommand(['trust', 'inspect', image], digest)],
      },
      {
        name: 'tabellion verify',
        trustDir: tabellion.trustDir,
        commands: () => [tabellionCommand(['verify', '--no-registry', image], digest)],
      },
    ];
    const baselines = ['notary lookup', 'docker trust inspect'];
    show(
      `verify one tag of ${size}, metadata cached`,
      await measure(contenders, { rounds }),
      baselines,
    );
    const cold = contenders.map(contender => ({
      ...contender,
      prepare: () => rm(path.join(contender.trustDir, 'tuf'), { recursive: true, force: true }),
    }));
    show(`verify one tag of ${size}, nothing cached`, await measure(cold, { rounds }), baselines);
  }

  async function benchSign() {
    // Each signs in a repository of its own with the same history, whose keys are in its trust folder.
    const notaryGun = 'localhost:5000/bench/sign-notary';
    const tabellionGun = 'localhost:5000/bench/sign-tabellion';
    await publishBigRepository(notary, notaryGun, 3);
    await publishBigRepository(notary.with({ trustDir: tabellion.trustDir }), tabellionGun, 3);
    const hex = tagDigest(0);
    const tags = round => Array.from({ length: batch }, (_, index) => `round-${round}-${index}`);
    const contenders = [
      {
        name: `notary addhash -p, ${batch} times`,
        commands: round =>
          tags(round).map(tag =>
            notaryCommand(
              notary,
              ['addhash', notaryGun, tag, '1000', '--sha256', hex, '-p'],
              'Successfully published',
            ),
          ),
      },
      {
        name: `tabellion sign, ${batch} tags`,
        commands: round => {
          const images = tags(round).map(tag => `${tabellionGun}:${tag}`);
          const source = ['--digest', `sha256:${hex}`, '--size', '1000'];
          return [tabellionCommand(['sign', ...images, ...source])];
        },
      },
    ];
    // Notary takes seconds each time: a few rounds have to do.
    const results = await measure(contenders, { rounds: Math.min(rounds, 3) });
    show(`sign ${batch} tags`, results, [contenders[0].name]);
  }
} finally {
  await harness.stopAll();
}
if (failed) process.exitCode = 1;
