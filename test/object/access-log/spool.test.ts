import test from 'ava';
import { openSpool } from '../../../agent/object/access-log/spool.ts';
import { accessLogBucketBytesMax, accessLogPendingBytesMax } from '../../../agent/object/limits.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../../agent/store/memory-key-value.ts';

const log = { id: 'one', project: 'p1', bucket: 'reef', day: '2026-02-06' };
const enough = 1_000_000;

test('lines come back in their order, once written also to who opens the store again', async (t) => {
  const disk = memoryKeyValue();
  const spool = openSpool(disk);
  spool.add(log, 'first', 1_000);
  spool.add({ ...log, id: 'other' }, 'elsewhere', 1_000);
  await spool.write(1_000);
  spool.add(log, 'second', 2_000);
  await spool.write(2_000);
  spool.add(log, 'lost', 3_000);
  const again = openSpool(disk);
  const [waiting] = again.waiting();
  t.deepEqual(waiting, { log, sinceMs: 1_000, bytes: 'first\nsecond\n'.length });
  t.is(again.read(log, enough).text, 'first\nsecond\n');
  const { keys, text } = again.read(log, 1);
  t.is(text, 'first\n');
  await again.drop(log, keys, text, 5_000);
  t.is(again.read(log, enough).text, 'second\n');
  t.is(again.waiting()[0]?.sinceMs, 2_000);
  const rest = again.read(log, enough);
  again.add(log, 'while it was delivered', 4_000);
  await again.drop(log, rest.keys, rest.text, 5_000);
  t.is(again.waiting()[0]?.sinceMs, 5_000, 'what came meanwhile is not as old as what went');
});

test('a disk that takes nothing loses no line that came before or meanwhile', async (t) => {
  const disk = memoryKeyValue();
  let isFull = true;
  const keyValue: KeyValue = {
    ...disk,
    transact: async (work) => {
      if (isFull) throw new Error('full');
      return disk.transact(work);
    },
  };
  const spool = openSpool(keyValue);
  spool.add(log, 'before', 1_000);
  const writing = spool.write(1_000);
  spool.add(log, 'meanwhile', 1_000);
  await t.throwsAsync(writing);
  isFull = false;
  await spool.write(2_000);
  t.is(spool.read(log, enough).text, 'before\nmeanwhile\n');
});

test('memory and the disk have bounds: what is beyond is refused, and there is room again later', async (t) => {
  const spool = openSpool(memoryKeyValue());
  const line = 'x'.repeat(accessLogPendingBytesMax / 4 - 1);
  let taken = 0;
  while (spool.add(log, line, 0)) taken += 1;
  t.is(taken, 4);
  await spool.write(0);
  for (; spool.add(log, line, 0); taken += 1) await spool.write(0);
  t.is(taken, (4 * accessLogBucketBytesMax) / accessLogPendingBytesMax);
  t.truthy(spool.add({ ...log, id: 'other' }, line, 0));
  const { keys, text } = spool.read(log, 1);
  await spool.drop(log, keys, text, 0);
  t.truthy(spool.add(log, line, 0));
});
