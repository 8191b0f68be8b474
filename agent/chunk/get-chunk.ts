/**
 * Gets a verified chunk: from here, else from the other owners (of all live layout versions), the fastest first.
 * When the first is slow a second is asked without giving the first up; the first good copy wins.
 *
 * Where no owner has a good copy, others are asked, one after the other: an owner of before keeps its copy until the owners
 * of now have read theirs (`stray.ts`), and one of these may have rotted before it became the only one.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import type { Members } from '../membership/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { abortReason } from './cut.ts';
import { latency } from './latency.ts';
import { hintsMax, staleLayoutRetriesMax, staleLayoutWaitMs, strangersAskedMax } from './limits.ts';
import type { Transfer } from './transfer.ts';

export interface GetChunk {
  /**
   * Throws DAMAGED when every owner answered and none has a good copy, UNREACHABLE when some could not be asked,
   * STALE_LAYOUT when the layout that says who they are did not come in time. With `buffers` the bytes may lie in one of them,
   * and are the caller's to give back.
   */
  anywhere(id: ChunkId, signal: AbortSignal, buffers?: BufferPool): Promise<Uint8Array>;
  /** Fills `into` from byte `at` on, from here or the fastest owner, not verified. False where that cannot be: the whole says why. */
  part(id: ChunkId, at: number, into: Uint8Array, signal: AbortSignal): Promise<boolean>;
  /** The same without looking here: what a repair needs. */
  elsewhere(id: ChunkId, signal: AbortSignal): Promise<Uint8Array>;
  /** What this host should hold of it and lacks is put here, from elsewhere. Bytes fetched; throws as `elsewhere`, and as a put. */
  restore(id: ChunkId, signal: AbortSignal): Promise<number>;
  /** That host may have the chunk though it is no owner: it holds a stray, or has just uploaded it. */
  hint(id: ChunkId, host: HostId): void;
}

