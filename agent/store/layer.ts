/**
 * Transactions of one commit, one after the other, over a store that gets their changes together at the end. Many of them
 * change the same keys (rows of one container share their sums and the upper nodes of their tree), which are then written
 * once; and one that throws is forgotten, with nothing to take back.
 *
 *   own changes ── it ended well ──> waiting changes ── the last has ended ──> base
 *        └── it threw: dropped
 *
 * Whoever reads a range needs what is in the store to be all there is: from there on that transaction works on the base
 * itself, with a list of what it undoes (`undo.ts`).
 */
import { ShoalError } from '../../proto/error.ts';
import type { KeyValueWriter } from './key-value.ts';
import { keyBytesMax } from './limits.ts';
import { type UndoableWriter, undoable } from './undo.ts';

interface Change {
  readonly key: Uint8Array;
  /** Undefined: deleted. */
  readonly value: Uint8Array | undefined;
}
type Changes = Map<string, Change>;

interface Layered {
  readonly writer: KeyValueWriter;
  /** It has ended well. */
  keep(): void;
  undo(): void;
}

/** Throws BAD_REQUEST: before anything is written, for later it would be the others' failure too. */
export const checkKey = (key: Uint8Array): Uint8Array => {
  if (key.length === 0 || key.length > keyBytesMax)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot use a key of ${key.length} bytes: the store takes 1 to ${keyBytesMax}`,
    );
  return key;
};

const nameOf = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');

const apply = (writer: KeyValueWriter, changes: Changes): void => {
  for (const { key, value } of changes.values())
    if (value) writer.put(key, value);
    else writer.delete(key);
  changes.clear();
};

export const layersOver = (base: KeyValueWriter) => {
  const waiting: Changes = new Map();

  return {
    /** The next transaction, when the one before has ended. */
    open(): Layered {
      const own: Changes = new Map();
      let direct: UndoableWriter | undefined;
      const settle = (): UndoableWriter => {
        apply(base, waiting);
        const opened = undoable(base);
        apply(opened.writer, own);
        return opened;
      };
      const change = (key: Uint8Array, value: Uint8Array | undefined): void => {
        own.set(nameOf(checkKey(key)), { key, value });
      };
      return {
        writer: {
          get(key) {
            if (direct) return direct.writer.get(key);
            const name = nameOf(key);
            const changed = own.get(name) ?? waiting.get(name);
            return changed ? changed.value : base.get(key);
          },
          range(range) {
            direct ??= settle();
            return direct.writer.range(range);
          },
          put(key, value) {
            if (direct) direct.writer.put(key, value);
            else change(key, value);
          },
          delete(key) {
            if (direct) direct.writer.delete(key);
            else change(key, undefined);
          },
        },
        keep() {
          for (const [name, one] of own) waiting.set(name, one);
        },
        undo() {
          direct?.undo();
        },
      };
    },
    /** Into the base. */
    flush: (): void => apply(base, waiting),
  };
};
