/**
 * The replicated tables of this host, put together. Every host coordinates what is asked of it and owns its share:
 *
 *   rows, registers, pages, tally      coordinator: asks a quorum of owners   (poll, outbox)
 *   owner, row-store, tree             owner: rows on this host's disk        (serve)
 *   healer, anti-entropy, syncer       owners among themselves
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { NamedRow } from '../../proto/message/row.ts';
import type { Operation } from '../../proto/message/table.ts';
import { coalesce } from '../base/coalesce.ts';
import type { Members } from '../membership/port.ts';
import type { Rpc } from '../peer/port.ts';
import type { Lives } from '../register/lives.ts';
import type { Ring } from '../ring/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue, KeyValueReader } from '../store/key-value.ts';
import { antiEntropy, type HealStatus } from './anti-entropy.ts';
import { type Collector, type CollectSettings, collector } from './collector.ts';
import { type CollectState, openCutoffs } from './cutoff.ts';
import { healer } from './healer.ts';
import { heldRange, openHolds } from './holds.ts';
import { encodeSortKey, familyOf, partitionTable, placeFinder } from './keys.ts';
import { keysLed } from './keys-led.ts';
import { openLead } from './lead.ts';
import { leaders } from './leaders.ts';
import { readFloor, readLives } from './life-notes.ts';
import { stampReportMs } from './limits.ts';
import { outbox } from './outbox.ts';
import { type Overdue, overdueTombstones } from './overdue.ts';
import { owner } from './owner.ts';
import { poller } from './poll.ts';
import type { LedKeys, RegisterSchema, Registers, RowSchema, Rows, Tables } from './port.ts';
import type { RangeMap } from './range-map.ts';
import { fixedRouter, openRanges } from './ranges.ts';
import { rebirth } from './rebirth.ts';
import { openRegisters } from './registers.ts';
import { acceptorOf } from './row.ts';
import { rowCensus } from './row-census.ts';
import { rowRegisters } from './row-registers.ts';
import { readRow } from './row-store.ts';
import { openRows, stampSource } from './rows.ts';
import { type Perform, serveTables } from './serve.ts';
import { type SplitSettings, splitWatch } from './split-watch.ts';
import { fenceSchema, splitter } from './splitter.ts';
import { tableSyncer } from './syncer.ts';
import { turnEnd } from './turn-end.ts';
import { wholeness } from './wholeness.ts';

interface TablesStatus extends HealStatus {
  /** False while this host copies rows that its lost disk held. */
  readonly whole: boolean;
  /** Writes whose stamps lay too far in this host's future, as long as they keep coming. */
  readonly stampsRefused: number;
  /** Deleted rows that are not collected in time; null: none. */
  readonly overdue: Overdue | null;
}

export interface OpenTables extends Tables, LedKeys {
  /** Begins to compare with the other owners. Answers are given from `openTables` on. */
  start(): void;
  /** Compares with all reachable owners now. */
  heal(): void;
  stop(): Promise<void>;
  status(): TablesStatus;
}

