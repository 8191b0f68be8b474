import test from 'ava';
import {
  measureCost,
  measureOneWayCuts,
  measureRollingRestart,
  measureSpread,
  measureStorm,
} from './scale.ts';

const calm = { seed: 3, loss: 0, dead: 0 };
/** Serf's published curve for 1,000 members and a fifth: 2.2 s, and 3.2 s with loss and dead hosts. */
const calmMs = 2_640;
const stormyMs = 3_840;

test.serial(
  'scale: 1,000 members know of a join, a leave and a death as soon as Serf says, and a fifth',
  (t) => {
    const { joinMs, leaveMs, crashMs } = measureSpread({ ...calm, members: 1_000 });
    t.log({ joinMs, leaveMs, crashMs });
    t.true(Math.max(joinMs, leaveMs, crashMs) <= calmMs);
  },
);

test.serial(
  'scale: also where a quarter of the messages is lost and a tenth of the hosts has just died',
  (t) => {
    const { joinMs, leaveMs, crashMs } = measureSpread({ members: 1_000, seed: 3, loss: 0.25, dead: 0.1 });
    t.log({ joinMs, leaveMs, crashMs });
    t.true(Math.max(joinMs, leaveMs, crashMs) <= stormyMs);
  },
);

test.serial(
  'scale: a host sends less than 2 kB/s at 1,000 members, loads that change all the time included',
  (t) => {
    const cost = measureCost({ members: 1_000, seed: 3 });
    t.log(cost);
    t.true(cost.swimBytesPerSecond + cost.busyVitalsBytesPerSecond < 2_000);
    t.true(cost.swimBytesPerSecond > 100 && cost.quietVitalsBytesPerSecond > 100, 'something was measured');
  },
);

test.serial('scale: 100 hosts that join 200 at once are known to all soon', (t) => {
  t.true(measureStorm({ ...calm, members: 200 }, 100) < 2 * calmMs);
});

test.serial(
  'scale: a rolling restart of all hosts, with a word or by kill -9, has nobody called dead',
  (t) => {
    for (const graceful of [true, false]) {
      const { settledMs, falseDeaths } = measureRollingRestart({ ...calm, members: 60 }, graceful);
      t.is(falseDeaths, 0);
      t.true(settledMs < 30_000);
    }
  },
);

test.serial(
  'scale: hosts that hear only half of the others stay alive, and hold nobody dead for long',
  (t) => {
    const { ever, last } = measureOneWayCuts({ ...calm, members: 60 });
    t.is(last, 0);
    t.true(ever <= 3, `${ever}`);
  },
);
