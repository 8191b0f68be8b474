/**
 * Registers by row, as this host runs them: reads, and changes on behalf of any coordinator. Changes of one row take
 * turns here (`turns.ts`), and the first live owner keeps the promise that came with its last change, so that its next
 * one takes a single round trip.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { compareBytes } from '../base/bytes.ts';
import { type Ballot, ballotSource } from '../register/ballot.ts';
import { changeRegister, readRegister, type SharedChange } from '../register/change.ts';
import type { Lineage } from '../register/lineage.ts';
import { type CountLives, countLives } from '../register/lives.ts';
import type { Accepted, Request, Value } from '../register/message.ts';
import type { Promised } from '../register/proposer.ts';
import { isSound } from '../register/trust.ts';
import type { Chance, Clock, Timers } from '../runtime/ports.ts';
import { impatientAsk } from './impatient-ask.ts';
import { digest, encodeSortKey, type FindPlace, type Place, rowText } from './keys.ts';
import type { Leaders } from './leaders.ts';
import { promisesKeptMax } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { glance, type PatientRead, patientRead } from './patient-read.ts';
import type { Poller } from './poll.ts';
import { changeIdOf } from './row.ts';
import { heldTurns } from './turns.ts';
import { type View, type ViewRing, viewOf, withView } from './view.ts';

/** Sets `value` if the digest of what stands is `expected`; null: if it was never written. */
export interface Setting extends Omit<SharedChange, 'id'> {
  readonly expected: Uint8Array | null;
  /** The change's id is in it. */
  readonly value: Uint8Array;
}

export interface Run {
  readonly place: Place;
  readonly sortKey: string;
  /** null: only tell what stands, and make a quorum of the owners agree on it. */
  readonly set: Setting | null;
  /** Who asked, and whether it has lost to others before. */
  readonly for: HostId;
  readonly isLoser: boolean;
}

/** What stands, as `wrapValue` made it. `stale`: something else than was expected, and the change surely was not made. */
export interface Outcome {
  readonly kind: 'done' | 'stale';
  readonly value: Uint8Array | null;
  readonly lineage: Lineage;
}

type Read = Exclude<PatientRead, { readonly kind: 'missed' }>;

export interface RowRegisters {
  /** Without waiting for owners to agree. Throws QUORUM_MISSED. */
  glance(place: Place, sortKey: string): Promise<Read>;
  /** Waits a little for them. Throws QUORUM_MISSED. */
  read(place: Place, sortKey: string): Promise<Read>;
  /** Throws QUORUM_MISSED, CONTENDED, BUSY. */
  run(run: Run): Promise<Outcome>;
  /** Makes the owners agree, whatever each of them holds: those as well without which there is a quorum. `promised`: by this host. */
  settle(place: Place, sortKey: string, promised: Ballot | null): Promise<void>;
}

export interface RowRegistersWorld {
  readonly self: HostId;
  readonly ring: ViewRing;
  readonly leaders: Leaders;
  readonly outbox: Outbox;
  readonly poller: Poller;
  readonly timers: Timers;
  readonly chance: Chance;
  readonly clock: Clock;
  readonly findPlace: FindPlace;
}

const isExpected = ({ expected }: Setting, value: Uint8Array | null): boolean =>
  value && expected ? compareBytes(digest(value), expected) === 0 : value === expected;

/** Of what stands after it. */
const outcomeOf = (set: Setting | null, accepted: Accepted | null): Outcome => {
  const { value, lineage }: Pick<Accepted, 'value' | 'lineage'> = accepted ?? { value: null, lineage: [] };
  return { kind: set && !lineage.includes(changeIdOf(set.value)) ? 'stale' : 'done', value, lineage };
};

export const rowRegisters = (world: RowRegistersWorld): RowRegisters => {
  const ballots = ballotSource(world.self, () => world.chance.random());
  const turns = heldTurns(world);
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
        ...{ ballots, timers: world.timers, clock: world.clock, chance: world.chance },
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

  const readBy = (look: typeof patientRead) => (place: Place, sortKey: string) =>
    withAccess(place, sortKey, async (given): Promise<Read> => {
      const request = { kind: 'read' } as const;
      const found = await look(world, given.options.sets(), (host) => given.world.ask(host, request));
      if (found.kind !== 'missed') return found;
      return { kind: 'chosen', accepted: await readRegister(given.world, given.options) };
    });

  return {
    glance: readBy(glance),
    read: readBy(patientRead),

    async run({ place, sortKey, set, isLoser, for: host }) {
      encodeSortKey(sortKey);
      const key = rowText(place, sortKey);
      return turns.run(key, { host, keeps: isLoser }, async () => {
        const promised = promises.get(key) ?? null;
        // Likely nothing is to be set, or on another value than stands. To read that costs no write, nor the promise.
        if (!set || (!set.base && promised && !isExpected(set, promised.accepted.value))) {
          const seen = await readBy(glance)(place, sortKey);
          if (seen.kind === 'chosen' && !(set && isExpected(set, seen.accepted?.value ?? null)))
            return outcomeOf(set, seen.accepted);
        }
        promises.delete(key);
        const next = (current: Uint8Array | null) => (set && isExpected(set, current) ? set.value : current);
        const changed = await withAccess(place, sortKey, (given) =>
          changeRegister(given.world, {
            ...given.options,
            ...{ next, promised, keepPromise: world.leaders.of(place) === world.self },
            ...(set && { shared: { ...set, id: changeIdOf(set.value) } }),
          }),
        );
        keep(key, changed.promised);
        return outcomeOf(set, changed.accepted);
      });
    },

    async settle(place, sortKey, promised) {
      const how = { above: promised, everywhere: true, next: (current: Value) => current };
      await withAccess(place, sortKey, (given) => changeRegister(given.world, { ...given.options, ...how }));
    },
  };
};

const isStaleLayout = (thrown: unknown): boolean =>
  thrown instanceof ShoalError && thrown.cause instanceof ShoalError && thrown.cause.code === 'STALE_LAYOUT';
