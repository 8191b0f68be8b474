/** Bounds of the membership shell, each with its reason. Quantities end in their unit. */
import { secondMs } from '../../proto/units.ts';

/** Load news at most this often: 1,000 hosts give each other 1,000 small messages a second at the very worst. */
export const vitalsPeriodMsMin = secondMs;
/** And at least this often: a host that joined knows all loads after half a minute even where nothing changes. */
export const vitalsPeriodMsMax = 30 * secondMs;
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
