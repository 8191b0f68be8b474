/**
 * Registers: compare-and-set per row by CASPaxos. A change is decided here, where `next` lives (`joint-change.ts`), and
 * made by the host that runs the register's changes (`lead.ts`).
 */
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { Chance } from '../runtime/ports.ts';
import { combine } from './combine.ts';
import { type Caller, openJointChanges, type Seen, seenOf } from './joint-change.ts';
import { encodeSortKey, type Place, rowText } from './keys.ts';
import type { Lead } from './lead.ts';
import { combinedChangesMax, rowBytesMax, rowWaitersMax } from './limits.ts';
import { readPage } from './pages.ts';
import type { RegisterSchema, Registers } from './port.ts';
import type { Coordinator } from './read-row.ts';
import { unwrapValue } from './row.ts';
import type { RowRegisters } from './row-registers.ts';
import { sharedReads } from './shared-read.ts';
import { withView } from './view.ts';

export interface RegisterCoordinator extends Coordinator {
  readonly chance: Chance;
  readonly registers: RowRegisters;
  readonly lead: Lead;
  /** Runs the work at the end of this turn, before what it asks of other hosts is sent. */
  readonly soon: (work: () => void) => void;
}

interface Waiting<Row> extends Caller<Row> {
  readonly place: Place;
  readonly sortKey: string;
}

export const openRegisters = <Row>(world: RegisterCoordinator, schema: RegisterSchema): Registers<Row> => {
  const rows = codec<Row>(schema.name);

  const glance = async (place: Place, sortKey: string): Promise<Seen> => {
    const found = await world.registers.glance(place, sortKey);
    return found.kind === 'chosen' ? seenOf(found.accepted, true) : seenOf(found.newest, false);
  };
  /** Where owners do not agree the host that runs the changes settles it: it knows whether one is on its way. */
  const read = async (place: Place, sortKey: string): Promise<Seen> => {
    const found = await world.registers.read(place, sortKey);
    if (found.kind === 'chosen') return seenOf(found.accepted, true);
    return seenOf(await world.lead({ place, sortKey, set: null, isLoser: false }, []), true);
  };
  const bytesAt = async (place: Place, sortKey: string): Promise<Uint8Array | undefined> =>
    unwrapValue((await read(place, sortKey)).value);

  const joint = openJointChanges<Row>(
    { ...world, read },
    {
      decode: (bytes) => rows.decode(bytes),
      encode(row) {
        const bytes = rows.encode(row);
        if (bytes.length <= rowBytesMax) return bytes;
        throw new ShoalError(
          'TOO_LARGE',
          `Cannot write a row of table "${schema.name}": ${bytes.length} bytes, at most ${rowBytesMax}`,
        );
      },
    },
  );

  const changes = combine<Waiting<Row>, Seen>(
    `a register of table "${schema.name}"`,
    rowWaitersMax,
    async (waiting, last) => {
      const [first] = waiting;
      if (!first) return last;
      // Of who comes during a glance it does not say what stood when they asked.
      const asked = Math.min(waiting.length, combinedChangesMax);
      let taken: readonly Waiting<Row>[] | undefined;
      try {
        const seen = last ?? (await glance(first.place, first.sortKey));
        taken = waiting.splice(0, Math.min(asked, joint.many(seen)));
        return await joint.make(first, taken, seen);
      } catch (thrown) {
        for (const { reject } of taken ?? waiting.splice(0, asked)) reject(thrown);
        return undefined;
      }
    },
  );

  const shared = sharedReads<Row | undefined>(world.soon);

  return {
    async get(partitionKey, sortKey) {
      encodeSortKey(sortKey);
      const place = world.findPlace(schema.name, partitionKey);
      return shared(rowText(place, sortKey), async () => {
        const bytes = await bytesAt(place, sortKey);
        return bytes && rows.decode(bytes);
      });
    },
    async change(partitionKey, sortKey, next) {
      encodeSortKey(sortKey);
      const place = world.findPlace(schema.name, partitionKey);
      const { promise, resolve, reject } = Promise.withResolvers<Row | undefined>();
      changes.add(rowText(place, sortKey), { place, sortKey, next, resolve, reject });
      return promise;
    },
    async range(partitionKey, range) {
      const place = world.findPlace(schema.name, partitionKey);
      const page = await withView(world, place, (view) =>
        readPage(world, {
          ...{ place, view, range },
          bytesOf: (state) =>
            state.kind === 'register' ? unwrapValue(state.accepted?.value ?? null) : undefined,
          settle: (sortKey) => bytesAt(place, sortKey),
        }),
      );
      return {
        more: page.more,
        entries: page.entries.map(({ sortKey, row }) => ({ sortKey, row: rows.decode(row) })),
      };
    },
  };
};
