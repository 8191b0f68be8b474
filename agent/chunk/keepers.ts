/**
 * All that keeps one kind of things, copies or stripes: puts and gets them, mends, compares, collects and scrubs. What a
 * stripe does otherwise than a copy is in its `Kind`; everything else is written once, here and below.
 */
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Members } from '../membership/port.ts';
import type { Rpc } from '../peer/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { sub } from '../store/namespace.ts';
import { type Ask, type AskedOf, askOver } from './ask.ts';
import { census } from './census.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { collector } from './collect.ts';
import { compareWith, sharedPartitions } from './compare.ts';
import { type Debts, debts as openDebts } from './debt.ts';
import type { GetChunk } from './get-chunk.ts';
import * as limits from './limits.ts';
import { type Loop, startLoop } from './loop.ts';
import { orphans } from './orphans.ts';
import type { Judges } from './port.ts';
import { putChunk as openPutChunk, type PutChunk } from './put-chunk.ts';
import type { References } from './reference.ts';
import { repair as openRepair, type Repair } from './repair.ts';
import { type RepairCause, type RepairQueue, repairQueue } from './repair-queue.ts';
import { queueRetired } from './retire.ts';
import { openScrub, type Scrub } from './scrub.ts';
import { serveOwner } from './serve-owner.ts';
import type { ChunkSettings } from './settings.ts';
import { chunkSyncer } from './sync.ts';
import { tells as openTells, type Tells } from './tell.ts';
import type { Throttle } from './throttle.ts';
import type { Transfer } from './transfer.ts';

export interface Kind {
  /** Its messages, and its keys in the store, begin with that. */
  readonly name: AskedOf;
  readonly ring: Ring;
  readonly files: ChunkFiles;
  /** What this host has of them as it should. Default all in `files`. */
  shares?(): AsyncIterable<ChunkId>;
  /** What this host has a part of, and should have more of. Default none. */
  gaps?(): AsyncIterable<ChunkId>;
  /** Hosts whose shares together are a good copy. Default 1. */
  needed?(id: ChunkId): number;
  readonly references: References;
  /** Brings a host its share of the bytes. */
  readonly transfer: Pick<Transfer, 'send'>;
  /** What of it a host should hold, where that changes with the layout. */
  shareOf?(id: ChunkId, host: HostId): string;
  openGet(heard: {
    /** This host should have it, lacks it, and has just got the bytes. */
    missing(id: ChunkId, bytes: Uint8Array): void;
    /** What that host has did not arrive whole. */
    bad(host: HostId, id: ChunkId): void;
  }): GetChunk;
  /** Bytes for other hosts; `missing` hears what was asked for here in vain. */
  serve(missing: (id: ChunkId) => void): void;
  /** What is here and belongs elsewhere. */
  dropStrays(
    parts: { readonly ask: Ask; readonly tells: Tells },
    signal: AbortSignal,
  ): Promise<{ readonly kept: number }>;
}

interface Throttles {
  readonly repair: Throttle;
  readonly collect: Throttle;
  readonly scrub: Throttle;
  readonly orphans: Throttle;
}

export interface Keepers {
  readonly put: PutChunk;
  readonly get: GetChunk;
  readonly references: References;
  readonly debts: Debts;
  readonly queue: RepairQueue;
  readonly tells: Pick<Tells, 'count'>;
  readonly repair: Repair;
  readonly scrub: Scrub;
  /** Begins now what would come by itself; nothing happens while it runs. */
  run(what: 'repair' | 'scrub'): void;
  start(): void;
  stop(): Promise<void>;
}

/** What puts and gets content. */
export type Kept = Pick<Keepers, 'put' | 'get' | 'references' | 'debts'>;