export const getChunk = ({
  runtime,
  ring,
  members,
  files,
  transfer,
  missing,
  bad,
}: {
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>;
  readonly ring: Ring;
  readonly members: Members;
  readonly files: ChunkFiles;
  readonly transfer: Transfer;
  /** This host owns the chunk, lacks it, and has just got a copy. */
  missing(id: ChunkId, bytes: Uint8Array): void;
  /** That host's copy did not arrive whole. */
  bad(host: HostId, id: ChunkId): void;
}): GetChunk => {
  const speeds = latency(runtime.clock);
  const hints = new Map<ChunkId, HostId>();

  const candidates = (id: ChunkId): HostId[] => {
    const others = ring.owners(ring.partitionOf(id)).filter((host) => host !== ring.self);
    const byTime = (a: HostId, b: HostId): number => speeds.meanMs(a) - speeds.meanMs(b);
    const reachable = others.filter((host) => members.isReachable(host)).sort(byTime);
    // Gossip may be behind: the unreachable are asked last, not never.
    const hinted = hints.get(id);
    const guests = hinted && hinted !== ring.self && !others.includes(hinted) ? [hinted] : [];
    return [...reachable, ...guests, ...others.filter((host) => !reachable.includes(host))];
  };

  /** Hosts that own it no more, perhaps: any of the others. */
  const strangers = (): readonly HostId[] =>
    members
      .list()
      .map(({ hostId }) => hostId)
      .filter((host) => host !== ring.self && members.isReachable(host));

  const from = async (
    host: HostId,
    id: ChunkId,
    signal: AbortSignal,
    buffers?: BufferPool,
  ): Promise<Uint8Array> => {
    const startMs = runtime.clock.monotonicMs();
    try {
      const bytes = await transfer.get(host, id, signal, buffers);
      speeds.note(host, runtime.clock.monotonicMs() - startMs);
      return bytes;
    } catch (thrown) {
      if (signal.aborted) speeds.noteOvertaken(host, runtime.clock.monotonicMs() - startMs);
      else if (hasCode(thrown, 'DAMAGED')) bad(host, id);
      throw thrown;
    }
  };

  /** Asks each owner once, and those that become owners meanwhile. */
  const race = (id: ChunkId, signal: AbortSignal, buffers?: BufferPool): Promise<Uint8Array> => {
    const asked = new Set<HostId>();
    const failures: unknown[] = [];
    const stop = new AbortController();
    const outcome = Promise.withResolvers<Uint8Array>();
    let running = 0;
    let over = false;
    let cancelHedge = (): void => {};
    let strangersLeft = strangersAskedMax;
    const abort = (): void => {
      over = true;
      outcome.reject(abortReason(signal));
    };
    const take = (bytes: Uint8Array): void => {
      // Overtaken, and not stopped in time.
      if (over) buffers?.give(bytes);
      over = true;
      outcome.resolve(bytes);
    };

    /** What the owners' answers come to; no stranger makes it worse. */
    const verdict = (): unknown => nowhere(id, failures, ring.owners(ring.partitionOf(id)).length);
    const isUnasked = (host: HostId): boolean => !asked.has(host);

    const next = (): void => {
      cancelHedge();
      if (over) return;
      const owner = candidates(id).find(isUnasked);
      if (!owner && running > 0) return;
      const isLost = !owner && strangersLeft-- > 0 && hasCode(verdict(), 'DAMAGED');
      const host = owner ?? (isLost ? strangers().find(isUnasked) : undefined);
      if (!host) {
        outcome.reject(verdict());
        return;
      }
      asked.add(host);
      running += 1;
      cancelHedge = runtime.timers.after(speeds.hedgeMs(host), next);
      from(host, id, stop.signal, buffers).then(take, (thrown: unknown) => {
        if (host === owner) failures.push(thrown);
        running -= 1;
        next();
      });
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else next();
    return outcome.promise.finally(() => {
      signal.removeEventListener('abort', abort);
      over = true;
      cancelHedge();
      stop.abort();
    });
  };

  const elsewhere = async (id: ChunkId, signal: AbortSignal, buffers?: BufferPool): Promise<Uint8Array> => {
    for (let attempt = 0; ; attempt++)
      try {
        return await race(id, signal, buffers);
      } catch (thrown) {
        // The owners that were asked may own it no more; who owns it now comes by gossip.
        if (!hasCode(thrown, 'STALE_LAYOUT') || attempt >= staleLayoutRetriesMax) throw thrown;
        await runtime.timers.sleep(staleLayoutWaitMs, signal);
      }
  };

  return {
    elsewhere,
    async restore(id, signal) {
      const bytes = await elsewhere(id, signal);
      await files.put(id, bytes);
      return bytes.length;
    },
    hint(id, host) {
      hints.delete(id);
      hints.set(id, host);
      const [oldest] = hints.keys();
      if (hints.size > hintsMax && oldest) hints.delete(oldest);
    },
    async part(id, at, into, signal) {
      if (await files.readPart(id, at, into)) return true;
      const [fastest] = candidates(id);
      return fastest !== undefined && transfer.getPart(fastest, id, at, into, signal).catch(() => false);
    },
    async anywhere(id, signal, buffers) {
      // A damaged copy was set aside and queued by the files' own listener.
      let unread: unknown;
      const here = await files.read(id, buffers).catch((thrown: unknown) => {
        if (!hasCode(thrown, 'DAMAGED')) unread = thrown;
      });
      if (here) return here;
      // What is put here as well must not change when the caller has done with it.
      const isOwn = ring.owners(ring.partitionOf(id)).includes(ring.self);
      const bytes = await elsewhere(id, signal, isOwn ? undefined : buffers).catch((thrown: unknown) => {
        throw unread !== undefined && hasCode(thrown, 'DAMAGED') ? unread : thrown;
      });
      if (isOwn) missing(id, bytes);
      return bytes;
    },
  };
};

/** DAMAGED only where every owner said so: one that did not answer, is starting, or knows other owners may have a copy. */
export const nowhere = (id: ChunkId, failures: readonly unknown[], owners: number): unknown => {
  const stale = failures.find((failure) => hasCode(failure, 'STALE_LAYOUT'));
  if (stale) return stale;
  const unasked = failures.find((failure) => !hasCode(failure, 'NOT_FOUND', 'DAMAGED'));
  return unasked || owners === 0
    ? new ShoalError('UNREACHABLE', `Cannot read chunk ${id}: an owner that may have it does not answer`, {
        cause: unasked,
      })
    : new ShoalError('DAMAGED', `Cannot read chunk ${id}: none of its owners has a good copy`, {
        cause: failures[0],
      });
};
