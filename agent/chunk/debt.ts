/**
 * References that must be given back, on disk before they are taken. An upload owes its references until `write`
 * resolves; a release owes them until they are deleted. An agent that dies between finds its debts when it starts,
 * and a release that finds no quorum is tried again: neither leaves a chunk that nobody can ever collect.
 *
 * Key: BLAKE3 of the user and the chunk's id, both raw (a user's name may be long, keys may not). Value: the user.
 */
import { codec } from '../../proto/codec.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { concatBytes, fromHex, toHex } from '../base/bytes.ts';
import type { Log } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { chunkIdOf } from './chunk-name.ts';
import type { References } from './reference.ts';

const userCodec = codec<string>('debt');
const idBytes = 32;

export interface Debts {
  /** While held, `settle` leaves the user's debts alone. */
  hold(user: string): void;
  add(user: string, ids: readonly ChunkId[]): Promise<void>;
  /** The references stay: nothing is owed any more. */
  forgive(user: string): Promise<void>;
  /** Deletes the references. Throws what the tables throw; the debt then stands for `settle`. */
  pay(user: string): Promise<void>;
  letGo(user: string): void;
  /** Pays all debts that nobody holds. */
  settle(signal: AbortSignal): Promise<void>;
}

export const debts = ({
  store,
  references,
  log,
}: {
  readonly store: KeyValue;
  readonly references: References;
  readonly log: Log;
}): Debts => {
  const held = new Set<string>();
  const prefixOf = (user: string): Uint8Array => fromHex(chunkIdOf(Buffer.from(user)));
  const rangeOf = (user: string) => ({
    from: concatBytes(prefixOf(user), new Uint8Array(idBytes)),
    to: concatBytes(prefixOf(user), new Uint8Array(idBytes + 1).fill(0xff)),
  });
  const idsOf = (user: string): ChunkId[] =>
    Array.from(store.range(rangeOf(user)), ({ key }) => toHex(key.subarray(idBytes)) as ChunkId);

  const forgive = async (user: string): Promise<void> => {
    await store.transact((writer) => {
      for (const key of Array.from(writer.range(rangeOf(user)), ({ key }) => Uint8Array.from(key)))
        writer.delete(key);
    });
  };
  const pay = async (user: string): Promise<void> => {
    await references.remove(idsOf(user), user);
    await forgive(user);
  };
  return {
    hold: (user) => void held.add(user),
    letGo: (user) => void held.delete(user),
    async add(user, ids) {
      const [prefix, value] = [prefixOf(user), userCodec.encode(user)];
      await store.transact((writer) => {
        for (const id of ids) writer.put(concatBytes(prefix, fromHex(id)), value);
      });
    },
    forgive,
    pay,
    async settle(signal) {
      // One look a user: an upload of terabytes owes a million references while it is under way.
      for (let from: Uint8Array = new Uint8Array(); !signal.aborted; ) {
        const [first] = store.range({ from, limit: 1 });
        if (!first) return;
        const user = userCodec.decode(first.value);
        from = rangeOf(user).to;
        if (held.has(user)) continue;
        await pay(user).catch((thrown: unknown) =>
          log.info('references could not be given back yet', { user, thrown }),
        );
      }
    },
  };
};
