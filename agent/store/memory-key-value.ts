/** The store without a disk, for tests and the simulator: the same order, groups and errors as the real one. */
import { compareBytes } from '../base/bytes.ts';
import { groupCommit } from './group-commit.ts';
import type { KeyRange, KeyValue, KeyValueWriter } from './key-value.ts';

/** Over copies, so that the range stays what it was when it began, as lmdb's snapshots do. */
function* walk(keys: readonly Uint8Array[], values: readonly Uint8Array[], reverse: boolean) {
  for (let at = 0; at < keys.length; at++) {
    const index = reverse ? keys.length - 1 - at : at;
    yield { key: keys[index] as Uint8Array, value: values[index] as Uint8Array };
  }
}

export const memoryKeyValue = (): KeyValue => {
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];

  /** First position whose key is not below `key`. */
  const position = (key: Uint8Array): number => {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(keys[middle] as Uint8Array, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const holds = (at: number, key: Uint8Array): boolean =>
    at < keys.length && compareBytes(keys[at] as Uint8Array, key) === 0;

  const writer: KeyValueWriter = {
    get(key) {
      const at = position(key);
      return holds(at, key) ? values[at] : undefined;
    },
    range({ from, to, reverse = false, limit = Infinity }: KeyRange) {
      const start = from ? position(from) : 0;
      const end = Math.max(start, to ? position(to) : keys.length);
      const first = reverse ? Math.max(start, end - limit) : start;
      const last = reverse ? end : Math.min(end, start + limit);
      return walk(keys.slice(first, last), values.slice(first, last), reverse);
    },
    put(key, value) {
      const at = position(key);
      if (holds(at, key)) values[at] = Uint8Array.from(value);
      else {
        keys.splice(at, 0, Uint8Array.from(key));
        values.splice(at, 0, Uint8Array.from(value));
      }
    },
    delete(key) {
      const at = position(key);
      if (!holds(at, key)) return;
      keys.splice(at, 1);
      values.splice(at, 1);
    },
  };
  const group = groupCommit(async (apply) => apply(writer));
  return { get: writer.get, range: writer.range, transact: group.transact, close: group.close };
};
