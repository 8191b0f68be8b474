import test from 'ava';
import {
  stragglerMs,
  stragglerPatienceMs,
  stragglerSilentMs,
  stragglersPerHostMax,
} from '../../agent/chunk/limits.ts';
import { stragglers } from '../../agent/chunk/straggler.ts';
import type { HostId } from '../../proto/ids.ts';

const slow = 'slow' as HostId;

/** Time that stands still until the test moves it. */
const world = () => {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly work: () => void }>();
  const runtime = {
    clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
    timers: {
      after(delayMs: number, work: () => void) {
        const timer = { atMs: nowMs + delayMs, work };
        timers.add(timer);
        return () => timers.delete(timer);
      },
      sleep: async () => {},
    },
  };
  const late = stragglers(runtime);
  return {
    async pass(ms: number) {
      nowMs += ms;
      for (const timer of [...timers])
        if (timer.atMs <= nowMs) {
          timers.delete(timer);
          timer.work();
        }
      await new Promise((resolve) => setImmediate(resolve));
    },
    lag() {
      const stop = new AbortController();
      const sending = Promise.withResolvers<void>();
      stop.signal.addEventListener('abort', () => sending.resolve());
      const straggler = { stop, end: sending.resolve, goesOn: false };
      void late.tolerate(slow, sending.promise, stop).then(() => {
        straggler.goesOn = true;
      });
      return straggler;
    },
  };
};

test('stragglers: within the bound an upload goes on at once', async (t) => {
  const { lag, pass } = world();
  const all = Array.from({ length: stragglersPerHostMax }, lag);
  await pass(0);
  t.true(all.every(({ goesOn, stop }) => goesOn && !stop.signal.aborted));
});

test('stragglers: beyond it an upload waits for a place of a host that is only slow, and nothing is cut off', async (t) => {
  const { lag, pass } = world();
  const all = Array.from({ length: stragglersPerHostMax }, lag);
  const one = lag();
  await pass(stragglerPatienceMs - 1);
  t.false(one.goesOn);
  all[0]?.end();
  await pass(0);
  t.true(one.goesOn);
  t.false(one.stop.signal.aborted);
});

test('stragglers: patience ends, and the chunk that found no place is cut off', async (t) => {
  const { lag, pass } = world();
  for (let index = 0; index < stragglersPerHostMax; index++) lag();
  const one = lag();
  await pass(stragglerPatienceMs);
  t.true(one.goesOn);
  t.true(one.stop.signal.aborted);
});

test('stragglers: a host from which nothing comes gets no patience', async (t) => {
  const { lag, pass } = world();
  for (let index = 0; index < stragglersPerHostMax; index++) lag();
  await pass(stragglerSilentMs + 1);
  const one = lag();
  await pass(0);
  t.true(one.goesOn);
  t.true(one.stop.signal.aborted);
});

test('stragglers: each has its time, and then gives its place back', async (t) => {
  const { lag, pass } = world();
  const all = Array.from({ length: stragglersPerHostMax }, lag);
  await pass(stragglerMs);
  t.true(all.every(({ stop }) => stop.signal.aborted));
  const next = lag();
  await pass(0);
  t.true(next.goesOn && !next.stop.signal.aborted);
});
