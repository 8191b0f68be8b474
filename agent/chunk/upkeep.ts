/** How the keepers of this host stand, for operators. */
import { chunkBytesMax } from './limits.ts';
import type { Repair } from './repair.ts';
import type { Danger, RepairCause, RepairQueue } from './repair-queue.ts';
import type { Pass, Scrub, ScrubStatus } from './scrub.ts';

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

/** Of copies and stripes together. */
export const sumUpkeep = (a: Upkeep, b: Upkeep): Upkeep => {
  const [x, y] = [a.repair, b.repair];
  const [s, t] = [a.scrub, b.scrub];
  const running = s.running || t.running;
  const lastPasses = [s.lastPass, t.lastPass].filter((pass) => pass !== null);
  return {
    repair: {
      missing: x.missing + y.missing,
      damaged: x.damaged + y.damaged,
      copies: {
        one: x.copies.one + y.copies.one,
        unknown: x.copies.unknown + y.copies.unknown,
        several: x.copies.several + y.copies.several,
        none: x.copies.none + y.copies.none,
      },
      bytesLeft: x.bytesLeft + y.bytesLeft,
      secondsLeft:
        x.secondsLeft === null || y.secondsLeft === null ? null : Math.max(x.secondsLeft, y.secondsLeft),
      repairedBytes: x.repairedBytes + y.repairedBytes,
    },
    scrub: {
      ...sumPass([s, t]),
      running,
      // The one that has further to go; one that waits for its next turn stands at 0.
      position: running
        ? Math.min(...[s, t].filter((scrub) => scrub.running).map((scrub) => scrub.position))
        : 0,
      bytesPerSecond: s.bytesPerSecond + t.bytesPerSecond,
      lastPass:
        lastPasses.length < 2
          ? null
          : { ...sumPass(lastPasses), endedAtMs: Math.max(...lastPasses.map((pass) => pass.endedAtMs)) },
    },
  };
};

const sumPass = (passes: readonly Pass[]): Pass => ({
  startedAtMs: Math.min(...passes.map((pass) => pass.startedAtMs).filter((atMs) => atMs > 0), Infinity),
  chunks: passes.reduce((sum, pass) => sum + pass.chunks, 0),
  bytes: passes.reduce((sum, pass) => sum + pass.bytes, 0),
  damaged: passes.reduce((sum, pass) => sum + pass.damaged, 0),
});
