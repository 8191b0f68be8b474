import test from 'ava';
import { coalesce } from '../../agent/base/coalesce.ts';
import { systemClock } from '../../agent/runtime/system/clock.ts';
import { systemTimers } from '../../agent/runtime/system/timers.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { digest, groupKey, placeFinder } from '../../agent/table/keys.ts';
import { poller } from '../../agent/table/poll.ts';
import { mergeRow } from '../../agent/table/row.ts';
import { readGroup, scanLeaf, writeRow } from '../../agent/table/row-store.ts';
import { stampSource } from '../../agent/table/rows.ts';
import { childrenOf, differences, leafOf, rootOf, xor } from '../../agent/table/tree.ts';
import { ShoalError } from '../../proto/error.ts';
import type { RowState } from '../../proto/message/row.ts';
import { compareStamps, type Stamp } from '../../proto/stamp.ts';
import { hostId } from './cluster.ts';

const [a, b, c, d] = [hostId(0), hostId(1), hostId(2), hostId(3)];
const lww = (wallMs: number, text: string | null): RowState => ({
  ...{ kind: 'lww', stamp: { wallMs, count: 0, host: a }, weight: 1 },
  value: text === null ? null : new TextEncoder().encode(text),
});

test('tree: owners with the same rows have the same tree, whatever the order and history of their writes', async (t) => {
  const findPlace = placeFinder({ partitionOf: () => 5, partitionCount: 16 });
  const place = findPlace('thing', 'p');
  const trees = [];
  for (const order of [1, -1]) {
    const store = memoryKeyValue();
    const keys = Array.from({ length: 500 }, (_, index) => new TextEncoder().encode(`row-${index}`));
    for (const key of order > 0 ? keys : keys.toReversed())
      await store.transact((writer) => {
        let old: { state: RowState; mark: Uint8Array } | undefined;
        const write = (state: RowState): void => {
          writeRow(writer, place, key, old, state);
          const name = digest(Buffer.concat([place.group, key]));
          const mark = scanLeaf(writer, 5, leafOf(name), null, 100).rows.get(
            Buffer.from(name).toString('latin1'),
          );
          old = { state, mark: mark ?? new Uint8Array() };
        };
        if (order > 0) write(lww(1, 'first'));
        write(lww(2, 'second'));
      });
    trees.push(store);
  }
  const [x, y] = trees;
  if (!x || !y) return t.fail();
  t.deepEqual(Buffer.from(rootOf(x, 5)), Buffer.from(rootOf(y, 5)));
  t.deepEqual(differences(childrenOf(x, 5, 0, 0), childrenOf(y, 5, 0, 0)), []);
  t.deepEqual(readGroup(x, place), readGroup(y, place));
  t.is(readGroup(x, place).rows, 500);
  await y.transact((writer) =>
    writeRow(writer, place, new TextEncoder().encode('one more'), undefined, lww(1, 'x')),
  );
  const nodes = differences(childrenOf(x, 5, 0, 0), childrenOf(y, 5, 0, 0));
  t.is(nodes.length, 1, 'one row more, one node of 64 that differs');
  t.is(differences(childrenOf(x, 5, 1, nodes[0] ?? 0), childrenOf(y, 5, 1, nodes[0] ?? 0)).length, 1);
  const children = childrenOf(y, 5, 0, 0);
  const parts = Array.from({ length: 64 }, (_, index) => children.subarray(index * 16, index * 16 + 16));
  t.deepEqual(Buffer.from(parts.reduce(xor)), Buffer.from(rootOf(y, 5)), 'a node is the XOR of its children');
});

test('keys: two partition keys with one digest do not share their rows', async (t) => {
  const findPlace = placeFinder({ partitionOf: () => 1, partitionCount: 16 });
  const store = memoryKeyValue();
  const place = findPlace('thing', 'p');
  await store.transact((writer) => writeRow(writer, place, Uint8Array.of(1), undefined, lww(1, 'x')));
  const twin = { ...findPlace('thing', 'q'), group: place.group };
  t.truthy(store.get(groupKey(1, twin.group)));
  t.throws(() => readGroup(store, twin), { code: 'BAD_REQUEST', message: /taken by another/ });
});

test('row: merging is the same in any order, also for two values under one stamp', (t) => {
  const states = [lww(1, 'a'), lww(2, 'b'), lww(2, 'c'), lww(2, null), lww(1, null)];
  const mergeAll = (list: readonly RowState[]): RowState | undefined =>
    list.reduce<RowState | undefined>((held, next) => {
      const merged = mergeRow(held, next);
      return merged.kind === 'taken' ? merged.state : held;
    }, undefined);
  const wish = mergeAll(states);
  for (let turn = 0; turn < 60; turn++)
    t.deepEqual(mergeAll(states.toSorted(() => Math.random() - 0.5)), wish);
});

test('row: a copy of a register never lowers a promise', (t) => {
  const ballot = (round: number) => ({ round, host: a, run: 1 });
  const copy: RowState = {
    ...{ kind: 'register', promised: ballot(3) },
    accepted: { ballot: ballot(3), value: Uint8Array.of(1), lineage: [1] },
  };
  t.deepEqual(mergeRow({ kind: 'register', promised: ballot(5), accepted: null }, copy), { kind: 'refused' });
  const merged = mergeRow({ kind: 'register', promised: ballot(2), accepted: null }, copy);
  t.is(merged.kind, 'taken');
  t.deepEqual(mergeRow(copy, copy), { kind: 'kept' });
});

