/** One store, many parts of the agent: each sees only the keys under its own prefix, and commits with the others. */
import { concatBytes } from '../base/bytes.ts';
import type { KeyRange, KeyValue, KeyValueReader } from './key-value.ts';

/** `name` without "/"; it costs its length and one byte of every key. `close` is the owner's: here it does nothing. */
export const sub = (store: KeyValue, name: string): KeyValue => {
  if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`a namespace has a-z 0-9 -, "${name}" has others`);
  const prefix = new TextEncoder().encode(`${name}/`);
  const end = new TextEncoder().encode(`${name}0`); // "0" follows "/"
  const inside = (key: Uint8Array): Uint8Array => concatBytes(prefix, key);
  const reader = (base: KeyValueReader): KeyValueReader => ({
    get: (key) => base.get(inside(key)),
    *range({ from, to, ...rest }: KeyRange) {
      const bounds = { from: from ? inside(from) : prefix, to: to ? inside(to) : end };
      for (const { key, value } of base.range({ ...rest, ...bounds }))
        yield { key: key.subarray(prefix.length), value };
    },
  });
  return {
    ...reader(store),
    transact: (work) =>
      store.transact((writer) =>
        work({
          ...reader(writer),
          put: (key, value) => writer.put(inside(key), value),
          delete: (key) => writer.delete(inside(key)),
        }),
      ),
    close: async () => {},
  };
};
