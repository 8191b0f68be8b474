import { performance } from 'node:perf_hooks';
import type { Clock } from '../ports.ts';

/** `performance.now` follows CLOCK_MONOTONIC: it never goes back, whatever an operator or NTP does to wall time. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
