/**
 * The smallest data plane that a layout can carry: each partition has a set of tokens that only grows. A write counts when
 * a quorum of each live owner set has the token on disk, a read asks the complete set or a quorum of each, and a new
 * owner copies from the older ones. Clients may stall between taking the owners and asking them, as a paused process
 * does: that is what the fence of a layout is for. So whatever a layout change loses is seen, whoever the changes wait for.
 */
import type { Rpc } from '../../../agent/peer/port.ts';
import type { OwnerSet, Partition, Ring } from '../../../agent/ring/port.ts';
import type { Timers } from '../../../agent/runtime/ports.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { ShoalError } from '../../../proto/error.ts';
import type { HostId } from '../../../proto/ids.ts';

export interface Tokens {
  /** Resolves when it is acknowledged. Throws what a client would be told; then it may stand or not. */
  add(partition: Partition, token: string, stallMs: number): Promise<void>;
  read(partition: Partition, stallMs: number): Promise<ReadonlySet<string>>;
  /** Resolves when this host holds all that was acknowledged before. */
  copy(version: number, signal: AbortSignal): Promise<void>;
}

interface Ask {
  /** The newest version that the sender knew when it took the owners; null: a copy, which no fence holds up. */
  readonly layout: number | null;
  readonly partition: Partition;
  readonly token?: string;
}

const retryMs = 200;
const keyOf = (partition: Partition): Uint8Array => Buffer.from(`tokens ${partition}`);
const parse = (bytes: Uint8Array | undefined): string[] =>
  bytes ? (JSON.parse(Buffer.from(bytes).toString()) as string[]) : [];

export const openTokens = (world: {
  readonly rpc: Rpc;
  readonly ring: Ring;
  readonly timers: Pick<Timers, 'sleep'>;
  readonly keyValue: KeyValue;
}): Tokens => {
  const { rpc, ring, timers, keyValue } = world;

  const held = (partition: Partition): string[] => parse(keyValue.get(keyOf(partition)));
  const keep = (partition: Partition, tokens: readonly string[]): Promise<void> =>
    keyValue.transact((writer) => {
      const all = new Set([...parse(writer.get(keyOf(partition))), ...tokens]);
      writer.put(keyOf(partition), Buffer.from(JSON.stringify([...all])));
    });

  rpc.handle('tokens', async (from, body) => {
    const { layout, partition, token } = body as Ask;
    if (layout !== null) ring.checkVersion(from, layout);
    if (token !== undefined) await keep(partition, [token]);
    return held(partition);
  });

  /** Answers of a quorum of each set, all in one. */
  const askAll = async (sets: readonly OwnerSet[], ask: Ask): Promise<Set<string>> => {
    const owners = [...new Set(sets.flatMap((set) => set.owners))];
    const found = new Set<string>();
    const answered = new Set<HostId>();
    await Promise.allSettled(
      owners.map(async (owner) => {
        for (const token of (await rpc.request(owner, 'tokens', ask)) as string[]) found.add(token);
        answered.add(owner);
      }),
    );
    const isHeard = (set: OwnerSet): boolean =>
      set.owners.filter((owner) => answered.has(owner)).length >= set.quorum;
    if (sets.length > 0 && sets.every(isHeard)) return found;
    throw new ShoalError('QUORUM_MISSED', 'Cannot ask the owners: too few of them answered');
  };

  const withOwners = async (
    partition: Partition,
    stallMs: number,
    chosen: (sets: readonly OwnerSet[]) => readonly OwnerSet[],
    token?: string,
  ): Promise<Set<string>> => {
    const layout = ring.newest;
    const sets = chosen(ring.ownerSets(partition));
    if (stallMs > 0) await timers.sleep(stallMs);
    return askAll(sets, { layout, partition, ...(token !== undefined && { token }) });
  };

  return {
    async add(partition, token, stallMs) {
      await withOwners(partition, stallMs, (sets) => sets, token);
    },
    read: (partition, stallMs) =>
      withOwners(partition, stallMs, (sets) => {
        const complete = sets.find((set) => set.complete);
        return complete ? [complete] : sets;
      }),
    async copy(version, signal) {
      for (let partition = 0; partition < ring.partitionCount; partition++) {
        const sets = ring.ownerSets(partition);
        const older = sets.filter((set) => set.layoutVersion < version);
        const isMine = sets.some((set) => set.layoutVersion === version && set.owners.includes(ring.self));
        while (isMine && older.length > 0) {
          signal.throwIfAborted();
          const found = await askAll(older, { layout: null, partition }).catch(() => undefined);
          if (found) {
            await keep(partition, [...found]);
            break;
          }
          await timers.sleep(retryMs, signal);
        }
      }
    },
  };
};
