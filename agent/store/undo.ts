/**
 * A writer that can take back what it did, for transactions that read ranges (`layer.ts`): many share one commit, and
 * one that throws must undo itself alone. lmdb's nested transactions could do that, but copy page lists for each; an
 * undo list costs one read a change and works for memory as well.
 */
import type { KeyValueWriter } from './key-value.ts';

export interface UndoableWriter {
  readonly writer: KeyValueWriter;
  undo(): void;
}

export const undoable = (base: KeyValueWriter): UndoableWriter => {
  const changes: { readonly key: Uint8Array; readonly before: Uint8Array | undefined }[] = [];
  const remember = (key: Uint8Array): void => {
    const before = base.get(key);
    changes.push({ key: Uint8Array.from(key), before: before && Uint8Array.from(before) });
  };
  return {
    writer: {
      get: base.get,
      range: base.range,
      put(key, value) {
        remember(key);
        base.put(key, value);
      },
      delete(key) {
        remember(key);
        base.delete(key);
      },
    },
    undo() {
      for (const { key, before } of changes.toReversed())
        if (before) base.put(key, before);
        else base.delete(key);
    },
  };
};
