/**
 * `npm run chaos -- --hosts 5 --minutes 10 [--seed S] [--plan mixed|replace|layouts] [--objects N] [--runs N] [--keep]`
 *
 *   mixed     every fault that the machine can make, one after the other
 *   replace   a host is killed for good every two minutes and a new one joins, while N objects are made and read
 *   layouts   a set only grows while hosts are drained, taken back, removed and joined in a loop
 *
 * Prints operations and faults by kind; on a violation the timeline, and the data stay. Exit status 1 then. Of several
 * runs each is a cluster of its own, with the next seed.
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
    runs: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
});
const number = (
  option: 'hosts' | 'minutes' | 'objects' | 'seed' | 'runs',
  text: string,
  least: number,
): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new Error(`Cannot use --${option} ${text}: it takes a number from ${least}`);
};
const plan = plans.find((one) => one === values.plan);
if (!plan) throw new Error(`Cannot use --plan ${values.plan}: it is one of ${plans.join(', ')}`);

const firstSeed = number('seed', values.seed ?? String(Date.now() % 1_000_000), 0);
const minutes = number('minutes', values.minutes, 0.1);
const hosts = number('hosts', values.hosts, 1);
const objects = number('objects', values.objects, 1);
const runs = number('runs', values.runs, 1);
const say = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
const counts = (map: ReadonlyMap<string, number>): string =>
  [...map]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ') || 'none';

const replaceEveryMs = 120_000;
const workOf = {
  mixed: { workers: 5 },
  replace: { workers: 6, objects: { count: objects, withinMs: minutes * 60_000 * 0.95 } },
  layouts: { workers: 5, isGrowing: true },
};
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)));

const print = (report: Report): void => {
  const { operations, violations } = report;
  console.log(`seed ${report.seed}, plan ${plan}, ${values.minutes} minutes, ${report.objects} objects`);
  console.log(`operations: ${counts(operations)}`);
  console.log(`faults: ${counts(report.faults)}`);
  if (plan === 'layouts')
    console.log(
      `additions acknowledged: ${operations.get('put ok') ?? 0} objects, ${operations.get('claim ok') ?? 0} names; ` +
        `without an answer: ${operations.get('put unknown') ?? 0} objects, ${operations.get('claim unknown') ?? 0} names`,
    );
  console.log(
    report.healedMs === undefined
      ? 'not healed'
      : `green with full replication ${(report.healedMs / 1_000).toFixed(1)} s after the last fault`,
  );
  for (const [at, { about, what, atMs }] of violations.entries()) {
    console.log(`VIOLATION at ${(atMs / 1_000).toFixed(1)} s, ${about}: ${what}`);
    for (const line of report.timelines[at] ?? []) console.log(`    ${line}`);
  }
  if (violations.length > 0) console.log(`${violations.length} violations`);
  if (violations.length > 0 || values.keep) console.log(`data, logs and history stay in ${report.directory}`);
};

let clean = 0;
for (let run = 0; run < runs; run++) {
  const report = await runChaos({
    ...{ seed: firstSeed + run, plan, hosts, say, signal: stop.signal },
    seconds: minutes * 60,
    keep: values.keep,
    work: { pauseMs: 40, bytesMax: 900 * 1_024 ** 2, ...workOf[plan] },
    nemesis: { replaceEveryMs, holdMs: [2_000, 15_000], restMs: [1_000, 8_000] },
  });
  print(report);
  if (report.violations.length === 0) clean++;
}
if (runs > 1) console.log(`${clean} of ${runs} runs without a violation`);
process.exit(clean === runs ? 0 : 1);
