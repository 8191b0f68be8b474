import test from 'ava';
import type { Vitals } from '../../agent/membership/port.ts';
import { isVitalsNews, vitalsPublisher } from '../../agent/membership/vitals-publisher.ts';
import type { VitalsRecord } from '../../proto/message/membership.ts';

const vitals = (change: Partial<Vitals> = {}): Vitals => ({
  atMs: 1,
  storageUsedBytes: 1e9,
  storageFreeBytes: 1e12,
  memoryTotalMiB: 4096,
  memoryClaimedMiB: 0,
  vcpusTotal: 4,
  vcpusClaimed: 0,
  diskTotalGiB: 100,
  diskClaimedGiB: 0,
  machines: 0,
  load: 0,
  hypervisors: ['qemu-tcg'],
  computeRefusal: null,
  ...change,
});

/** Time that moves when it is told to. */
const world = () => {
  let nowMs = 0;
  let armed: { readonly atMs: number; readonly work: () => void }[] = [];
  const published: { readonly atMs: number; readonly machines: number }[] = [];
  const publisher = vitalsPublisher(
    {
      clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
      timers: {
        after(delayMs, work) {
          const timer = { atMs: nowMs + delayMs, work };
          armed.push(timer);
          return () => {
            armed = armed.filter((other) => other !== timer);
          };
        },
        sleep: () => Promise.resolve(),
      },
    },
    (record: VitalsRecord) => published.push({ atMs: nowMs, machines: record.vitals.machines }),
    () => 7,
  );
  const run = (untilMs: number): void => {
    for (;;) {
      const next = armed.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > untilMs) break;
      armed = armed.filter((other) => other !== next);
      nowMs = next.atMs;
      next.work();
    }
    nowMs = untilMs;
  };
  return { publisher, published, run, armed: () => armed.length };
};

test('vitals: the first goes out at once, changes at most once a second, the newest wins', (t) => {
  const { publisher, published, run } = world();
  publisher.set(vitals());
  run(100);
  for (let machines = 1; machines <= 5; machines++) {
    publisher.set(vitals({ machines }));
    run(100 + machines * 100);
  }
  run(5_000);
  t.deepEqual(published, [
    { atMs: 0, machines: 0 },
    { atMs: 1_000, machines: 5 },
  ]);
});

test('vitals: without news they are told again each 30 s', (t) => {
  const { publisher, published, run } = world();
  publisher.set(vitals());
  for (let atMs = 1_000; atMs <= 65_000; atMs += 1_000) {
    run(atMs);
    publisher.set(vitals({ atMs, load: 0.1 }));
  }
  t.deepEqual(
    published.map(({ atMs }) => atMs),
    [0, 30_000, 60_000],
  );
});

test('vitals: after the stop nothing is armed', (t) => {
  const { publisher, armed } = world();
  publisher.set(vitals());
  publisher.stop();
  t.is(armed(), 0);
});

test('vitals: a trembling load or a full percent of disk is no news, a machine or a refusal is', (t) => {
  const before = vitals();
  t.false(isVitalsNews(before, vitals({ atMs: 99, load: 0.4, storageFreeBytes: 0.99e12 })));
  for (const change of [
    { machines: 1 },
    { vcpusClaimed: 1 },
    { computeRefusal: 'qemu is missing' },
    { hypervisors: [] },
    { load: 0.5 },
    { storageFreeBytes: 0.9e12 },
  ])
    t.true(isVitalsNews(before, vitals(change)), JSON.stringify(change));
});
