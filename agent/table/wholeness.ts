/**
 * A store that is empty though this host owns rows may have lost its disk. It then holds back: as an acceptor it has
 * forgotten promises, as an owner rows that it acknowledged. It copies its partitions from the other owners
 * first, from so many of them that none of what a quorum held can be missed, and only then answers for them.
 *
 *   no marker in the store ── blank ── all owned partitions copied ── marker written ── whole
 *
 * A partition that this host does not own in the oldest live layout version has nothing to lose here: it is new to
 * it, and the layout counts on it only after its sync.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { OwnerSet, Partition, Ring } from '../ring/port.ts';
import type { KeyValue } from '../store/key-value.ts';
import { markerKey } from './keys.ts';

export interface Wholeness {
  /** Throws BUSY for a partition that this host must copy first. */
  check(partition: Partition): void;
  /** Copies and then writes the marker. Resolves when this host is whole, or rejects when the signal aborts. */
  restore(signal: AbortSignal): Promise<void>;
  readonly isWhole: boolean;
}

export const wholeness = (
  world: { readonly self: HostId; readonly ring: Ring; readonly keyValue: KeyValue },
  /** Copies the partitions; of each set `need` other owners must be heard. */
  gather: (
    wanted: ReadonlyMap<Partition, readonly OwnerSet[]>,
    signal: AbortSignal,
    need: (set: OwnerSet) => number,
  ) => Promise<void>,
): Wholeness => {
  const { self, ring, keyValue } = world;
  let whole = keyValue.get(markerKey) !== undefined;

  /** The oldest live owner set of a partition, where this host is in it and has company. */
  const atStake = (partition: Partition): OwnerSet | undefined => {
    const [oldest] = ring.ownerSets(partition);
    return oldest && oldest.owners.length > 1 && oldest.owners.includes(self) ? oldest : undefined;
  };
  const joined = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (ring.ownerSets(0).length > 0) return resolve();
      const cancel = ring.onChange(() => {
        if (ring.ownerSets(0).length === 0) return;
        cancel();
        resolve();
      });
      signal.addEventListener('abort', () => {
        cancel();
        reject(signal.reason);
      });
    });

  return {
    get isWhole() {
      return whole;
    },
    check(partition) {
      if (whole || !atStake(partition)) return;
      throw new ShoalError(
        'BUSY',
        `Cannot answer for partition ${partition}: this host copies its rows first`,
      );
    },
    async restore(signal) {
      if (whole) return;
      await joined(signal);
      const wanted = new Map<Partition, readonly OwnerSet[]>();
      for (let partition = 0; partition < ring.partitionCount; partition++) {
        const set = atStake(partition);
        if (set) wanted.set(partition, [set]);
      }
      // What a quorum held, this host among them, is on `quorum - 1` others: of so many at least one is such.
      await gather(wanted, signal, ({ owners, quorum }) => owners.length - quorum + 1);
      await keyValue.transact((writer) => writer.put(markerKey, Uint8Array.of(1)));
      whole = true;
    },
  };
};
