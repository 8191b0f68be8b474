import test from 'ava';
import { latency } from '../../agent/chunk/latency.ts';
import { hedgeMsDefault, hedgeMsMax, hedgeMsMin, latencyHalfLifeMs } from '../../agent/chunk/limits.ts';
import type { HostId } from '../../proto/ids.ts';

const [fast, slow] = ['fast', 'slow'] as unknown as [HostId, HostId];
const start = () => {
  let nowMs = 0;
  return {
    speeds: latency({ monotonicMs: () => nowMs }),
    pass(ms: number) {
      nowMs += ms;
    },
  };
};

test('latency: a host that was never asked is tried first, and hedged after a time that suits any', (t) => {
  const { speeds } = start();
  speeds.note(fast, 3);
  t.true(speeds.meanMs(slow) < speeds.meanMs(fast));
  t.is(speeds.hedgeMs(slow), hedgeMsDefault);
});

test('latency: the second host is asked after the usual time and four deviations, within bounds', (t) => {
  const { speeds } = start();
  for (let count = 0; count < 50; count++) speeds.note(fast, 2);
  t.is(speeds.hedgeMs(fast), hedgeMsMin);
  for (let count = 0; count < 50; count++) speeds.note(slow, count % 2 ? 90 : 110);
  t.true(speeds.hedgeMs(slow) > 110 && speeds.hedgeMs(slow) < 200, String(speeds.hedgeMs(slow)));
  for (let count = 0; count < 50; count++) speeds.note(slow, 60_000);
  t.is(speeds.hedgeMs(slow), hedgeMsMax);
});

test('latency: who is overtaken once is nobody’s first choice any more, until others are as slow or time has passed', (t) => {
  const { speeds, pass } = start();
  for (let count = 0; count < 50; count++) {
    speeds.note(fast, 4);
    speeds.note(slow, 3);
  }
  speeds.noteOvertaken(slow, 1);
  t.is(speeds.meanMs(slow), 3, 'given up at once, it was not fast for that');
  speeds.noteOvertaken(slow, 30);
  t.true(speeds.meanMs(slow) >= 30);
  pass(4 * latencyHalfLifeMs);
  speeds.note(fast, 4);
  t.true(speeds.meanMs(slow) < speeds.meanMs(fast), 'it may have recovered: one read finds out');
  speeds.noteOvertaken(slow, 30);
  t.true(speeds.meanMs(slow) > speeds.meanMs(fast));
});
