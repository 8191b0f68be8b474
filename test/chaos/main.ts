/**
 * `npm run chaos -- --hosts 5 --minutes 10 --seed S [--plan mixed|replace|layouts] [--objects N] [--keep]`
 * Prints operations and faults by kind; on a violation the timeline, and the data stay. Exit status 1 then.
 */
import { parseArgs } from 'node:util';
import { plans } from './nemesis.ts';
import { type Report, runChaos } from './run.ts';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    plan: { type: 'string', default: 'mixed' },
    objects: { type: 'string', default: '10000' },
    keep: { type: 'boolean', default: false },
  },
});
const number = (option: 'hosts' | 'minutes' | 'objects' | 'seed', text: string, least: number): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new Error(`Cannot use --${option} ${text}: it takes a number from ${least}`);
};
const plan = plans.find((one) => one === values.plan);
if (!plan) throw new Error(`Cannot use --plan ${values.plan}: it is one of ${plans.join(', ')}`);

const seed = number('seed', values.seed ?? String(Date.now() % 1_000_000), 0);
const minutes = number('minutes', values.minutes, 0.1);
const say = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
const counts = (map: ReadonlyMap<string, number>): string =>
  [...map]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ') || 'none';

const replaceEveryMs = 120_000;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)));
const report: Report = await runChaos({
  signal: stop.signal,
  ...{ seed, plan, say },
  hosts: number('hosts', values.hosts, 1),
  seconds: minutes * 60,
  keep: values.keep,
  work: {
    workers: plan === 'replace' ? 6 : 5,
    pauseMs: 40,
    bytesMax: 900 * 1_024 ** 2,
    ...(plan === 'replace'
      ? { objects: { count: number('objects', values.objects, 1), withinMs: minutes * 60_000 * 0.95 } }
      : {}),
  },
  nemesis: { replaceEveryMs, holdMs: [2_000, 15_000], restMs: [1_000, 8_000] },
});

console.log(`seed ${report.seed}, plan ${plan}, ${values.minutes} minutes, ${report.objects} objects`);
console.log(`operations: ${counts(report.operations)}`);
console.log(`faults: ${counts(report.faults)}`);
console.log(
  report.healedMs === undefined
    ? 'not healed'
    : `green with full replication ${(report.healedMs / 1_000).toFixed(1)} s after the last fault`,
);
for (const [at, { about, what, atMs }] of report.violations.entries()) {
  console.log(`VIOLATION at ${(atMs / 1_000).toFixed(1)} s, ${about}: ${what}`);
  for (const line of report.timelines[at] ?? []) console.log(`    ${line}`);
}
if (report.violations.length > 0) {
  console.log(`${report.violations.length} violations; data, logs and history stay in ${report.directory}`);
  process.exit(1);
}
if (values.keep) console.log(`data, logs and history stay in ${report.directory}`);
process.exit(0);
