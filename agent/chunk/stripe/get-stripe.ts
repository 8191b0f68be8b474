/**
 * Gets a whole chunk from any k fragments of its stripe: those here, and as many others at once as are wanting. One that
 * fails, or is slow, is replaced by another; parity only where a host with data is slow or gone, for it must be computed.
 *
 *     here ──> k - here under way ──(one fails, or takes too long)──> one more ──> k are here ──> decode, verify
 */
import { hasCode, ShoalError } from '../../../proto/error.ts';
import type { ChunkId, HostId } from '../../../proto/ids.ts';
import type { Members } from '../../membership/port.ts';
import type { Runtime } from '../../runtime/ports.ts';
import type { ChunkFiles } from '../chunk-files.ts';
import { abortReason } from '../cut.ts';
import { type GetChunk, nowhere } from '../get-chunk.ts';
import { latency } from '../latency.ts';
import { hintsMax, paritySlowdown, staleLayoutRetriesMax, staleLayoutWaitMs } from '../limits.ts';
import type { Transfer } from '../transfer.ts';
import { decodeFragments } from './code.ts';
import { fragmentFiles } from './files.ts';
import { type Fragment, openFragment } from './fragment.ts';
import { fragmentName, knownCode, stripeIdOf } from './name.ts';
import type { StripeRing } from './place.ts';

interface Source {
  readonly index: number;
  readonly host: HostId;
}

