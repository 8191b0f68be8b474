/**
 * What other owners missed, on disk until they were told: key host id and chunk id. An owner that is told looks
 * for itself and queues what it lacks, so all repair is pulled by the host that needs it.
 */
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { concatBytes, fromHex, toHex } from '../base/bytes.ts';
import type { Members } from '../membership/port.ts';
import type { Ring } from '../ring/port.ts';
import type { KeyValue } from '../store/key-value.ts';
import type { Ask } from './ask.ts';
import { idsPerMessageMax } from './limits.ts';

const idBytes = 32;
const present = Uint8Array.of(1);

export interface Tells {
  /** On disk when it resolves. */
  add(host: HostId, ids: readonly ChunkId[]): Promise<void>;
  /** Tells every reachable host; forgets what concerns a host that owns the chunk no more. */
  deliver(signal: AbortSignal): Promise<void>;
  readonly count: number;
}

export const tells = ({
  store,
  ask,
  ring,
  members,
}: {
  readonly store: KeyValue;
  readonly ask: Ask;
  readonly ring: Ring;
  readonly members: Members;
}): Tells => {
  const keyOf = (host: HostId, id: ChunkId): Uint8Array => concatBytes(Buffer.from(host), fromHex(id));
  const readKey = (key: Uint8Array) => ({
    host: Buffer.from(key.subarray(0, -idBytes)).toString() as HostId,
    id: toHex(key.subarray(-idBytes)) as ChunkId,
  });
  let count = Array.from(store.range({})).length;

  const change = async (host: HostId, ids: readonly ChunkId[], add: boolean): Promise<void> => {
    const more = await store.transact((writer) => {
      let changed = 0;
      for (const id of ids) {
        const key = keyOf(host, id);
        if ((writer.get(key) !== undefined) === add) continue;
        if (add) writer.put(key, present);
        else writer.delete(key);
        changed += add ? 1 : -1;
      }
      return changed;
    });
    // Read and written in one step: `count += await …` would forget what others added meanwhile.
    count += more;
  };

  return {
    get count() {
      return count;
    },
    add: (host, ids) => change(host, ids, true),
    async deliver(signal) {
      let from: Uint8Array = new Uint8Array();
      while (!signal.aborted) {
        const [first] = store.range({ from, limit: 1 });
        if (!first) return;
        const { host } = readKey(first.key);
        const [start, end] = [
          Uint8Array.from(first.key),
          concatBytes(Buffer.from(host), new Uint8Array(idBytes + 1).fill(0xff)),
        ];
        const ids = Array.from(
          store.range({ from: start, to: end, limit: idsPerMessageMax }),
          ({ key }) => readKey(key).id,
        );
        const owned = ids.filter((id) => ring.owners(ring.partitionOf(id)).includes(host));
        // Another round for the same host begins after this page; an unreachable host is passed over whole.
        from = end;
        if (owned.length > 0) {
          if (!members.isReachable(host)) continue;
          const told = await ask(host, 'check', { ids: owned }, signal).then(
            () => true,
            () => false,
          );
          if (!told) continue;
        }
        await change(host, ids, false);
        from = start;
      }
    },
  };
};
