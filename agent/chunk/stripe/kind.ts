/**
 * Chunks as fragments of a code, for the keepers: a host's share of a stripe takes the place of its copy of a chunk. The
 * reference rows stand under a key of their own, for bytes that are kept under two policies are kept twice.
 */
import type { Members } from '../../membership/port.ts';
import type { Bulk } from '../../peer/port.ts';
import type { Ring } from '../../ring/port.ts';
import type { Log, Runtime } from '../../runtime/ports.ts';
import type { BufferPool } from '../buffer-pool.ts';
import type { ChunkFiles } from '../chunk-files.ts';
import type { Kind } from '../keepers.ts';
import { type ReferenceRows, references } from '../reference.ts';
import { transfer as openTransfer, serveTransfer } from '../transfer.ts';
import { dropSurplus } from './drop-surplus.ts';
import { fragmentFiles, fragmentShelf, type StripeFiles, stripeFiles } from './files.ts';
import { getStripe } from './get-stripe.ts';
import { codeOf, parseFragmentName } from './name.ts';
import { stripeRing } from './place.ts';

export const stripeKind = (world: {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly bulk: Bulk;
  readonly ring: Ring;
  readonly members: Members;
  readonly rows: ReferenceRows;
  readonly buffers: BufferPool;
  readonly fragments: ChunkFiles;
}): Kind & Pick<StripeFiles, 'codes'> => {
  const { runtime, fragments } = world;
  const ring = stripeRing(world.ring);
  const files = stripeFiles(ring, fragments);
  const shelf = fragmentShelf;
  const transfer = openTransfer({ ...world, shelf });
  return {
    name: 'stripe',
    ...{ ring, files },
    ...{ codes: files.codes, shares: files.shares, gaps: files.gaps },
    needed: (stripe) => codeOf(stripe)?.code.data ?? 1,
    shareOf: (stripe, host) => ring.dueOf(stripe, host).join(),
    references: references({
      self: ring.self,
      rows: world.rows,
      timers: runtime.timers,
      prefix: 'stripe/',
    }),
    transfer: {
      async send(to, stripe, bytes, signal) {
        for (const { name, file } of fragmentFiles(stripe, bytes, ring.dueOf(stripe, to)))
          await transfer.send(to, name, file, signal);
      },
    },
    openGet: (heard) => getStripe({ ...world, ring, transfer, ...heard }),
    serve: (missing) =>
      serveTransfer({
        ...world,
        files: fragments,
        shelf,
        missing: (name) => missing(parseFragmentName(name).stripe),
      }),
    dropStrays: (parts, signal) => dropSurplus({ ...world, ...parts, ring, files }, signal),
  };
};
