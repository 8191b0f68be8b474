import test from 'ava';
import { repairLooksMax } from '../../agent/chunk/limits.ts';
import { type Danger, repairQueue } from '../../agent/chunk/repair-queue.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import type { ChunkId } from '../../proto/ids.ts';

let nowMs = 0;
const runtime = {
  clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
  chance: { random: () => 0.5, bytes: (count: number) => new Uint8Array(count) },
};
const id = (digit: string): ChunkId => digit.repeat(64) as ChunkId;
const [a, b, c, d] = [id('a'), id('b'), id('c'), id('d')];

test('repair queue: the chunk with one copy left comes first, also after a restart', async (t) => {
  const store = memoryKeyValue();
  const queue = repairQueue({ store, runtime });
  await queue.add([a, b, c, d], 'missing');
  t.deepEqual(queue.due(10, 'unknown'), [a, b, c, d]);
  await queue.mark(
    new Map<ChunkId, Danger>([
      [a, 'none'],
      [b, 'several'],
      [d, 'one'],
    ]),
  );
  t.deepEqual(queue.due(10), [d, c, b, a]);
  t.deepEqual(queue.due(10, 'unknown'), [c]);
  const next = repairQueue({ store, runtime });
  t.deepEqual(next.due(2), [d, c]);
  t.deepEqual(next.counts, { missing: 4, damaged: 0, one: 1, unknown: 1, several: 1, none: 1 });
});

test('repair queue: damage outranks absence, and neither counts a chunk twice', async (t) => {
  const store = memoryKeyValue();
  const queue = repairQueue({ store, runtime });
  await queue.add([a, a], 'missing');
  await queue.mark(new Map([[a, 'one']]));
  await queue.add([a], 'damaged');
  await queue.add([a], 'missing');
  t.deepEqual(queue.counts, { missing: 0, damaged: 1, one: 1, unknown: 0, several: 0, none: 0 });
  await queue.done([a, a, b]);
  await queue.mark(new Map([[a, 'one']]));
  t.deepEqual(queue.counts, { missing: 0, damaged: 0, one: 0, unknown: 0, several: 0, none: 0 });
  t.deepEqual(queue.due(10), []);
});

test('repair queue: what failed lets the others pass, and is due again later or when a host comes back', async (t) => {
  const queue = repairQueue({ store: memoryKeyValue(), runtime });
  await queue.add([a, b], 'missing');
  queue.rest(a);
  t.deepEqual(queue.due(1), [b]);
  queue.wake();
  t.deepEqual(queue.due(1), [a]);
  queue.rest(a);
  nowMs += 3_600_000;
  t.deepEqual(queue.due(1), [a]);
});

test('repair queue: an entry of another shape is passed over', async (t) => {
  const store = memoryKeyValue();
  await store.transact((writer) => {
    writer.put(Uint8Array.of(1, 2, 3), Uint8Array.of(9));
    writer.put(new Uint8Array(33).fill(200), Uint8Array.of(1));
  });
  const queue = repairQueue({ store, runtime });
  t.deepEqual(queue.due(10), []);
  t.is(queue.counts.missing, 0);
});

test('repair queue: where very many rest, one look is bounded, and what is behind them comes in its turn', async (t) => {
  const store = memoryKeyValue();
  let looks = 0;
  const counted = {
    ...store,
    *range(...words: Parameters<typeof store.range>) {
      for (const entry of store.range(...words)) {
        looks += 1;
        yield entry;
      }
    },
  };
  const queue = repairQueue({ store: counted, runtime });
  const many = Array.from(
    { length: 3 * repairLooksMax },
    (_, index) => index.toString(16).padStart(64, '0') as ChunkId,
  );
  await queue.add([...many, d], 'missing');
  for (const resting of many) queue.rest(resting);
  const found: ChunkId[] = [];
  let turns = 0;
  for (; found.length === 0 && turns < 10; turns++) {
    looks = 0;
    found.push(...queue.due(256));
    t.true(looks <= 2 * (repairLooksMax + 1), `${looks} looks`);
  }
  t.deepEqual(found, [d]);
  t.true(turns > 1);
  await queue.mark(new Map<ChunkId, Danger>([[d, 'one']]));
  t.deepEqual(queue.due(256), [d], 'the most endangered is at the head whatever rests behind it');
});
