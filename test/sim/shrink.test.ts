import test from 'ava';
import { registerBugs } from './bugs/register.ts';
import { registerScenario } from './scenario/register.ts';
import { runSeed, type Scenario } from './scenario.ts';
import { encodeDeeds, nothing, parseDeeds, readable, replayOf, shrink, tell, wayOf } from './shrink.ts';

/** Fails when operation 12 is done while fault 3 lasts, whatever else happens. */
const fragile: Scenario = {
  name: 'fragile',
  async run(world) {
    let isHurt = false;
    let violation: string | undefined;
    for (let number = 0; number < 20; number++) {
      const isFault = world.allows('fault');
      if (isFault) world.tell('fault', number);
      isHurt = number === 3 ? isFault : isHurt && number < 8;
      for (let index = 0; index < 2; index++) {
        const isDone = world.allows('operation');
        if (isDone) world.tell('operation', 2 * number + index);
        if (isDone && isHurt && 2 * number + index === 12) violation = `lost at ${world.nowMs()}`;
      }
    }
    return { operations: 40, ...(violation !== undefined && { violation }) };
  },
};

test('shrink: what a failure does not need is left out, and it replays event for event', async (t) => {
  const failed = await runSeed(fragile, 1);
  const { report, skip, runs } = await shrink(fragile, failed, { runsMax: 300 });
  t.is(skip.fault.size, 19);
  t.is(skip.operation.size, 39);
  t.false(skip.fault.has(3) || skip.operation.has(12));
  t.true(runs < 60, `${runs} runs`);
  const lines: string[] = [];
  const again = await tell(fragile, 1, skip, (line) => lines.push(line));
  t.is(again.hash, report.hash);
  t.not(again.hash, failed.hash);
  t.deepEqual(lines, ['0.000 fault 3', '0.000 operation 12']);
  t.is(
    replayOf(report, skip),
    '--scenario fragile --seeds 1 --from 1 --skip operation:0-11,13-39/fault:0-2,4-19',
  );
});

test('shrink: no more runs than are given', async (t) => {
  const failed = await runSeed(fragile, 1);
  const { runs, report } = await shrink(fragile, failed, { runsMax: 5 });
  t.is(runs, 5);
  t.is(wayOf(report.violation), wayOf(failed.violation));
});

test('shrink: a run of the real cores that fails still fails in the same way when it is cut down', async (t) => {
  const broken = registerScenario(registerBugs['a read quorum of one']);
  let failed = await runSeed(broken, 1);
  while (!failed.violation && failed.seed < 50) failed = await runSeed(broken, failed.seed + 1);
  t.truthy(failed.violation);
  const { report, skip } = await shrink(broken, failed, { runsMax: 12 });
  t.is(wayOf(report.violation), wayOf(failed.violation));
  t.true(skip.operation.size > 0);
  t.is((await tell(broken, failed.seed, skip, () => {})).hash, report.hash);
});

test('shrink: what is left out travels as text', (t) => {
  const skip = { fault: new Set([1, 4, 5, 6]), operation: new Set([0]) };
  t.is(encodeDeeds(skip), 'operation:0/fault:1,4-6');
  t.deepEqual(parseDeeds('operation:0/fault:1,4-6'), skip);
  t.is(encodeDeeds(nothing), '');
  t.deepEqual(parseDeeds(''), nothing);
  for (const text of ['fault', 'fault:x', 'disk:1', 'fault:1-', 'fault:0-99999999'])
    t.is(parseDeeds(text), undefined);
});

test('timeline: hosts go by the end of their ids', (t) => {
  const line = '12.000 fault cut 12D3Koo111111111111111111111111111111111111111111113 to others\n';
  t.is(readable(line), '12.000 fault cut h13 to others');
});

test('shrink: two violations are of one way when only names and numbers differ', (t) => {
  t.is(
    wayOf('row g0 k1 is not linearizable: c0@11 got 5'),
    wayOf('row g1 k0 is not linearizable: c2@13 got 7'),
  );
  t.not(wayOf('row g0 k1 is not linearizable'), wayOf('not at rest; h1 has 2 chunks'));
});
