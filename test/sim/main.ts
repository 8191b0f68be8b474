/**
 * `npm run sim -- --seeds 200 [--from 1] [--scenario NAME|all]`
 *
 * One line a failure, with what replays it and the hash of its trace; a summary at the end. Exit status 1 when a promise
 * was broken. To look into a failure:
 *
 *   --timeline   what was done to the hosts and what the clients saw
 *   --shrink     cuts each failure down first (a few hundred runs), then shows the timeline of what is left
 *   --skip WHAT  leaves out operations and faults, as --shrink prints it
 *   --trace      every event
 */
import { parseArgs } from 'node:util';
import { hourMs, minuteMs } from '../../proto/units.ts';
import { clusterScenario } from './scenario/cluster.ts';
import { flowScenario } from './scenario/flow.ts';
import { lossScenario } from './scenario/loss.ts';
import { membershipScenario } from './scenario/membership.ts';
import { registerScenario } from './scenario/register.ts';
import { ringScenario } from './scenario/ring.ts';
import { splitScenario } from './scenario/split.ts';
import { type Report, runSeed, type Scenario } from './scenario.ts';
import { parseDeeds, readable, replayOf, shrink, tell } from './shrink.ts';
import type { Deeds } from './world.ts';

const scenarios: readonly Scenario[] = [
  membershipScenario(),
  ringScenario(),
  registerScenario(),
  clusterScenario(),
  splitScenario(),
  lossScenario(),
  flowScenario(),
];

const usage = (problem: string): never => {
  console.error(
    `sim: ${problem}. Usage: npm run sim -- --seeds N [--from S] [--scenario NAME|all] [--timeline | --shrink | --trace] [--skip WHAT]`,
  );
  process.exit(2);
};

const count = (name: string, text: string, least: number): number => {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= least
    ? number
    : usage(`--${name} is ${JSON.stringify(text)}, it is a whole number from ${least} up`);
};

const { values } = (() => {
  try {
    return parseArgs({
      options: {
        seeds: { type: 'string', default: '50' },
        from: { type: 'string', default: '1' },
        scenario: { type: 'string', default: 'all' },
        trace: { type: 'boolean', default: false },
        timeline: { type: 'boolean', default: false },
        shrink: { type: 'boolean', default: false },
        skip: { type: 'string', default: '' },
      },
    });
  } catch (thrown) {
    return usage(thrown instanceof Error ? thrown.message : String(thrown));
  }
})();

const seeds = count('seeds', values.seeds, 1);
const from = count('from', values.from, 0);
const chosen = scenarios.filter(({ name }) => values.scenario === 'all' || values.scenario === name);
if (chosen.length === 0) usage(`there is no scenario ${JSON.stringify(values.scenario)}`);

const skip = parseDeeds(values.skip) ?? usage(`--skip is ${JSON.stringify(values.skip)}`);
/** Some minutes of a cluster's runs: the last hundred rarely leave out more than a line. */
const shrinkRunsMax = 300;

const reports: Report[] = [];
const startMs = performance.now();
for (let seed = from; seed < from + seeds; seed++)
  for (const scenario of chosen) {
    const report = await runSeed(scenario, seed, {
      skip,
      ...(values.trace && { trace: (line: string) => process.stdout.write(line) }),
      ...(values.timeline && { timeline: (line: string) => console.log(readable(line)) }),
    });
    reports.push(report);
    if (!report.violation) continue;
    console.log(`FAILED ${replayOf(report, skip)}: ${readable(report.violation)} (hash ${report.hash})`);
    if (!values.shrink) continue;
    const progress = (left: Deeds, runs: number): void =>
      console.error(
        `  after ${runs} runs without ${left.operation.size} operations and ${left.fault.size} faults`,
      );
    const small = await shrink(scenario, report, { skip, runsMax: shrinkRunsMax, progress });
    const again = await tell(scenario, seed, small.skip, (line) => console.log(`  ${line}`));
    const same = again.hash === small.report.hash ? `hash ${again.hash}` : 'NOT REPLAYED';
    console.log(
      `SHRUNK ${replayOf(report, small.skip)}: ${readable(again.violation ?? 'nothing')} (${same})`,
    );
  }
const minutes = (performance.now() - startMs) / minuteMs;

for (const { name } of chosen) {
  const own = reports.filter((report) => report.scenario === name);
  const faults = new Map<string, number>();
  for (const report of own)
    for (const [kind, times] of report.faults) faults.set(kind, (faults.get(kind) ?? 0) + times);
  const sum = (of: (report: Report) => number): number => own.reduce((total, each) => total + of(each), 0);
  console.log(
    `${name}: ${own.length} seeds, ${sum(({ operations }) => operations)} operations, ` +
      `${(sum(({ virtualMs }) => virtualMs) / hourMs).toFixed(1)} virtual hours; faults: ` +
      [...faults].map(([kind, times]) => `${kind} ${times}`).join(', '),
  );
}
const failed = reports.filter(({ violation }) => violation !== undefined).length;
console.log(
  `${failed === 0 ? 'no violation' : `${failed} VIOLATIONS`} in ${reports.length} runs, ` +
    `${Math.round(seeds / minutes)} seeds a minute`,
);
process.exit(failed === 0 ? 0 : 1);
