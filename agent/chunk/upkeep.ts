/** How the keepers of this host stand, for operators. */
import { chunkBytesMax } from './limits.ts';
import type { Repair } from './repair.ts';
import type { Danger, RepairCause, RepairQueue } from './repair-queue.ts';
import type { Scrub, ScrubStatus } from './scrub.ts';

export interface RepairStatus extends Readonly<Record<RepairCause, number>> {
  /** The same chunks by the good copies that other owners have. */
  readonly copies: Readonly<Record<Danger, number>>;
  /** About: chunks times the mean of those that were repaired, or are here. */
  readonly bytesLeft: number;
  /** At the pace of this run; null: nothing was fetched yet. */
  readonly secondsLeft: number | null;
  /** Since the start of the agent. */
  readonly repairedBytes: number;
}

export interface Upkeep {
  readonly repair: RepairStatus;
  readonly scrub: ScrubStatus;
}

export const upkeepOf = ({
  queue,
  repair,
  scrub,
  held,
}: {
  readonly queue: RepairQueue;
  readonly repair: Repair;
  readonly scrub: Scrub;
  readonly held: { readonly usedBytes: number; readonly chunks: number };
}): Upkeep => {
  const { missing, damaged, ...copies } = queue.counts;
  const { repairedBytes, repairedChunks, bytesPerSecond } = repair;
  const mean =
    repairedChunks > 0
      ? repairedBytes / repairedChunks
      : held.chunks > 0
        ? held.usedBytes / held.chunks
        : chunkBytesMax;
  const bytesLeft = Math.round((missing + damaged) * mean);
  const secondsLeft = bytesLeft === 0 ? 0 : bytesPerSecond ? Math.ceil(bytesLeft / bytesPerSecond) : null;
  return {
    repair: { missing, damaged, copies, bytesLeft, secondsLeft, repairedBytes },
    scrub: scrub.status(),
  };
};
