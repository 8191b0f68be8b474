/** How long to wait before the next try: doubling, bounded, with jitter so that those who failed together part. */
import type { Chance } from '../runtime/ports.ts';
import { retryFirstMs, retryMostMs } from './limits.ts';

/** `failures` counts from 1. Between half and the whole of the doubled delay, in milliseconds. */
export const backoffMs = (failures: number, chance: Chance): number => {
  const whole = Math.min(retryMostMs, retryFirstMs * 2 ** Math.min(failures - 1, 16));
  return whole * (0.5 + 0.5 * chance.random());
};
