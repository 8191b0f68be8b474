/** How much of this host's share is still on its way, and how long that will take at the pace of the last moments. */
import type { Clock } from '../runtime/ports.ts';
import { paceSampleMs, paceSamplesMax } from './limits.ts';
import type { DataSize, Syncer } from './port.ts';

export interface Moving {
  readonly rowsLeft: number;
  readonly bytesLeft: number;
  /** null: not known yet, or nothing came lately. */
  readonly secondsLeft: number | null;
}

export const addSizes = (sizes: readonly DataSize[]): DataSize => ({
  rows: sizes.reduce((sum, { rows }) => sum + rows, 0),
  bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
});

export const moving = (clock: Pick<Clock, 'monotonicMs'>, syncers: readonly Syncer[]) => {
  let samples: { readonly atMs: number; readonly left: DataSize }[] = [];
  let isRunning = false;

  const left = (): DataSize | undefined => {
    const known = syncers.flatMap((syncer) => syncer.progress?.() ?? []);
    return known.length === 0 ? undefined : addSizes(known);
  };
  /** Seconds for what is left of one kind. */
  const secondsFor = (kind: keyof DataSize, now: DataSize): number | null => {
    if (now[kind] === 0) return 0;
    const first = samples.find(({ left }) => left[kind] > now[kind]);
    if (!first) return null;
    const seconds = (clock.monotonicMs() - first.atMs) / 1_000;
    return (now[kind] * seconds) / (first.left[kind] - now[kind]);
  };

  return {
    /** Each tick of the ring. */
    look(copies: boolean): void {
      if (!copies || !isRunning) samples = [];
      isRunning = copies;
      const now = copies ? left() : undefined;
      const atMs = clock.monotonicMs();
      if (!now || atMs - (samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) < paceSampleMs) return;
      samples = [...samples, { atMs, left: now }].slice(-paceSamplesMax);
    },
    /** null: nothing is being copied, or nobody can tell how much. */
    get now(): Moving | null {
      const size = isRunning ? left() : undefined;
      if (!size) return null;
      const [rows, bytes] = [secondsFor('rows', size), secondsFor('bytes', size)];
      const secondsLeft = rows === null || bytes === null ? null : Math.ceil(Math.max(rows, bytes));
      return { rowsLeft: size.rows, bytesLeft: size.bytes, secondsLeft };
    },
    get held(): DataSize {
      return addSizes(syncers.flatMap((syncer) => syncer.held?.() ?? []));
    },
  };
};
