/**
 * The chunk room as the agent sees it: content in, content out, and the keepers that mend, compare, collect and
 * scrub behind it. `openChunks` wires the parts; each part says what it is for.
 */
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Members } from '../membership/port.ts';
import type { Bulk, Rpc } from '../peer/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { sub } from '../store/namespace.ts';
import type { Tables } from '../table/port.ts';
import { askOver } from './ask.ts';
import { census as openCensus } from './census.ts';
import { openChunkFiles } from './chunk-files.ts';
import { collector } from './collect.ts';
import { compareWith, sharedPartitions } from './compare.ts';
import { contentStore } from './content.ts';
import { debts as openDebts } from './debt.ts';
import { digestPool as openDigestPool } from './digest-pool.ts';
import { directoryMemory } from './directory-memory.ts';
import { getChunk as openGetChunk } from './get-chunk.ts';
import * as limits from './limits.ts';
import { type Loop, startLoop } from './loop.ts';
import type { ContentStore } from './port.ts';
import { putChunk as openPutChunk } from './put-chunk.ts';
import { references as openReferences } from './reference.ts';
import { repair as openRepair } from './repair.ts';
import { type RepairCause, repairQueue } from './repair-queue.ts';
import { queueRetired } from './retire.ts';
import { openScrub } from './scrub.ts';
import { serveOwner } from './serve-owner.ts';
import type { ChunkSettings } from './settings.ts';
import { dropStrays } from './stray.ts';
import { chunkSyncer } from './sync.ts';
import { tells as openTells } from './tell.ts';
import { throttle } from './throttle.ts';
import { transfer as openTransfer, serveTransfer } from './transfer.ts';
import { type Upkeep, upkeepOf } from './upkeep.ts';

interface ChunkStatus {
  /** Repairs that wait here, and notices that wait for other hosts. */
  readonly queued: number;
  /** Of the repairs: chunks that this host should hold and lacks ... */
  readonly missing: number;
  /** ... and those whose copy here was damaged and is not mended yet. */
  readonly damaged: number;
  /** Held by chunks here, and what they may still take. About right: a moment old. */
  readonly usedBytes: number;
  readonly freeBytes: number;
  /** Fetched by repairs since the start. */
  readonly repairedBytes: number;
  /** Data directories that take no more writes, and why. */
  readonly retired: readonly string[];
}

export interface Chunks {
  readonly content: ContentStore;
  status(): ChunkStatus;
  /** How far repair and scrub are. */
  upkeep(): Upkeep;
  /** Begins now what would come by itself; nothing happens while it runs. */
  run(what: keyof Upkeep): void;
  /** The keepers begin. Content is served from `openChunks` on. */
  start(): void;
  /** The keepers end; what they were at is on disk. */
  stop(): Promise<void>;
}

