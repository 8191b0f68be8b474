/** Chunks as whole copies, one on each owner of their names. */
import type { Members } from '../membership/port.ts';
import type { Bulk } from '../peer/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { getChunk } from './get-chunk.ts';
import type { Kind } from './keepers.ts';
import { type ReferenceRows, references } from './reference.ts';
import { dropStrays } from './stray.ts';
import { transfer as openTransfer, serveTransfer } from './transfer.ts';

export const copyKind = (world: {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly bulk: Bulk;
  readonly ring: Ring;
  readonly members: Members;
  readonly rows: ReferenceRows;
  readonly buffers: BufferPool;
  readonly files: ChunkFiles;
}): Kind => {
  const { runtime, ring, files } = world;
  const transfer = openTransfer(world);
  return {
    name: 'chunk',
    ...{ ring, files, transfer },
    references: references({ self: ring.self, rows: world.rows, timers: runtime.timers }),
    openGet: (heard) => getChunk({ ...world, transfer, ...heard }),
    serve: (missing) => serveTransfer({ ...world, missing }),
    dropStrays: (parts, signal) => dropStrays({ ...world, ...parts }, signal),
  };
};
