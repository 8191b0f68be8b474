/** Bounds of this room. */
import { hourMs, secondMs } from '../../proto/units.ts';

/** Unfinished sagas of one host. Each is a few KiB in memory; beyond this the host is drowning and callers should wait. */
export const sagasOpenMax = 1024;
/** Tries of an action before its saga unwinds: with the delays below up to 25 s, as long as a quorum is usually away. */
export const actionAttemptsMax = 8;
/** Longest wait after the first failed try; it doubles each time. */
export const retryFirstMs = 200;
/** Longest wait between two tries: an undo is tried until it succeeds, and should not lag far behind a healed quorum. */
export const retryMostMs = 10 * secondMs;
/** How long the outcome of a finished saga answers `wait` and a doubled `start`: longer than any client retries a call. */
export const finishedKeptMs = hourMs;
/** Outcomes kept at most: finishing ever more sagas within the hour must not grow the store. */
export const finishedKeptMax = 4096;
/** Errors in a row double a reconciler's own wait up to this many periods. */
export const reconcileBackoffPeriodsMax = 8;
