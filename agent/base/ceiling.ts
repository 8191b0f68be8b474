/**
 * Counters that any host of the cluster may raise (ballots, incarnations, stamps) and that honest hosts then go
 * above by one. With a fixed end one lie would use a counter up for good: nobody could go above it, not even after
 * the liar was removed. So their end moves with time: what lies above it is refused, and whoever must go above the
 * highest that was taken can do so a moment later.
 *
 *     honest counters                     a lie at most          fixed end of the number
 *     |----|..............................|--> 1 per ms          |
 *
 * Honest counters lie far below, and below the floor, so a clock that is wrong or jumps harms only counters that were
 * lied about, and only for as long as it is behind.
 */

/** 2025-01-01: no agent was there before. A host whose clock says less is wrong. */
const floorMs = 1_735_689_600_000;

/** `perMs`: how fast honest hosts may have to raise it, at most. */
export const ceiling = (wallMs: number, perMs: number): number => Math.max(wallMs, floorMs) * perMs;