test('stamps: a host never issues the same one twice, whatever its clock does', (t) => {
  let nowMs = 1_000;
  const next = stampSource(a);
  const seen = new Set<string>();
  for (let turn = 0; turn < 2_000; turn++) {
    nowMs += [1, 0, 0, -5, 3][turn % 5] ?? 0;
    const above = turn % 7 === 0 ? { wallMs: 9_000_000, count: turn % 3, host: b } : undefined;
    const stamp = next(nowMs, above);
    if (above) t.true(compareStamps(stamp, above) > 0);
    else t.true(stamp.wallMs < 9_000_000, 'a stamp from ahead does not carry over');
    const text = JSON.stringify(stamp);
    t.false(seen.has(text), text);
    seen.add(text);
  }
});

test('stamps: they follow a clock that was hours ahead and is set right, and none comes twice', (t) => {
  let nowMs = 1_000;
  const next = stampSource(a);
  const seen = new Set<string>();
  const take = (above?: Stamp): Stamp => {
    const stamp = next(nowMs, above);
    const text = JSON.stringify(stamp);
    t.false(seen.has(text), text);
    seen.add(text);
    return stamp;
  };
  for (let jump = 0; jump < 3; jump++) {
    nowMs = 9_000_000;
    const ahead = [take(), take(), take()];
    nowMs = 2_000;
    t.is(take().wallMs, 2_000, 'owners would refuse a stamp of hours ahead');
    for (const stamp of ahead)
      t.true(compareStamps(take(stamp), stamp) > 0, 'a row from then can be changed');
    t.is(take().wallMs, 2_000);
  }
});

const world = (reachable: readonly string[]) => ({
  ...{ self: a, timers: systemTimers, clock: systemClock },
  members: { isReachable: (host: string) => reachable.includes(host) },
});
const sets = [{ owners: [a, b, c], quorum: 2 }];

test('poll: a read asks a quorum, this host first, and the third only when one fails', async (t) => {
  const asked: string[] = [];
  const ask = async (host: string): Promise<string> => {
    asked.push(host);
    if (asked.length === 2) throw new ShoalError('UNREACHABLE', 'gone');
    return host;
  };
  const answers = await poller(world([b, c])).poll({ action: () => 'read', sets, order: 'nearest', ask });
  t.is(answers.size, 2);
  t.is(asked.length, 3);
  t.is(asked[0], a);
});

test('poll: a host that membership calls dead is not asked while the others make a quorum', async (t) => {
  for (const order of ['all', 'nearest'] as const) {
    const asked: string[] = [];
    const ask = async (host: string): Promise<void> => void asked.push(host);
    await poller(world([c])).poll({ action: () => 'write', sets, order, ask });
    t.deepEqual(asked.toSorted(), [a, c].toSorted());
  }
});

test('poll: where the living cannot make a quorum, the dead are asked too: gossip may be wrong', async (t) => {
  const answers = await poller(world([])).poll({
    action: () => 'write',
    sets,
    order: 'all',
    ask: async (host) => host,
  });
  t.true(answers.size >= 2);
});

test('poll: a host that has just fallen silent costs the reads that asked it, not the next ones', async (t) => {
  let nowMs = 0;
  const timers = { after: () => () => {} };
  const poll = poller({ ...world([b, c]), timers, clock: { monotonicMs: () => nowMs } });
  const silent = new Set<string>();
  const read = async (asked: string[]): Promise<unknown> =>
    poll.poll({
      ...{ action: () => 'read', sets, order: 'nearest' },
      ask: (host) => {
        asked.push(host);
        return silent.has(host) ? new Promise(() => {}) : Promise.resolve(host);
      },
    });
  const usual: string[] = [];
  await read(usual);
  const [, second = ''] = usual;
  silent.add(second);
  const lost: string[] = [];
  void read(lost);
  t.deepEqual(lost, usual, 'nobody can know yet');
  nowMs += 5;
  const next: string[] = [];
  await read(next);
  t.false(next.includes(second));
});

test('poll: each live owner set needs a quorum of its own', async (t) => {
  const joint = [...sets, { owners: [b, c, d], quorum: 2 }];
  const poll = (dead: readonly string[]) =>
    poller(world([b, c, d])).poll({
      ...{ action: () => 'write the row', sets: joint, order: 'nearest' },
      ask: async (host: string) => {
        if (dead.includes(host)) throw new ShoalError('UNREACHABLE', 'gone');
        return host;
      },
    });
  const answers = await poll([a, d]);
  t.deepEqual([...answers.keys()].toSorted(), [b, c].toSorted());
  await t.throwsAsync(poll([c, d]), {
    code: 'QUORUM_MISSED',
    message: /Cannot write the row: 2 of 3 and 2 of 3 owners/,
  });
  await t.throwsAsync(
    poller(world([])).poll({ action: () => 'x', sets: [], order: 'all', ask: async () => 1 }),
    {
      code: 'QUORUM_MISSED',
    },
  );
});

test('coalesce: who asks during a run shares the next one, which begins after all of them asked', async (t) => {
  const began: number[] = [];
  const ends: (() => void)[] = [];
  const run = coalesce(
    (key: string) =>
      new Promise<string>((resolve) => {
        began.push(began.length);
        ends.push(() => resolve(`${key}${ends.length}`));
      }),
  );
  const first = run('k');
  const others = [run('k'), run('k'), run('k')];
  t.is(began.length, 1);
  ends[0]?.();
  await first;
  await systemTimers.sleep(0);
  t.is(began.length, 2);
  const late = run('k');
  ends[1]?.();
  t.deepEqual(new Set(await Promise.all(others)).size, 1);
  await systemTimers.sleep(0);
  t.is(began.length, 3);
  ends[2]?.();
  await late;
});
