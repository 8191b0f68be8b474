/**
 * Registers by row, as this host runs them: reads, and compare-and-set on behalf of any coordinator. Changes of one
 * row take turns here, and the first live owner keeps the promise that came with its last change, so that its
 * next one takes a single round trip.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { compareBytes } from '../base/bytes.ts';
import { keyedSerial } from '../base/serial.ts';
import { ballotSource } from '../register/ballot.ts';
import { changeRegister, readRegister } from '../register/change.ts';
import { type CountLives, countLives } from '../register/lives.ts';
import type { Request } from '../register/message.ts';
import type { Promised } from '../register/proposer.ts';
import { isSound } from '../register/trust.ts';
import type { Chance, Clock, Timers } from '../runtime/ports.ts';
import { impatientAsk } from './impatient-ask.ts';
import { digest, encodeSortKey, type FindPlace, type Place } from './keys.ts';
import type { Leaders } from './leaders.ts';
import { promisesKeptMax, rowWaitersMax } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { patientRead } from './patient-read.ts';
import type { Poller } from './poll.ts';
import { changeIdOf } from './row.ts';
import { type View, type ViewRing, viewOf, withView } from './view.ts';

export interface RowRegisters {
  /** The value that stands, as `wrapValue` made it; null: never written. Throws QUORUM_MISSED, CONTENDED. */
  read(place: Place, sortKey: string): Promise<Uint8Array | null>;
  /** `expected`: digest of the value that must stand, null for none. `stale`: something else stands, `value`. */
  compareAndSet(set: {
    readonly place: Place;
    readonly sortKey: string;
    readonly expected: Uint8Array | null;
    readonly value: Uint8Array;
  }): Promise<{ readonly kind: 'done' | 'stale'; readonly value: Uint8Array | null }>;
  /** Makes the owners agree, whatever each of them holds. */
  settle(place: Place, sortKey: string): Promise<void>;
}

export interface RowRegistersWorld {
  readonly self: HostId;
  readonly ring: ViewRing;
  readonly leaders: Leaders;
  readonly outbox: Outbox;
  readonly poller: Poller;
  readonly timers: Timers;
  readonly chance: Chance;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly findPlace: FindPlace;
}

/** Thrown by `next` on a value that is not the expected one; the register core lets it out once that is chosen. */
class Stale extends Error {
  readonly value: Uint8Array | null;
  constructor(value: Uint8Array | null) {
    super('another value stands');
    this.value = value;
  }
}

export const rowRegisters = (world: RowRegistersWorld): RowRegisters => {
  const ballots = ballotSource(world.self, () => world.chance.random());
  const turns = keyedSerial('a register', rowWaitersMax);
  const promises = new Map<string, Promised>();

  const keep = (key: string, promised: Promised | null): void => {
    promises.delete(key);
    if (!promised) return;
    if (promises.size >= promisesKeptMax) promises.delete(promises.keys().next().value ?? key);
    promises.set(key, promised);
  };

  /** The register core's world and access for one call, and whether that call can have changed anything. */
  const access = ({ table, partitionKey, partition }: Place, sortKey: string) => {
    let view: View = viewOf(world.ring, { partition });
    let acceptSent = false;
    // One request object for all owners of a phase.
    const phases = new WeakMap<Request, CountLives>();
    return {
      mayHaveChanged: () => acceptSent,
      world: {
        ...{ ballots, timers: world.timers, chance: world.chance },
        ask: impatientAsk(world.timers, async (to, request) => {
          if (request.kind === 'accept') acceptSent = true;
          const counts = phases.get(request) ?? countLives();
          phases.set(request, counts);
          const ask = { do: 'register' as const, table, partitionKey, sortKey, request };
          const reply = await world.outbox.ask<'register'>(to, view.layout, ask, counts);
          if (isSound(reply, world.clock.wallMs())) return reply;
          throw new ShoalError(
            'INTERNAL',
            `Cannot believe host ${to}: it tells of a ballot beyond all others`,
          );
        }),
      },
      options: {
        name: `row ${JSON.stringify(sortKey)} of table "${table}"`,
        sets: () => {
          view = viewOf(world.ring, { partition });
          return view.sets;
        },
      },
    };
  };

  /** With the newer layout, where an owner refused the older one and nothing had been changed yet. */
  const withAccess = <T>(
    place: Place,
    sortKey: string,
    work: (given: ReturnType<typeof access>) => Promise<T>,
  ): Promise<T> =>
    withView(world, place, async () => {
      const given = access(place, sortKey);
      try {
        return await work(given);
      } catch (thrown) {
        throw isStaleLayout(thrown) && !given.mayHaveChanged() ? (thrown as Error).cause : thrown;
      }
    });

  return {
    async read(place, sortKey) {
      const accepted = await withAccess(place, sortKey, async (given) => {
        const request = { kind: 'read' } as const;
        const patient = await patientRead(world, given.options.sets(), (host) =>
          given.world.ask(host, request),
        );
        if (patient.kind === 'chosen') return patient.accepted;
        return readRegister(given.world, given.options);
      });
      return accepted?.value ?? null;
    },

    compareAndSet({ place, sortKey, expected, value }) {
      encodeSortKey(sortKey);
      const key = `${place.table}\0${place.partitionKey}\0${sortKey}`;
      const next = (current: Uint8Array | null): Uint8Array => {
        if (current && compareBytes(current, value) === 0) return current;
        const asExpected = expected
          ? current && compareBytes(digest(current), expected) === 0
          : current === null;
        if (!asExpected) throw new Stale(current);
        return value;
      };
      return turns.run(key, async () => {
        const promised = promises.get(key) ?? null;
        promises.delete(key);
        try {
          const changed = await withAccess(place, sortKey, (given) =>
            changeRegister(given.world, {
              ...given.options,
              id: changeIdOf(value),
              ...{ next, promised, keepPromise: world.leaders.of(place) === world.self },
            }),
          );
          keep(key, changed.promised);
          return { kind: 'done' as const, value: changed.accepted?.value ?? null };
        } catch (thrown) {
          if (thrown instanceof Stale) return { kind: 'stale' as const, value: thrown.value };
          throw thrown;
        }
      });
    },

    async settle(place, sortKey) {
      await withAccess(place, sortKey, (given) =>
        changeRegister(given.world, { ...given.options, next: (current) => current }),
      );
    },
  };
};

const isStaleLayout = (thrown: unknown): boolean =>
  thrown instanceof ShoalError && thrown.cause instanceof ShoalError && thrown.cause.code === 'STALE_LAYOUT';
