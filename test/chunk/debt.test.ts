import { randomBytes } from 'node:crypto';
import test from 'ava';
import { debts as openDebts } from '../../agent/chunk/debt.ts';
import type { Judge } from '../../agent/chunk/port.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { MiB, minuteMs } from '../../proto/units.ts';
import { pieces } from '../conform/content.ts';
import { until } from '../until.ts';
import { startCluster } from './cluster.ts';

const id = 'ab'.repeat(32) as ChunkId;
const claim = { of: 'thing', id: 'c', name: 'n' };
const { log } = systemRuntime({ level: 'error', destination: { write: () => undefined } });
const never = new AbortController().signal;

test('debts: what an earlier life was about to name is asked for, once nothing that it sent is news any more', async (t) => {
  const store = memoryKeyValue();
  let nowMs = 1_000_000;
  const paid: string[] = [];
  const references = {
    add: async () => {},
    remove: async (_ids: unknown, user: string) => void paid.push(user),
    any: async () => true,
  };
  const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
  const judges = new Map<string, Judge>();
  const live = () => openDebts({ store, references, judges, clock, log });
  const before = live();
  for (const user of ['named', 'lost', 'unsure']) await before.add(user, [id], claim);
  await before.settle(never);
  nowMs += minuteMs;
  const after = live();
  await after.add('now', [id], claim);
  const asked: string[] = [];
  const judge: Judge = async (given, user, endedMs) => {
    t.deepEqual(given, claim);
    t.is(endedMs, nowMs - 10 * minuteMs);
    asked.push(user);
    return { named: true, lost: false }[user];
  };
  judges.set('thing', judge);
  await after.settle(never);
  t.deepEqual(asked, [], 'too early');
  nowMs += 10 * minuteMs;
  await after.settle(never);
  t.deepEqual(asked.toSorted(), ['lost', 'named', 'unsure'], 'those of this life are known to who made them');
  t.deepEqual(paid, ['lost']);
  asked.length = 0;
  await after.settle(never);
  t.deepEqual(asked, ['unsure'], 'the others are done with');
  t.is(after.waiting.users, 1);
  nowMs += minuteMs;
  t.is(after.waiting.forMs, minuteMs, 'operators are told');
});

test('debts: an agent that dies between an upload and its row gives the chunks back in its next life', async (t) => {
  await using cluster = await startCluster(3, { settings: { claimAgeMs: 0 } });
  const write = (user: string) =>
    cluster.host(0).chunks.content.write(pieces(randomBytes(5 * MiB)), {
      ...{ user, claim, bytesMax: 9 * MiB, digests: [] },
    });
  for (const user of ['lost', 'named', 'kept']) await write(user);
  await cluster.host(0).chunks.content.keep('kept');
  await cluster.host(0).restart();
  const asked: string[] = [];
  cluster.host(0).chunks.content.judgeBy('thing', async (_claim, user, endedMs) => {
    if (endedMs !== null) asked.push(user);
    return user !== 'lost';
  });
  await until('its references are gone', async () => (await cluster.tables.usedBy('lost')).length === 0);
  await until('both were asked for', () => asked.includes('named'));
  t.is((await cluster.tables.usedBy('named')).length, 2);
  t.is((await cluster.tables.usedBy('kept')).length, 2);
  t.false(asked.includes('kept'));
});