export const openTables = (
  world: {
    readonly runtime: Runtime;
    readonly rpc: Rpc;
    readonly ring: Ring;
    readonly members: Members;
    /** A namespace of its own. */
    readonly keyValue: KeyValue;
    /** Runs the work after the I/O of this turn; default setImmediate. The simulator has turns of its own. */
    readonly soon?: (work: () => void) => void;
    /** Where the simulator plants a bug. */
    readonly openHolds?: typeof openHolds;
  },
  settings: CollectSettings & SplitSettings & { readonly compareEveryMs?: number } = {},
): OpenTables => {
  const { rpc, ring, members, keyValue, runtime } = world;
  const { clock, timers, chance } = runtime;
  const log = runtime.log.with({ part: 'table' });
  const { self } = rpc;
  const findPlace = placeFinder(ring);
  const stopping = new AbortController();
  const end = turnEnd(world.soon ?? setImmediate);

  const whole = wholeness({ self, ring, keyValue, timers, log }, (life, signal) =>
    rebirth(
      { self, ring, keyValue, outbox: out, healer: heal, findPlace, timers, chance, log },
      life,
      signal,
    ),
  );
  const refused = { count: 0, lastMs: Number.NEGATIVE_INFINITY };
  const stampsRefused = (): number =>
    clock.monotonicMs() - refused.lastMs < stampReportMs ? refused.count : 0;
  const refusedStamp = (from: HostId, aheadMs: number): void => {
    refused.count = stampsRefused() + 1;
    refused.lastMs = clock.monotonicMs();
    log.warn('refused a write from the future', { from, aheadMs });
  };
  const floorOf = (reader: KeyValueReader, partition: number) =>
    whole.isWhole ? readFloor(reader, partition) : null;
  const families = new Map<string, readonly string[]>();
  const cutoffs = openCutoffs({
    ...{ ring, keyValue, findPlace },
    doubted: (partition) => collecting?.doubt(partition),
  });
  const ownerWorld = {
    ...{ keyValue, findPlace, clock, log, refusedStamp, checkWhole: whole.check, floorOf, cutoffs },
    splits: (table: string) => families.has(familyOf(table)),
    collected: (partition: number) => collecting?.drop(partition),
  };
  let collecting: Collector | undefined;
  const lives = (): Lives => readLives(keyValue);
  const own = owner(ownerWorld);
  const perform: Perform = (operation, from) => {
    // The store may be closed already; a late message is weather, not a bug.
    if (stopping.signal.aborted) throw new ShoalError('BUSY', `Host ${self} is stopping`);
    if (operation.do === 'change') return change(operation, from);
    if (operation.do === 'reconcile') return reconcile(operation);
    if (
      (operation.do === 'push' || operation.do === 'recall' || operation.do === 'collect') &&
      !ring.owners(operation.partition).includes(from)
    ) {
      log.warn('refused copies of rows from a host that does not own them', {
        from,
        partition: operation.partition,
      });
      // It may only know another layout than this host: whoever asked for its work may ask again.
      throw new ShoalError(
        'BUSY',
        `Cannot take copies for partition ${operation.partition} from ${from}: it owns none`,
      );
    }
    return own[operation.do](operation as never, from);
  };
  const out = outbox({
    ...{ rpc, clock, lives, soon: end.send },
    async local(operation, layout) {
      ring.checkVersion(self, layout);
      return perform(operation, self);
    },
  });
  const poll = poller({ self, members, timers, clock });
  const first = leaders({ self, ring, members, clock });
  const registers = rowRegisters({
    self,
    ring,
    leaders: first,
    outbox: out,
    poller: poll,
    timers,
    chance,
    clock,
    findPlace,
  });
  const lead = openLead({ self, ring, leaders: first, outbox: out, registers, timers });
  const heal = healer({
    ...ownerWorld,
    outbox: out,
    layout: () => ring.newest,
    settle({ table, partitionKey, sortKey }: NamedRow) {
      const place = findPlace(table, partitionKey);
      const held = readRow(keyValue, place, encodeSortKey(sortKey));
      const { promised } = acceptorOf(held?.state, floorOf(keyValue, place.partition));
      return registers.settle(place, sortKey, promised);
    },
  });

  const change = ({ table, partitionKey, ...wish }: Operation<'change'>, from: HostId) =>
    registers.run({ place: findPlace(table, partitionKey), ...wish, for: from });
  const reconcileWith = coalesce(async (pair: string): Promise<void> => {
    const [partition = '', host = ''] = pair.split(' ');
    await heal.heal(host as HostId, Number(partition));
  });
  const reconcile = async ({ partition, with: hosts }: Operation<'reconcile'>): Promise<null> => {
    const owners = ring.owners(partition).filter((host) => host !== self && hosts.includes(host));
    await Promise.all(owners.map((host) => reconcileWith(`${partition} ${host}`)));
    return null;
  };

  const entropy = antiEntropy({ self, ring, members, healer: heal, timers, log }, settings);
  serveTables({ rpc, ring, log }, perform, lives);
  ring.addSyncer(
    tableSyncer({
      ...{ self, ring, healer: heal, timers, chance, log },
      whole: whole.wait,
      rows: rowCensus({ self, ring, keyValue, clock }),
    }),
  );

  const coordinator = { self, ring, findPlace, outbox: out, poller: poll, clock, timers };
  const nextStampAt = stampSource(self);
  const names = new Set<string>();
  const claim = (name: string): void => {
    if (names.has(name)) throw new Error(`table "${name}" is opened twice`);
    names.add(name);
  };
  const register = <Row>({ name }: RegisterSchema): Registers<Row> => {
    claim(name);
    return openRegisters({ ...coordinator, chance, registers, lead, soon: end.begin }, { name });
  };
  const overdue = overdueTombstones({ ring, members, keyValue, clock }, settings);
  const states = register<CollectState>({ name: partitionTable });
  collecting = collector(
    {
      ...{ self, ring, members, leaders: first, outbox: out, healer: heal, cutoffs, keyValue, findPlace },
      ...{ clock, timers, log, states },
      finish: (hold) => {
        const { family, rangeKey } = heldRange(hold);
        return split.finish(family, rangeKey, stopping.signal);
      },
    },
    settings,
  );
  const maps = register<RangeMap>({ name: 'table-range' });
  const fences = new Map<string, Rows<true>>();
  const holds = (world.openHolds ?? openHolds)({ states, findPlace });
  const split = splitter({ ...coordinator, log, maps, holds, fences, families }, settings);
  const routerOf = openRanges({ ...coordinator, chance, maps }, (table, rangeKey) =>
    split.finish(familyOf(table), rangeKey, stopping.signal),
  );
  const watch = splitWatch(
    { self, ring, members, leaders: first, keyValue, findPlace, families, splitter: split, timers, log },
    settings,
  );
  const openSplitting = (name: string) => {
    const family = familyOf(name);
    if (!families.has(family)) {
      const fence = fenceSchema(family);
      claim(fence.name);
      fences.set(
        family,
        openRows<true>(coordinator, nextStampAt, fence, fixedRouter(coordinator, fence.name)),
      );
    }
    families.set(family, [...(families.get(family) ?? []), name]);
    return routerOf(name);
  };
  return {
    rows<Row>(schema: RowSchema<Row>): Rows<Row> {
      claim(schema.name);
      const { name } = schema;
      const router = schema.splits ? openSplitting(name) : fixedRouter(coordinator, name);
      return openRows(coordinator, nextStampAt, schema, router);
    },
    registers: register,
    keysLed: (table) => keysLed({ self, leaders: first, keyValue, timers }, table),
    start() {
      whole.restore(stopping.signal).catch((thrown: unknown) => {
        if (!stopping.signal.aborted) log.error('cannot copy the rows of this host', { error: thrown });
      });
      entropy.start();
      collecting?.start();
      watch.start();
    },
    heal: entropy.hurry,
    async stop() {
      stopping.abort(new ShoalError('ABORTED', 'The agent is stopping'));
      await collecting?.stop();
      await watch.stop();
      await entropy.stop();
    },
    status: () => ({
      ...entropy.status(),
      ...{ whole: whole.isWhole, stampsRefused: stampsRefused(), overdue: overdue() },
    }),
  };
};