export const openChunks = async (
  world: {
    readonly runtime: Runtime;
    readonly rpc: Rpc;
    readonly bulk: Bulk;
    readonly ring: Ring;
    readonly members: Members;
    readonly tables: Tables;
    /** Its keys `chunk-*` are this room's. */
    readonly keyValue: KeyValue;
    /** One or several, each on a disk of its own; made where missing. */
    readonly directories: readonly string[];
    /** Default `openChunkFiles`; the simulator has disks of its own. */
    readonly openFiles?: typeof openChunkFiles;
  },
  settings: ChunkSettings = {},
): Promise<Chunks> => {
  const { runtime, rpc, bulk, ring, members, tables, keyValue } = world;
  const log = runtime.log.with({ part: 'chunk' });
  const parts = { runtime: { ...runtime, log }, log, ring, members, clock: runtime.clock };

  const directories = directoryMemory(sub(keyValue, 'chunk-directory'));
  const files = await (world.openFiles ?? openChunkFiles)(parts, {
    directories: world.directories,
    reserveBytes: settings.reserveBytes ?? limits.reserveBytesDefault,
    known: directories.known(),
  });
  await directories.remember(files.directories);
  const ask = askOver(rpc);
  const references = openReferences({ tables, timers: runtime.timers });
  const census = openCensus({ ...parts, files });
  const transfer = openTransfer({ bulk, ring });
  const queue = repairQueue({ store: sub(keyValue, 'chunk-repair'), runtime });
  const tells = openTells({ ...parts, store: sub(keyValue, 'chunk-tell'), ask });
  const debts = openDebts({ ...parts, store: sub(keyValue, 'chunk-debt'), references });
  const scrub = openScrub({
    ...parts,
    files,
    store: sub(keyValue, 'chunk-scrub'),
    throttle: throttle(runtime, {
      perSecond: settings.scrubBytesPerSecond ?? limits.scrubBytesPerSecondDefault,
    }),
  });

  const keepers: Record<string, Loop> = {};
  const later = (what: string, work: Promise<unknown>): void =>
    void work.catch((thrown: unknown) => log.warn(`${what} failed`, { thrown }));
  const enqueue = (ids: readonly ChunkId[], why: RepairCause): Promise<void> =>
    queue.add(ids, why).then(() => keepers.repair?.poke());
  const owned = (id: ChunkId): boolean => ring.owners(ring.partitionOf(id)).includes(ring.self);
  const notice = (host: HostId, id: ChunkId): void =>
    later(
      'a notice to another owner',
      tells.add(host, [id]).then(() => keepers.repair?.poke()),
    );
  files.onRetire(() =>
    later(
      'leaving a retired directory',
      queueRetired(files, (ids) => enqueue(ids, 'missing')).then(() => keepers.compare?.poke()),
    ),
  );
  files.onDamage((id) => later('queueing a repair', enqueue([id], 'damaged')));

  const getChunk = openGetChunk({
    ...parts,
    files,
    transfer,
    // The copy is at hand: mend at once, and queue only what fails.
    missing: (id, bytes) =>
      later(
        'mending after a read',
        files.put(id, bytes).then(
          () => queue.done([id]),
          () => enqueue([id], 'missing'),
        ),
      ),
    bad(host, id) {
      log.warn('a chunk came damaged', { from: host, chunk: id });
      notice(host, id);
    },
  });
  const putChunk = openPutChunk({
    ...parts,
    files,
    transfer,
    ask,
    missed: (host, id) =>
      host === ring.self ? later('queueing a repair', enqueue([id], 'missing')) : notice(host, id),
  });
  const repair = openRepair({
    ...parts,
    ask,
    files,
    getChunk,
    references,
    queue,
    throttle: throttle(runtime, {
      perSecond: settings.repairBytesPerSecond ?? limits.repairBytesPerSecondDefault,
    }),
  });
  const collect = collector(
    {
      ...parts,
      files,
      references,
      throttle: throttle(runtime, {
        perSecond: settings.collectPerSecond ?? limits.collectPerSecondDefault,
      }),
    },
    { graceMs: settings.collectGraceMs ?? limits.collectGraceMsDefault },
  );
  const compare = compareWith({ ask, census, files });
  const digestPool = openDigestPool();

  serveTransfer({
    bulk,
    ring,
    files,
    missing: (id) => owned(id) && later('queueing a repair', enqueue([id], 'missing')),
  });
  serveOwner({
    rpc,
    ring,
    files,
    census,
    async suspect(ids, from) {
      const good = await mapLimit(ids.filter(owned), limits.repairInFlightMax, async (id) => ({
        id,
        good: (await files.read(id).catch(() => undefined)) !== undefined,
      }));
      const absent = good.filter((found) => !found.good).map(({ id }) => id);
      for (const id of absent) getChunk.hint(id, from);
      if (absent.length > 0) await enqueue(absent, 'missing');
      return absent.length;
    },
  });
  ring.addSyncer(
    chunkSyncer({ ...parts, compare, repair, queue, held: () => ({ rows: 0, bytes: space.usedBytes }) }),
  );

  let space = await files.space();
  const stopping = new AbortController();
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
    name: string,
    everyMs: number,
    firstAfterMs: number,
    work: Parameters<typeof startLoop>[1]['work'],
  ): void => {
    keepers[name] = startLoop(parts, { name: `chunk ${name}`, everyMs, firstAfterMs, work });
  };

  return {
    content: contentStore({ clock: runtime.clock, log, debts, references, digestPool, putChunk, getChunk }),
    status() {
      later(
        'asking for free space',
        files.space().then((seen) => {
          space = seen;
        }),
      );
      const { missing, damaged } = queue.counts;
      const { repairedBytes } = repair;
      const retired = files.directories.flatMap(({ path, retired: why }) => (why ? [`${path}: ${why}`] : []));
      return { queued: missing + damaged + tells.count, missing, damaged, ...space, repairedBytes, retired };
    },
    upkeep: () => upkeepOf({ queue, repair, scrub, held: space }),
    run(what) {
      if (what === 'scrub' && !scrub.status().running) keepers.scrub?.poke();
      if (what === 'scrub') return;
      queue.wake();
      keepers.repair?.poke();
      keepers.compare?.poke();
    },
    start() {
      const grace = settings.collectGraceMs ?? limits.collectGraceMsDefault;
      keep('repair', limits.repairEveryMs, 0, async (signal) => {
        await tells.deliver(signal);
        await repair.work(signal);
      });
      keep('debts', limits.settleDebtsEveryMs, limits.firstTurnMs, debts.settle);
      keep('compare', settings.compareEveryMs ?? limits.compareEveryMs, limits.firstTurnMs, compareAll);
      keep('collect', settings.collectEveryMs ?? limits.collectEveryMs, grace, collect.walk);
      keep('sweep', grace, grace, collect.sweep);
      keep('strays', limits.collectEveryMs, limits.firstTurnMs, async (signal) => {
        const { kept } = await dropStrays({ ...parts, files, ask, tells }, signal);
        // Their owners are fetching them: look again soon.
        return kept > 0 ? limits.strayEveryMs : undefined;
      });
      keep('scrub', limits.scrubEveryMs, limits.firstTurnMs, scrub.walk);
      later('measuring what is here', files.measure(stopping.signal));
      unsubscribe.push(
        ring.onChange(() => keepers.strays?.poke()),
        members.onChange(({ hostId, state }) => {
          const came = state === 'alive' && !alive.has(hostId);
          if (state === 'alive' || state === 'suspect') alive.add(hostId);
          else alive.delete(hostId);
          if (!came) return;
          queue.wake();
          keepers.repair?.poke();
          keepers.compare?.poke();
        }),
      );
    },
    async stop() {
      stopping.abort();
      for (const cancel of unsubscribe.splice(0)) cancel();
      await Promise.all(Object.values(keepers).map((keeper) => keeper.stop()));
      await digestPool.stop();
    },
  };
};
