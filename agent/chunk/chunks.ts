/**
 * The chunk room as the agent sees it: content in, content out, and the keepers that mend, compare, collect and
 * scrub behind it. `openChunks` wires the parts; each part says what it is for.
 */

import type { HostId } from '../../proto/ids.ts';
import { type Code, codeName, codes, fragmentCount } from '../../proto/policy.ts';
import type { Members } from '../membership/port.ts';
import type { Bulk, Rpc } from '../peer/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { sub } from '../store/namespace.ts';
import type { LedKeys, Tables } from '../table/port.ts';
import { answerOver } from './ask.ts';
import { bufferPool } from './buffer-pool.ts';
import { type ChunkFiles, openChunkFiles } from './chunk-files.ts';
import { contentStore } from './content.ts';
import { copyKind } from './copy-kind.ts';
import { digestPool as openDigestPool } from './digest-pool.ts';
import { directoryMemory } from './directory-memory.ts';
import { openKeepers } from './keepers.ts';
import * as limits from './limits.ts';
import type { ContentStore, Judge } from './port.ts';
import { referenceRows } from './reference.ts';
import { rekeep } from './rekeep.ts';
import type { ChunkSettings } from './settings.ts';
import { chunkShelf, type Shelf } from './shelf.ts';
import { fragmentShelf } from './stripe/files.ts';
import { stripeKind } from './stripe/kind.ts';
import { throttle } from './throttle.ts';
import { sumUpkeep, type Upkeep, upkeepOf } from './upkeep.ts';

