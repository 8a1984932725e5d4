// Wall time and peak memory of whole processes, compared within one run: the machine's speed cancels out.
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * A program that does the job to be measured.
 * @typedef {object} Contender
 * @property {string} name
 * @property {(round: number) => Command[]} commands The processes of one round, run one after the other.
 * @property {() => Promise<void>} [prepare] Runs before each round and is not measured.
 */

/**
 * @typedef {object} Command
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} env The whole environment.
 * @property {string} cwd
 * @property {string} [expected] Text that standard output must have, or the round does not count.
 */

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {number} [medianMs]
 * @property {number} [peakKiB] Largest resident set of any process of the round.
 * @property {string} [failure]
 */

/**
 * Measures the contenders in turn, round after round, so that a busy moment hits all of them.
 * The first round warms up and is not counted. A contender that fails is reported and left out.
 * @param {Contender[]} contenders
 * @param {{ rounds: number }} options
 * @returns {Promise<Result[]>}
 */
export async function measure(contenders, { rounds }) {
  const times = new Map(contenders.map(({ name }) => [name, []]));
  const peaks = new Map(contenders.map(({ name }) => [name, []]));
  const failures = new Map();
  for (let round = 0; round <= rounds; round += 1) {
    for (const contender of contenders) {
      if (failures.has(contender.name)) continue;
      try {
        await contender.prepare?.();
        let elapsed = 0;
        for (const command of contender.commands(round)) elapsed += await timed(command);
        if (round > 0) times.get(contender.name).push(elapsed);
      } catch (error) {
        failures.set(contender.name, error.message.replaceAll(/\s+/g, ' '));
      }
    }
  }
  // Memory in rounds of its own: the wrapper that reads it costs time.
  for (let round = rounds + 1; round <= rounds + 3; round += 1) {
    for (const contender of contenders) {
      if (failures.has(contender.name)) continue;
      await contender.prepare?.();
      // The processes of one round are alike: one of them tells.
      const peak = await peakMemory(contender.commands(round)[0]);
      if (peak !== undefined) peaks.get(contender.name).push(peak);
    }
  }
  return contenders.map(({ name }) => ({
    name,
    medianMs: median(times.get(name)),
    peakKiB: median(peaks.get(name)),
    failure: failures.get(name),
  }));
}

/** The middle value, or undefined of nothing. */
export function median(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Milliseconds from the start of a process to its end. Throws when it fails or says something else than expected. */
async function timed({ command, args, env, cwd, expected }) {
  const begin = process.hrtime.bigint();
  const { output } = await finish(
    spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const elapsed = Number(process.hrtime.bigint() - begin) / 1e6;
  if (expected !== undefined && !output.includes(expected)) {
    throw new Error(`did not say "${expected}" but: ${output.slice(0, 500)}`);
  }
  return elapsed;
}

/** KiB of the largest resident set while a process ran, or undefined where the system does not tell. */
async function peakMemory({ command, args, env, cwd }) {
  const gnuTime = '/usr/bin/time';
  if (isGnuTime(gnuTime)) {
    const file = path.join(tmpdir(), `tabellion-bench-${process.pid}.peak`);
    const wrapped = ['-f', '%M', '-o', file, '--', command, ...args];
    await finish(spawn(gnuTime, wrapped, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] }));
    const peak = Number(readFileSync(file, 'utf8').trim());
    rmSync(file);
    return peak;
  }
  // Without GNU time: the kernel's high-water mark, as late as it can be read.
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let peak;
  const poll = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      const mark = /^VmHWM:\s+(\d+) kB$/m.exec(status);
      if (mark) peak = Number(mark[1]);
    } catch {
      // No such file system, or the process has ended.
    }
  }, 2);
  try {
    await finish(child);
  } finally {
    clearInterval(poll);
  }
  return peak;
}

let gnuTimeWorks;

function isGnuTime(program) {
  if (gnuTimeWorks === undefined) {
    try {
      accessSync(program, constants.X_OK);
      gnuTimeWorks = process.platform === 'linux';
    } catch {
      gnuTimeWorks = false;
    }
  }
  return gnuTimeWorks;
}

/** Waits for the end of a child. Throws when its exit code is not 0. */
async function finish(child) {
  let output = '';
  let errors = '';
  child.stdout.on('data', chunk => {
    output += chunk;
  });
  child.stderr.on('data', chunk => {
    errors += chunk;
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`exit ${code}: ${(errors || output).trim().slice(0, 500)}`);
  return { output };
}

/**
 * A table of results with their ratios to some of them.
 * @param {Result[]} results
 * @param {string[]} baselines Names of the results to compare with.
 * @returns {string}
 */
export function report(results, baselines) {
  const header = ['', 'wall ms', 'peak MiB'];
  for (const baseline of baselines) header.push(`time / ${baseline}`, `memory / ${baseline}`);
  const rows = results.map(result => {
    if (result.failure !== undefined) return [result.name, `FAILED: ${result.failure}`];
    const row = [
      result.name,
      result.medianMs.toFixed(1),
      result.peakKiB === undefined ? '-' : (result.peakKiB / 1024).toFixed(1),
    ];
    for (const baseline of baselines) {
      const other = results.find(({ name }) => name === baseline);
      row.push(ratio(result.medianMs, other?.medianMs), ratio(result.peakKiB, other?.peakKiB));
    }
    return row;
  });
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.filter(row => row.length > 2).map(row => row[column].length)),
  );
  const format = row =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
      )
      .join('  ');
  return [header, ...rows].map(row => (row.length > 2 ? format(row) : row.join('  '))).join('\n');
}

function ratio(value, base) {
  return value === undefined || base === undefined ? '-' : (value / base).toFixed(2);
}
