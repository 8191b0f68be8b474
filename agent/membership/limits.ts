/** Bounds of the membership shell, each with its reason. Quantities end in their unit. */
import { secondMs } from '../../proto/units.ts';

/** Load is news at most this often: placement that races is decided by the host that is asked anyway. */
export const vitalsPeriodMsMin = secondMs;
/** And told again at least this often, in case a notice was lost. */
export const vitalsPeriodMsMax = 30 * secondMs;
/**
 * Each host tells every other directly, one after another at this pace: 10 notices of some 140 bytes are 1.4 kB/s,
 * whatever the size of the cluster. A round takes 0.2 s for three hosts, 10 s for a hundred, 100 s for a thousand.
 */
export const vitalsTellMs = 100;
/** A quantity that moved by less than a twentieth changes no placement. */
export const vitalsChangeMin = 0.05;
/** Load averages tremble: half a task is news. */
export const loadChangeMin = 0.5;

/** A card usually comes by gossip within some 20 ms of its fact; only later it is asked for. */
export const cardWaitMs = 200;
/** Between requests for cards that nobody has (a host that died before we joined), at most. */
export const cardRetryMsMax = 30 * secondMs;
/** Cards in one answer: 64 of at most 6 KiB stay far below a frame's bound. */
export const cardsPerRequestMax = 64;

/** A leaving agent waits this long for its farewell to go out; its peers would notice its silence anyway. */
export const farewellMs = 100;