interface ChunkStatus {
  /** Repairs that wait here, and notices that wait for other hosts. */
  readonly queued: number;
  /** Of the repairs: chunks that this host should hold and lacks ... */
  readonly missing: number;
  /** ... and those whose copy here was damaged and is not mended yet. */
  readonly damaged: number;
  /** Of those two: other owners that answer have no good copy. */
  readonly alone: number;
  /** For so long none of them could be mended. */
  readonly stuckMs: number;
  /** Uploads of a dead agent, and releases, whose references could not be given back; for how long the oldest waits. */
  readonly owed: { readonly users: number; readonly forMs: number };
  /** Held by chunks here, and what they may still take. About right: a moment old. */
  readonly usedBytes: number;
  readonly freeBytes: number;
  /** Fetched by repairs since the start. */
  readonly repairedBytes: number;
  /** Data directories that take no more writes, and why. */
  readonly retired: readonly string[];
  /** Policies of stripes here for which there are too few hosts, so that some hold several fragments of one. */
  readonly crowded: readonly string[];
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
    readonly tables: Tables & LedKeys;
    /** Its keys `chunk-*` and `stripe-*` are this room's. */
    readonly keyValue: KeyValue;
    /** One or several, each on a disk of its own; made where missing. */
    readonly directories: readonly string[];
    /** Default `openChunkFiles`; the simulator has disks of its own. */
    readonly openFiles?: typeof openChunkFiles;
    /** No host of the cluster any more, nor connected with any. Default nobody is. */
    isOff?(host: HostId): boolean;
  },
  settings: ChunkSettings = {},
): Promise<Chunks> => {
  const { runtime, rpc, bulk, ring, members, tables, keyValue } = world;
  const log = runtime.log.with({ part: 'chunk' });
  const buffers = bufferPool();
  const parts = { runtime: { ...runtime, log }, log, ring, members, clock: runtime.clock, buffers };

  const directories = directoryMemory(sub(keyValue, 'chunk-directory'));
  const openFiles = world.openFiles ?? openChunkFiles;
  const filesOf = (shelf: Shelf): Promise<ChunkFiles> =>
    openFiles(parts, {
      directories: world.directories,
      reserveBytes: settings.reserveBytes ?? limits.reserveBytesDefault,
      known: directories.known(),
      shelf,
    });
  const files = await filesOf(chunkShelf);
  const fragments = await filesOf(fragmentShelf);
  await directories.remember(files.directories);
  const throttles = {
    repair: throttle(runtime, {
      perSecond: settings.repairBytesPerSecond ?? limits.repairBytesPerSecondDefault,
    }),
    collect: throttle(runtime, {
      perSecond: settings.collectPerSecond ?? limits.collectPerSecondDefault,
    }),
    orphans: throttle(runtime, {
      perSecond: settings.orphansPerSecond ?? limits.orphansPerSecondDefault,
    }),
    scrub: throttle(runtime, {
      perSecond: settings.scrubBytesPerSecond ?? limits.scrubBytesPerSecondDefault,
    }),
  };
  const rekeeping = throttle(runtime, {
    perSecond: settings.rekeepBytesPerSecond ?? limits.rekeepBytesPerSecondDefault,
  });
  const later = (what: string, work: Promise<unknown>): void =>
    void work.catch((thrown: unknown) => log.warn(`${what} failed`, { thrown }));

  const space = { copies: await files.space(), stripes: await fragments.space() };
  const rows = referenceRows(tables);
  const judges = new Map<string, Judge>();
  const uploads = new Set<string>();
  answerOver(rpc)('uploads', async ({ users }) => ({ underWay: users.map((user) => uploads.has(user)) }));
  const isOff = (host: HostId): boolean => world.isOff?.(host) ?? false;
  const keepers = { ...parts, rpc, keyValue, throttles, judges, uploads, isOff };
  const copies = openKeepers(
    { ...keepers, held: () => space.copies },
    copyKind({ ...parts, bulk, rows, files }),
    settings,
  );
  const striped = stripeKind({ ...parts, bulk, rows, fragments });
  const stripes = openKeepers({ ...keepers, held: () => space.stripes }, striped, settings);
  const kinds = [copies, stripes];
  const digestPool = openDigestPool();
  const stopping = new AbortController();

  return {
    content: contentStore({
      runtime,
      log,
      buffers,
      digestPool,
      copies,
      stripes,
      ...{ judges, uploads },
      codes: () => wideEnough(ring),
      rekeep: rekeep({ copies, stripes, throttle: rekeeping }),
    }),
    status() {
      const look = async (): Promise<void> => {
        space.copies = await files.space();
        space.stripes = await fragments.space();
      };
      later('asking for free space', look());
      const queued = sumOf(
        kinds,
        ({ queue, tells }) => queue.counts.missing + queue.counts.damaged + tells.count,
      );
      return {
        queued,
        missing: sumOf(kinds, ({ queue }) => queue.counts.missing),
        damaged: sumOf(kinds, ({ queue }) => queue.counts.damaged),
        alone: sumOf(kinds, ({ queue }) => queue.counts.none),
        stuckMs: Math.max(...kinds.map(({ repair }) => repair.stuckMs)),
        owed: {
          users: sumOf(kinds, ({ debts }) => debts.waiting.users),
          forMs: Math.max(...kinds.map(({ debts }) => debts.waiting.forMs)),
        },
        usedBytes: space.copies.usedBytes + space.stripes.usedBytes,
        freeBytes: space.copies.freeBytes,
        repairedBytes: sumOf(kinds, ({ repair }) => repair.repairedBytes),
        crowded: striped
          .codes()
          .filter((code) => !wideEnough(ring).includes(code))
          .map(codeName),
        retired: files.directories.flatMap(({ path, retired: why }) => (why ? [`${path}: ${why}`] : [])),
      };
    },
    upkeep: () =>
      sumUpkeep(upkeepOf({ ...copies, held: space.copies }), upkeepOf({ ...stripes, held: space.stripes })),
    run(what) {
      for (const kind of kinds) kind.run(what);
    },
    start() {
      for (const kind of kinds) kind.start();
      later('measuring what is here', files.measure(stopping.signal));
      later('measuring what is here', fragments.measure(stopping.signal));
    },
    async stop() {
      stopping.abort();
      await Promise.all(kinds.map((kind) => kind.stop()));
      await digestPool.stop();
    },
  };
};

/** Each fragment on a host of its own, in the newest layout. */
const wideEnough = (ring: Ring): readonly Code[] =>
  codes.filter(
    (code) => ring.wideOwners(0, fragmentCount(code)).at(-1)?.owners.length === fragmentCount(code),
  );

const sumOf = <T>(items: readonly T[], count: (item: T) => number): number =>
  items.reduce((sum, item) => sum + count(item), 0);
