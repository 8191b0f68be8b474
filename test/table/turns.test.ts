import test from 'ava';
import { systemClock } from '../../agent/runtime/system/clock.ts';
import { systemTimers } from '../../agent/runtime/system/timers.ts';
import { turnHeldMsMin } from '../../agent/table/limits.ts';
import { heldTurns } from '../../agent/table/turns.ts';
import type { HostId } from '../../proto/ids.ts';
import { until } from './cluster.ts';

const [a, b] = ['a', 'b'] as [HostId, HostId];

/** Timers that run when the test says so, and a log of whose turn it was. */
const bench = () => {
  const due: { readonly delayMs: number; readonly work: () => void }[] = [];
  let nowMs = 0;
  const turns = heldTurns({
    timers: {
      after(delayMs, work) {
        const timer = { delayMs, work };
        due.push(timer);
        return () => void (due.includes(timer) && due.splice(due.indexOf(timer), 1));
      },
    },
    clock: { monotonicMs: () => nowMs },
  });
  const log: string[] = [];
  const run = (host: HostId, kind: 'done' | 'stale', keeps = true) =>
    turns.run('row', { host, keeps }, async () => {
      log.push(`${host} ${kind}`);
      return { kind };
    });
  return { due, log, run, turns, pass: (ms: number) => (nowMs += ms) };
};

test('turns: in the order of asking', async (t) => {
  const { run, log, due } = bench();
  await Promise.all([run(a, 'done'), run(b, 'done'), run(a, 'done')]);
  t.deepEqual(log, ['a done', 'b done', 'a done']);
  t.is(due.length, 0);
});

test('turns: a loser comes back before those who came while it was away', async (t) => {
  const { run, log, due } = bench();
  await run(b, 'stale');
  const others = [run(a, 'done'), run(a, 'done')];
  await run(b, 'done');
  await Promise.all(others);
  t.deepEqual(log, ['b stale', 'b done', 'a done', 'a done']);
  t.is(due.length, 0, 'nothing is kept any more');
});

test('turns: a loser that never comes holds the others up for a bounded time', async (t) => {
  const { run, log, due } = bench();
  await run(b, 'stale');
  const other = run(a, 'done');
  t.deepEqual(
    due.map(({ delayMs }) => delayMs),
    [turnHeldMsMin],
  );
  due.splice(0).forEach(({ work }) => void work());
  await other;
  t.deepEqual(log, ['b stale', 'a done']);
});

test('turns: who did not ask for it, or was served, is not waited for', async (t) => {
  const { run, due } = bench();
  await run(b, 'stale', false);
  await run(b, 'done', true);
  t.is(due.length, 0);
});

test('turns: a host that takes longer to come back is waited for longer', async (t) => {
  const { run, due, pass } = bench();
  await run(a, 'done');
  const lose = async (afterMs: number): Promise<number | undefined> => {
    await run(b, 'stale');
    const kept = due.at(-1)?.delayMs;
    // The lane stays, as with others in it.
    pass(afterMs);
    await run(b, 'done');
    return kept;
  };
  t.is(await lose(200), turnHeldMsMin);
  t.is(await lose(200), 600);
});

test('turns: work that fails passes the turn on', async (t) => {
  const turns = heldTurns({ timers: systemTimers, clock: systemClock });
  const failed = turns.run('row', { host: a, keeps: true }, async () => {
    throw new Error('no quorum');
  });
  await t.throwsAsync(failed, { message: 'no quorum' });
  let ran = false;
  await turns.run('row', { host: b, keeps: true }, async () => {
    ran = true;
    return { kind: 'done' };
  });
  await until(() => ran);
  t.true(ran);
});