export const openKeepers = (
  world: {
    readonly runtime: Runtime;
    readonly log: Log;
    readonly rpc: Rpc;
    readonly members: Members;
    readonly keyValue: KeyValue;
    readonly throttles: Throttles;
    readonly judges: Judges;
    readonly uploads: ReadonlySet<string>;
    isOff(host: HostId): boolean;
    /** What the kind's files take, for estimates. */
    held(): { readonly usedBytes: number };
  },
  kind: Kind,
  settings: ChunkSettings,
): Keepers => {
  const { runtime, log, rpc, members, throttles } = world;
  const { name, ring, files, references } = kind;
  const parts = { runtime: { ...runtime, log }, log, ring, members, clock: runtime.clock, files, references };
  const storeOf = (what: string): KeyValue => sub(world.keyValue, `${name}-${what}`);
  const loops: Record<string, Loop> = {};
  const later = (what: string, work: Promise<unknown>): void =>
    void work.catch((thrown: unknown) => log.warn(`${what} failed`, { thrown }));

  const ask = askOver(rpc, name);
  const queue = repairQueue({ store: storeOf('repair'), runtime });
  const tells = openTells({ ...parts, store: storeOf('tell'), ask });
  const debts = openDebts({ ...parts, judges: world.judges, store: storeOf('debt') }, settings);
  const scrub = openScrub({ ...parts, store: storeOf('scrub'), throttle: throttles.scrub });
  const listed = census(parts);
  const own = kind.shares ? census({ ...parts, files: { list: kind.shares } }) : listed;
  const compare = compareWith({ ask, census: own, files });
  const collect = collector(
    { ...parts, throttle: throttles.collect },
    { graceMs: settings.collectGraceMs ?? limits.collectGraceMsDefault },
  );

  const ageMs = settings.claimAgeMs ?? limits.claimAgeMs;
  const { judges, uploads, isOff } = world;
  const unnamed = orphans(
    { ...parts, self: ring.self, ask: askOver(rpc), judges, uploads, isOff, throttle: throttles.orphans },
    { ageMs },
  );

  const enqueue = (ids: readonly ChunkId[], why: RepairCause): Promise<void> =>
    queue.add(ids, why).then(() => loops.repair?.poke());
  const owned = (id: ChunkId): boolean => ring.owners(ring.partitionOf(id)).includes(ring.self);
  const notice = (host: HostId, id: ChunkId): void =>
    later(
      'a notice to another owner',
      tells.add(host, [id]).then(() => loops.repair?.poke()),
    );
  files.onRetire(() =>
    later(
      'leaving a retired directory',
      queueRetired(files, (ids) => enqueue(ids, 'missing')).then(() => loops.compare?.poke()),
    ),
  );
  files.onDamage((id) => later('queueing a repair', enqueue([id], 'damaged')));

  const get = kind.openGet({
    // The bytes are at hand: mend at once, and queue only what fails.
    missing: (id, bytes) =>
      later(
        'mending after a read',
        files.put(id, bytes).then(
          () => queue.done([id]),
          () => enqueue([id], 'missing'),
        ),
      ),
    bad(host, id) {
      log.warn(`a ${name} came damaged`, { from: host, chunk: id });
      notice(host, id);
    },
  });
  const put = openPutChunk({
    ...parts,
    transfer: kind.transfer,
    ask,
    ...(kind.shareOf && { shareOf: kind.shareOf }),
    missed: (host, id) =>
      host === ring.self ? later('queueing a repair', enqueue([id], 'missing')) : notice(host, id),
  });
  const repair = openRepair({
    ...parts,
    timers: runtime.timers,
    ask,
    getChunk: get,
    queue,
    throttle: throttles.repair,
    ...(kind.needed && { needed: kind.needed }),
  });

  kind.serve((id) => owned(id) && later('queueing a repair', enqueue([id], 'missing')));
  serveOwner({
    ...{ rpc, ring, files },
    of: name,
    census: listed,
    async suspect(ids, from) {
      const good = await mapLimit(ids.filter(owned), limits.repairInFlightMax, async (id) => ({
        id,
        good: (await files.read(id).catch(() => undefined)) !== undefined,
      }));
      const absent = good.filter((found) => !found.good).map(({ id }) => id);
      for (const id of absent) get.hint(id, from);
      if (absent.length > 0) await enqueue(absent, 'missing');
      return absent.length;
    },
  });
  ring.addSyncer(
    chunkSyncer({
      ...parts,
      name,
      compare,
      ...(kind.gaps && { gaps: kind.gaps }),
      repair,
      queue,
      held: () => ({ rows: 0, bytes: world.held().usedBytes }),
    }),
  );

  const alive = new Set<HostId>();
  const unsubscribe: (() => void)[] = [];
  const compareAll = async (signal: AbortSignal): Promise<number | undefined> => {
    let failed = false;
    for (const [host, partitions] of sharedPartitions(ring))
      if (members.isReachable(host))
        await compare(host, partitions, (ids) => enqueue(ids, 'missing'), signal).catch((thrown: unknown) => {
          log.info('an owner could not be compared with', { host, thrown });
          failed = true;
        });
    return failed && !signal.aborted ? limits.compareRetryMs : undefined;
  };
  const keep = (
    what: string,
    everyMs: number,
    firstAfterMs: number,
    work: Parameters<typeof startLoop>[1]['work'],
  ): void => {
    loops[what] = startLoop(parts, { name: `${name} ${what}`, everyMs, firstAfterMs, work });
  };

  return {
    ...{ put, get, references, debts, queue, tells, repair, scrub },
    run(what) {
      if (what === 'scrub' && !scrub.status().running) loops.scrub?.poke();
      if (what === 'scrub') return;
      queue.wake();
      loops.repair?.poke();
      loops.compare?.poke();
    },
    start() {
      const grace = settings.collectGraceMs ?? limits.collectGraceMsDefault;
      keep('repair', limits.repairEveryMs, 0, async (signal) => {
        await tells.deliver(signal);
        await repair.work(signal);
      });
      keep('orphans', settings.orphansEveryMs ?? limits.orphansEveryMs, ageMs, unnamed.walk);
      keep('orphans settled', Math.min(ageMs, limits.settleOrphansEveryMs), ageMs, unnamed.settle);
      keep('debts', limits.settleDebtsEveryMs, limits.firstTurnMs, debts.settle);
      keep('compare', settings.compareEveryMs ?? limits.compareEveryMs, limits.firstTurnMs, compareAll);
      keep('collect', settings.collectEveryMs ?? limits.collectEveryMs, grace, collect.walk);
      keep('sweep', grace, grace, collect.sweep);
      keep('strays', limits.collectEveryMs, limits.firstTurnMs, async (signal) => {
        const { kept } = await kind.dropStrays({ ask, tells }, signal);
        // Their owners are fetching them: look again soon.
        return kept > 0 ? limits.strayEveryMs : undefined;
      });
      keep('scrub', limits.scrubEveryMs, limits.firstTurnMs, scrub.walk);
      unsubscribe.push(
        ring.onChange(() => loops.strays?.poke()),
        members.onChange(({ hostId, state }) => {
          const came = state === 'alive' && !alive.has(hostId);
          if (state === 'alive' || state === 'suspect') alive.add(hostId);
          else alive.delete(hostId);
          if (!came) return;
          queue.wake();
          loops.repair?.poke();
          loops.compare?.poke();
        }),
      );
    },
    async stop() {
      for (const cancel of unsubscribe.splice(0)) cancel();
      await Promise.all(Object.values(loops).map((loop) => loop.stop()));
    },
  };
};
