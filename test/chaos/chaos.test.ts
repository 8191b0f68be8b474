/** Real agents in namespaces, for about a minute. The long form: `npm run chaos`. */
import test from 'ava';
import { namespacesMissing } from './network.ts';
import { runChaos } from './run.ts';

const missing = await namespacesMissing();
const withNamespaces = missing ? test.serial.skip : test.serial;
if (missing) console.log(`chaos: ${missing}, so agents in namespaces are not tested`);

/** Each time the same faults; new ones are looked for by the long form. */
const seed = 20_261;
/** Operations that must come through; a slow machine gets more than the minute for them. */
const least = { put: 20, get: 50, set: 10 };

withNamespaces('chaos: a minute of faults loses nothing, and all is whole again afterwards', async (t) => {
  t.timeout(600_000);
  const report = await runChaos({
    ...{ hosts: 3, seconds: 50, seed, plan: 'mixed' },
    least,
    work: { workers: 3, pauseMs: 60, bytesMax: 150 * 1_024 ** 2 },
    nemesis: { replaceEveryMs: 60_000, holdMs: [1_000, 5_000], restMs: [500, 2_000] },
    say: (line) => t.log(line),
  });
  t.log(`faults: ${[...report.faults].map(([kind, count]) => `${count} ${kind}`).join(', ')}`);
  const words = report.violations.map(({ about, what }) => `${about}: ${what}`);
  t.deepEqual(words, [], `see ${report.directory}\n${report.timelines.flat().join('\n')}`);
  for (const [kind, count] of Object.entries(least))
    t.true((report.operations.get(`${kind} ok`) ?? 0) >= count, `users got something done: ${kind}`);
  t.true([...report.faults.values()].reduce((sum, count) => sum + count, 0) >= 3);
});
