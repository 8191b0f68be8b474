/** How this host is, gathered from its parts for whoever asks for the health of the cluster. */
import type { Chunks } from '../chunk/chunks.ts';
import type { OwnRing } from '../ring/open-ring.ts';
import type { Clock } from '../runtime/ports.ts';
import type { OpenTables } from '../table/tables.ts';

export const stateOf =
  ({
    ring,
    tables,
    chunks,
    clock,
  }: {
    readonly ring: OwnRing;
    readonly tables: Pick<OpenTables, 'status'>;
    readonly chunks: Pick<Chunks, 'status'>;
    readonly clock: Pick<Clock, 'wallMs'>;
  }) =>
  () => {
    const chunk = chunks.status();
    const table = tables.status();
    return {
      rowsToHeal: table.rowsToHeal,
      hostsToCompare: table.hostsToCompare,
      isWhole: table.whole,
      isVoter: ring.isVoter,
      chunksQueued: chunk.queued - chunk.damaged,
      chunksDamaged: chunk.damaged,
      layoutNewest: ring.newest,
      moving: ring.moving(),
      held: ring.held(),
      stampsRefused: table.stampsRefused,
      wallMs: clock.wallMs(),
      directoriesRetired: chunk.retired,
      codesCrowded: chunk.crowded,
      waits: {
        overdue: table.overdue,
        owed: chunk.owed,
        repair: { stuckMs: chunk.stuckMs, alone: chunk.alone },
      },
    };
  };
