/**
 * Node's HTTP parser puts each piece of a body into memory of its own outside V8's heap. V8 counts that, and for every 64 MiB of it
 * marks all of its heap, 60 MB, though nobody has these pieces any more: it was a third of an upload's CPU time. A collection of
 * young objects alone finds that too, in 1-3 ms. So whoever reads bodies says how long their pieces are, and for so many bytes
 * one is made; without `--expose-gc` none is.
 */
import { MiB } from '../../proto/units.ts';

/** A quarter of what V8 takes for a reason to mark. */
const bytesBetween = 16 * MiB;
let bytes = 0;

export const noteGarbage = (piece: Uint8Array): void => {
  bytes += piece.length;
  if (bytes < bytesBetween) return;
  bytes = 0;
  globalThis.gc?.({ type: 'minor' });
};
