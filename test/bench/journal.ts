/**
 * The journal on two hosts: events until they are signed and on disk here, and until the other host can read them,
 * over their encrypted connection. Beside the same hypercore given the same bytes in blocks of the same size, with
 * nothing of a journal around it, and beside one block each.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Hypercore from 'hypercore';
import { batchEventsMax, blockEventsMax, queueEventsMax } from '../../agent/journal/limits.ts';
import { blockCodec, openLog, signLogName } from '../../agent/journal/log.ts';
import type { JournalEvent } from '../../agent/journal/port.ts';
import { openHostKey } from '../../agent/peer/host-key.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { newClusterId, newHexId, type RequestId } from '../../proto/ids.ts';
import { type GroundHost, startGround } from './ground.ts';
import type { BenchOptions } from './main.ts';
import { rate, share } from './rate.ts';
import { printTable, round } from './table.ts';

/** Half of what may wait, so that nothing is dropped. */
const burst = queueEventsMax / 2;

const eventOf = (index: number): Omit<JournalEvent, 'atMs' | 'host'> => ({
  requestId: `req-${crypto.randomUUID()}` as RequestId,
  actor: { userId: newHexId(), userName: 'reef', projectId: newHexId() },
  action: 'object.put',
  target: `/photos/album-${index % 100}/reef-${index}.jpg`,
  outcome: 'done',
});

/** Seconds of appends into a bare log of `blockEvents` events a block, `blocks` blocks an append; events a second. */
const bareLog = async (seconds: number, blockEvents: number, blocks: number): Promise<number> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-journal-'));
  const { log } = systemRuntime({ level: 'error' });
  const key = await openHostKey(directory);
  const clusterId = newClusterId();
  const storage = Hypercore.defaultStorage(join(directory, 'cores'));
  const { core } = await openLog(
    { log, storage, conflict: () => {} },
    { clusterId, name: signLogName(key, clusterId, 1), key },
  );
  try {
    const block = blockCodec.encode(Array.from({ length: blockEvents }, (_, index) => eventOf(index)));
    const batch = Array.from({ length: blocks }, () => block);
    return (await rate(seconds, 1, () => core.append(batch))) * blockEvents * blocks;
  } finally {
    await core.close();
    await storage.close();
    await rm(directory, { recursive: true, force: true });
  }
};

/** Bursts of events, each until all of it is on disk. */
const bursts = (journal: GroundHost['journal'], seconds: number, size: number): Promise<number> =>
  rate(seconds, 1, async () => {
    for (let index = 0; index < size; index++) journal.append(eventOf(index));
    await journal.flush();
  });

export const benchJournal = async ({ seconds }: BenchOptions): Promise<void> => {
  const bareOnes = await bareLog(seconds, 1, 1);
  const bareMany = await bareLog(seconds, blockEventsMax, Math.ceil(batchEventsMax / blockEventsMax));
  await using ground = await startGround(2);
  const { journal } = ground.here;
  const one = await bursts(journal, seconds, 1);
  const many = (await bursts(journal, seconds, burst)) * burst;
  // What was written so far is on its way to the other host still.
  journal.append({ ...eventOf(0), action: 'bench.mark' });
  await ground.readElsewhere('bench.mark', 1);
  const startMs = performance.now();
  for (let index = 0; index < burst; index++) journal.append({ ...eventOf(index), action: 'bench.told' });
  await ground.readElsewhere('bench.told', burst);
  const told = (burst * 1_000) / (performance.now() - startMs);
  printTable(
    ['journal', 'events per second', 'limit', 'limit per second', 'of limit'],
    [
      ['one event, waited for', one, 'bare log, one event an append', bareOnes],
      [`burst of ${burst}, waited for`, many, `bare log, ${batchEventsMax} events an append`, bareMany],
      ['... until the other host reads them', told, `bare log, ${batchEventsMax} events an append`, bareMany],
    ].map(([what, perSecond, name, limit]) => [
      ...[String(what), round(Number(perSecond)), String(name), round(Number(limit))],
      share(Number(perSecond), Number(limit)),
    ]),
  );
};
