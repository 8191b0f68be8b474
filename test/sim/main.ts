/**
 * `npm run sim -- --seeds 200 [--from 1] [--scenario register|membership|ring|all] [--trace]`
 *
 * One line a failure, with what replays it; a summary at the end. Exit status 1 when a promise was broken.
 */
import { parseArgs } from 'node:util';
import { hourMs, minuteMs } from '../../proto/units.ts';
import { clusterScenario } from './scenario/cluster.ts';
import { membershipScenario } from './scenario/membership.ts';
import { registerScenario } from './scenario/register.ts';
import { ringScenario } from './scenario/ring.ts';
import { type Report, runSeed, type Scenario } from './scenario.ts';

const scenarios: readonly Scenario[] = [
  membershipScenario(),
  ringScenario(),
  registerScenario(),
  clusterScenario(),
];

const usage = (problem: string): never => {
  console.error(
    `sim: ${problem}. Usage: npm run sim -- --seeds N [--from S] [--scenario NAME|all] [--trace]`,
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

const reports: Report[] = [];
const startMs = performance.now();
for (let seed = from; seed < from + seeds; seed++)
  for (const scenario of chosen) {
    const trace = values.trace ? { trace: (line: string) => process.stdout.write(line) } : {};
    const report = await runSeed(scenario, seed, trace);
    reports.push(report);
    if (report.violation)
      console.log(`FAILED --scenario ${report.scenario} --seeds 1 --from ${seed}: ${report.violation}`);
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
