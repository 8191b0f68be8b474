import test from 'ava';
import type { Vitals } from '../../agent/membership/port.ts';
import { isVitalsNews, vitalsPublisher } from '../../agent/membership/vitals-publisher.ts';
import type { HostId } from '../../proto/ids.ts';
import { packVitals, unpackVitals, type VitalsRecord } from '../../proto/message/membership.ts';
import { encodeFrame, frameKind } from '../../proto/message/peer-frame.ts';
import { hostId } from './fake-network.ts';

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

const hosts = (count: number): HostId[] => Array.from({ length: count }, (_, index) => hostId(index + 1));

/** Time that moves when it is told to. */
const world = (others: readonly HostId[]) => {
  let nowMs = 0;
  let armed: { readonly atMs: number; readonly work: () => void }[] = [];
  const away = new Set<HostId>();
  const told: { readonly atMs: number; readonly to: HostId; readonly machines: number }[] = [];
  const publisher = vitalsPublisher({
    clock: { monotonicMs: () => nowMs },
    timers: {
      after(delayMs, work) {
        const timer = { atMs: nowMs + delayMs, work };
        armed.push(timer);
        return () => {
          armed = armed.filter((other) => other !== timer);
        };
      },
    },
    incarnation: () => 7,
    isReachable: (host) => !away.has(host),
    tell: (to, record) => told.push({ atMs: nowMs, to, machines: record.vitals.machines }),
  });
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
  for (const host of others) publisher.meet(host);
  return { publisher, told, away, run, armed: () => armed.length };
};
const toldBetween = (told: ReturnType<typeof world>['told'], fromMs: number, toMs: number) =>
  told.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);

test('vitals: news reaches each host once, one after another', (t) => {
  const others = hosts(5);
  const { publisher, told, run } = world(others);
  publisher.set(vitals());
  run(5_000);
  told.length = 0;
  publisher.set(vitals({ machines: 3 }));
  run(10_000);
  t.deepEqual(told.map(({ to }) => to).sort(), [...others].sort());
  t.true(told.every(({ machines }) => machines === 3));
  t.true((told.at(-1)?.atMs ?? 0) - (told[0]?.atMs ?? 0) <= 400);
});

test('vitals: changes are news at most once a second, and what is told is what holds then', (t) => {
  const { publisher, told, run } = world(hosts(1));
  publisher.set(vitals());
  run(2_000);
  told.length = 0;
  for (let step = 1; step <= 40; step++) {
    publisher.set(vitals({ machines: step }));
    run(2_000 + step * 100);
  }
  t.true(told.length >= 4 && told.length <= 5, `${told.length}`);
  t.true(told.every(({ atMs, machines }) => Math.abs(atMs - 2_000 - machines * 100) <= 101));
});

test('vitals: without news they are told again each 30 s', (t) => {
  const { publisher, told, run } = world(hosts(2));
  publisher.set(vitals());
  for (let atMs = 1_000; atMs <= 95_000; atMs += 1_000) {
    run(atMs);
    publisher.set(vitals({ atMs, load: 0.1 }));
  }
  t.is(toldBetween(told, 5_000, 95_000).length, 6);
});

test('vitals: the pace is the same for a thousand hosts, all of whom have their turn though there is news all the time', (t) => {
  const others = hosts(1_000);
  const { publisher, told, run } = world(others);
  publisher.set(vitals());
  run(200_000);
  told.length = 0;
  for (let second = 1; second <= 110; second++) {
    publisher.set(vitals({ machines: second }));
    run(200_000 + second * 1_000);
  }
  t.true(told.length <= 1_101, `${told.length}`);
  t.is(new Set(told.map(({ to }) => to)).size, 1_000);
});

test('vitals: a host that comes is told first, one that is away costs no turn', (t) => {
  const others = hosts(400);
  const { publisher, told, away, run } = world(others);
  publisher.set(vitals());
  run(60_000);
  for (const host of others.slice(0, 390)) away.add(host);
  told.length = 0;
  publisher.set(vitals({ machines: 1 }));
  run(60_050);
  const newcomer = hostId(9_999);
  publisher.meet(newcomer);
  run(62_000);
  t.is(told.findIndex(({ to }) => to === newcomer) <= 1, true);
  t.is(new Set(told.map(({ to }) => to)).size, 11);
});

test('vitals: a host off the roster is told nothing more, and the others are still', (t) => {
  const others = hosts(4);
  const { publisher, told, run } = world(others);
  publisher.set(vitals());
  run(5_000);
  told.length = 0;
  publisher.forget(others[1] as HostId);
  publisher.set(vitals({ machines: 1 }));
  run(10_000);
  t.deepEqual(told.map(({ to }) => to).sort(), [others[0], others[2], others[3]].sort() as HostId[]);
});

test('vitals: after the stop nothing is armed', (t) => {
  const { publisher, armed } = world(hosts(2));
  publisher.set(vitals());
  publisher.stop();
  t.is(armed(), 0);
});

test('vitals: what travels is small and comes back as it was', (t) => {
  const record = { incarnation: 3, sequence: 12_345, vitals: vitals({ atMs: 1.7e12, load: 1.25 }) };
  const body = packVitals(record as VitalsRecord);
  t.deepEqual(unpackVitals(body), record);
  const frame = encodeFrame([frameKind.notify, 'membership.vitals', body]);
  t.true(frame.length <= 140, `${frame.length}`);
  t.throws(() => unpackVitals('heavy'), { code: 'BAD_REQUEST' });
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