export const getStripe = ({
  runtime,
  ring,
  members,
  fragments,
  transfer,
  missing,
  bad,
}: {
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>;
  readonly ring: StripeRing;
  readonly members: Members;
  readonly fragments: ChunkFiles;
  readonly transfer: Transfer;
  /** This host's share is not whole, and here are the bytes. */
  missing(stripe: ChunkId, bytes: Uint8Array): void;
  /** That host's fragment did not arrive whole. */
  bad(host: HostId, stripe: ChunkId): void;
}): GetChunk => {
  const speeds = latency(runtime.clock);
  const hints = new Map<ChunkId, HostId>();

  const sourcesOf = (stripe: ChunkId, index: number): Source[] => {
    const hinted = hints.get(stripe);
    const hosts = new Set([...ring.holders(stripe, index), ...(hinted ? [hinted] : [])]);
    return [...hosts].filter((host) => host !== ring.self).map((host) => ({ index, host }));
  };
  /** Those who should have one, the likely fast first; the unreachable last, not never, for gossip may be behind. */
  const ranked = (stripe: ChunkId): Source[] => {
    const { data, parity } = knownCode(stripe);
    const indexes = Array.from({ length: data + parity }, (_, index) => index);
    const cost = ({ index, host }: Source): number =>
      speeds.meanMs(host) * (index < data ? 1 : paritySlowdown);
    const rank = (a: Source, b: Source): number =>
      Number(members.isReachable(b.host)) - Number(members.isReachable(a.host)) || cost(a) - cost(b);
    return indexes.flatMap((index) => sourcesOf(stripe, index)).sort(rank);
  };

  const from = async (stripe: ChunkId, { index, host }: Source, signal: AbortSignal): Promise<Fragment> => {
    const startMs = runtime.clock.monotonicMs();
    const name = fragmentName(stripe, index);
    try {
      const fragment = openFragment(name, await transfer.get(host, name, signal));
      if (!fragment) throw new ShoalError('DAMAGED', `Cannot read fragment ${name}: it came damaged`);
      speeds.note(host, runtime.clock.monotonicMs() - startMs);
      return fragment;
    } catch (thrown) {
      if (signal.aborted) speeds.noteOvertaken(host, runtime.clock.monotonicMs() - startMs);
      else if (hasCode(thrown, 'DAMAGED')) bad(host, stripe);
      throw thrown;
    }
  };

  /** What is here; a damaged one was set aside and queued by the files' own listener. */
  const here = async (stripe: ChunkId): Promise<Map<number, Fragment>> => {
    const found = new Map<number, Fragment>();
    for (const index of ring.dueOf(stripe, ring.self)) {
      const name = fragmentName(stripe, index);
      const file = await fragments.read(name).catch(() => undefined);
      const fragment = file && openFragment(name, file);
      if (fragment) found.set(index, fragment);
    }
    return found;
  };

  /** Any k. Asks each source once, and those that become one meanwhile. */
  const gather = async (stripe: ChunkId, signal: AbortSignal): Promise<Map<number, Fragment>> => {
    const { data } = knownCode(stripe);
    const found = await here(stripe);
    const asked = new Set<string>();
    const failures: unknown[] = [];
    const stop = new AbortController();
    const outcome = Promise.withResolvers<void>();
    const hedges = new Set<() => void>();
    let running = 0;
    let over = false;
    const abort = (): void => outcome.reject(abortReason(signal));

    const start = (source: Source): void => {
      asked.add(`${source.index} ${source.host}`);
      running += 1;
      const cancel = runtime.timers.after(speeds.hedgeMs(source.host), () => void startNext());
      hedges.add(cancel);
      const settle = (): void => {
        cancel();
        hedges.delete(cancel);
        running -= 1;
        if (!over) look();
      };
      from(stripe, source, stop.signal).then(
        (fragment) => {
          found.set(source.index, fragment);
          settle();
        },
        (thrown: unknown) => {
          failures.push(thrown);
          settle();
        },
      );
    };
    const startNext = (): boolean => {
      const next = over
        ? undefined
        : ranked(stripe).find(({ index, host }) => !found.has(index) && !asked.has(`${index} ${host}`));
      if (next) start(next);
      return next !== undefined;
    };
    const look = (): void => {
      if (found.size >= data) {
        outcome.resolve();
        return;
      }
      while (found.size + running < data && startNext());
      if (running === 0)
        outcome.reject(nowhere(stripe, failures, ring.owners(ring.partitionOf(stripe)).length));
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else look();
    try {
      await outcome.promise;
      return found;
    } finally {
      over = true;
      signal.removeEventListener('abort', abort);
      for (const cancel of hedges) cancel();
      stop.abort();
    }
  };

  const whole = async (stripe: ChunkId, signal: AbortSignal): Promise<Uint8Array> => {
    const code = knownCode(stripe);
    const found = await gather(stripe, signal);
    const [{ length } = { length: 0 }] = found.values();
    const bytes = decodeFragments(
      new Map([...found].map(([index, part]) => [index, part.bytes])),
      code,
      length,
    );
    if (stripeIdOf(bytes, code) === stripe) return bytes;
    throw new ShoalError('DAMAGED', `Cannot read stripe ${stripe}: its fragments are whole, and not its own`);
  };

  const elsewhere = async (stripe: ChunkId, signal: AbortSignal): Promise<Uint8Array> => {
    for (let attempt = 0; ; attempt++)
      try {
        return await whole(stripe, signal);
      } catch (thrown) {
        // Who was asked may hold it no more; who does now comes by gossip.
        if (!hasCode(thrown, 'STALE_LAYOUT') || attempt >= staleLayoutRetriesMax) throw thrown;
        await runtime.timers.sleep(staleLayoutWaitMs, signal);
      }
  };

  const lacking = async (stripe: ChunkId): Promise<number[]> => {
    const due = ring.dueOf(stripe, ring.self);
    const has = await Promise.all(due.map((index) => fragments.has(fragmentName(stripe, index))));
    return due.filter((_, at) => !has[at]);
  };

  return {
    elsewhere,
    // A part lies in several fragments.
    part: async () => false,
    /** After a layout change another host still has the very fragment: that is one to fetch in place of k. */
    async restore(stripe, signal) {
      let fetched = 0;
      const computed: number[] = [];
      for (const index of await lacking(stripe)) {
        const name = fragmentName(stripe, index);
        const sources = sourcesOf(stripe, index).filter(({ host }) => members.isReachable(host));
        let file: Uint8Array | undefined;
        for (const { host } of sources)
          file ??= await transfer.get(host, name, signal).catch(() => undefined);
        if (file) await fragments.put(name, file);
        else computed.push(index);
        fetched += file?.length ?? 0;
      }
      if (computed.length === 0) return fetched;
      const bytes = await elsewhere(stripe, signal);
      for (const { name, file } of fragmentFiles(stripe, bytes, computed)) await fragments.put(name, file);
      return fetched + bytes.length;
    },
    hint(stripe, host) {
      hints.delete(stripe);
      hints.set(stripe, host);
      const [oldest] = hints.keys();
      if (hints.size > hintsMax && oldest) hints.delete(oldest);
    },
    async anywhere(stripe, signal) {
      const bytes = await elsewhere(stripe, signal);
      if ((await lacking(stripe)).length > 0) missing(stripe, bytes);
      return bytes;
    },
  };
};
