/**
 * Mends what this host should hold and lacks. Entries come from failed puts of others (told), reads that found
 * nothing or damage, comparisons between owners, the scrub. An attempt ends in one of
 *
 *     have     it is here now, or was already
 *     unused   no reference stands: garbage is not spread, or two owners would feed it to each other for ever
 *     foreign  a layout change took it from this host
 *     later    an owner that may have it did not answer, or the disk is full
 *     lost     every owner answered and none has a good copy; it stays queued, and shows in `status`
 */
import { hasCode } from '../../proto/error.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Members } from '../membership/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Clock, Log, Timers } from '../runtime/ports.ts';
import type { Ask } from './ask.ts';
import type { ChunkFiles } from './chunk-files.ts';
import type { GetChunk } from './get-chunk.ts';
import { idsPerMessageMax, repairBatchMax, repairInFlightMax, repairPauseMsMax } from './limits.ts';
import type { References } from './reference.ts';
import type { Danger, RepairQueue } from './repair-queue.ts';
import type { Throttle } from './throttle.ts';

type RepairOutcome = 'have' | 'unused' | 'foreign' | 'later' | 'lost';

export interface Repair {
  /** Tries each once, a few at a time, within the throttle. Never throws for one chunk's sake. */
  mend(ids: readonly ChunkId[], signal: AbortSignal): Promise<ReadonlyMap<ChunkId, RepairOutcome>>;
  /** Works off what is due in the queue, most endangered first. */
  work(signal: AbortSignal): Promise<void>;
  /** Since the start. */
  readonly repairedBytes: number;
  readonly repairedChunks: number;
  /** Of the run that is under way, or of the last one; undefined before the first that fetched something. */
  readonly bytesPerSecond: number | undefined;
  /** For so long nothing of what is queued could be done. */
  readonly stuckMs: number;
}

interface RepairParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Pick<Timers, 'sleep'>;
  readonly log: Log;
  readonly ring: Ring;
  readonly members: Members;
  readonly ask: Ask;
  readonly files: ChunkFiles;
  readonly getChunk: GetChunk;
  readonly references: References;
  readonly queue: RepairQueue;
  readonly throttle: Throttle;
  /** Hosts whose shares together are a good copy. Default 1. */
  needed?(id: ChunkId): number;
}

export const repair = (parts: RepairParts): Repair => {
  const { clock, timers, log, ring, files, getChunk, references, queue } = parts;
  let [repairedBytes, repairedChunks] = [0, 0];
  let pace: { readonly sinceMs: number; readonly bytes: number } | undefined;
  let bytesPerSecond: number | undefined;
  let stuckSinceMs: number | undefined;

  const attempt = async (id: ChunkId, signal: AbortSignal): Promise<RepairOutcome> => {
    if (!ring.owners(ring.partitionOf(id)).includes(ring.self)) return 'foreign';
    try {
      // Read, not looked up: a copy that is damaged counts as none and is set aside.
      const here = await files.read(id).catch(() => undefined);
      if (here && (await files.has(id))) return 'have';
      if (here) {
        // Only a retired directory has it: into another one, while it can still be read.
        await files.put(id, here);
        await parts.throttle.take(here.length, signal).catch(() => {});
        return 'have';
      }
      if (!(await references.any(id))) return 'unused';
      const startMs = clock.monotonicMs();
      const bytes = await getChunk.restore(id, signal);
      // Where copying is slow somebody is busy, perhaps with readers: it takes half of the time at most.
      const restMs = Math.min(clock.monotonicMs() - startMs, repairPauseMsMax);
      // Paid when it is known how much it was: small chunks are not charged as whole ones.
      const paid = [parts.throttle.take(bytes, signal), timers.sleep(restMs, signal)];
      await Promise.all(paid).catch(() => {});
      repairedBytes += bytes;
      repairedChunks += 1;
      if (pace) {
        const seconds = Math.max(clock.monotonicMs() - pace.sinceMs, 1) / 1_000;
        bytesPerSecond = (repairedBytes - pace.bytes) / seconds;
      }
      log.info('a chunk was repaired', { chunk: id, bytes });
      return 'have';
    } catch (thrown) {
      if (hasCode(thrown, 'DAMAGED')) return 'lost';
      log.debug('a chunk could not be repaired yet', { chunk: id, thrown });
      return 'later';
    }
  };

  const mend: Repair['mend'] = async (ids, signal) => {
    const outcomes = new Map<ChunkId, RepairOutcome>();
    await mapLimit(
      ids,
      repairInFlightMax,
      async (id) => void outcomes.set(id, await attempt(id, signal)),
      signal,
    );
    return outcomes;
  };

  return {
    mend,
    get repairedBytes() {
      return repairedBytes;
    },
    get repairedChunks() {
      return repairedChunks;
    },
    get bytesPerSecond() {
      return bytesPerSecond;
    },
    get stuckMs() {
      const { missing, damaged } = queue.counts;
      return stuckSinceMs === undefined || missing + damaged === 0 ? 0 : clock.monotonicMs() - stuckSinceMs;
    },
    async work(signal) {
      pace = { sinceMs: clock.monotonicMs(), bytes: repairedBytes };
      const survey = async (ids: readonly ChunkId[]): Promise<void> =>
        queue.mark(await copiesElsewhere(parts, ids, signal));
      for (;;) {
        const unknown = queue.due(idsPerMessageMax, 'unknown');
        if (unknown.length > 0) {
          await survey(unknown);
          continue;
        }
        const ids = queue.due(repairBatchMax);
        if (ids.length === 0) return;
        const outcomes = await mend(ids, signal);
        const done: ChunkId[] = [];
        for (const [id, outcome] of outcomes)
          if (outcome === 'later' || outcome === 'lost') queue.rest(id);
          else done.push(id);
        stuckSinceMs = done.length > 0 ? undefined : (stuckSinceMs ?? clock.monotonicMs());
        await queue.done(done);
        // What failed is looked at anew before its next turn: copies come and go.
        await survey(ids.filter((id) => !done.includes(id)));
        if (ids.length < repairBatchMax) return;
      }
    },
  };
};

/** Asks all other owners that can be reached; who does not answer has none. */
const copiesElsewhere = async (
  { ring, members, ask, needed = () => 1 }: Pick<RepairParts, 'ring' | 'members' | 'ask' | 'needed'>,
  ids: readonly ChunkId[],
  signal: AbortSignal,
): Promise<ReadonlyMap<ChunkId, Danger>> => {
  const byOwner = new Map<HostId, ChunkId[]>();
  for (const id of ids)
    for (const host of ring.owners(ring.partitionOf(id)))
      if (host !== ring.self && members.isReachable(host)) {
        const asked = byOwner.get(host) ?? [];
        byOwner.set(host, asked);
        asked.push(id);
      }
  const copies = new Map<ChunkId, number>(ids.map((id) => [id, 0]));
  await Promise.all(
    Array.from(byOwner, async ([host, asked]) => {
      const answer = await ask(host, 'have', { ids: asked }, signal).catch(() => undefined);
      asked.forEach((id, index) => {
        if (answer?.have[index]) copies.set(id, (copies.get(id) ?? 0) + 1);
      });
    }),
  );
  return new Map(
    Array.from(copies, ([id, count]) => {
      const spare = count - needed(id);
      return [id, spare < 0 ? 'none' : spare === 0 ? 'one' : 'several'];
    }),
  );
};
