/** Bounds of the journal. */
import { KiB, secondMs } from '../../proto/units.ts';

/** Events that wait for the disk. At 80,000 appends a second in batches this is an eighth of a second. */
export const queueEventsMax = 10_000;
/**
 * Events wait this long for company: every append is signed, proven to each other host and written by it, some 3 ms of
 * CPU on three hosts together, whether it has one event or two hundred. Nobody sees a fifth of a second in a log; a host
 * that is killed loses what waits.
 */
export const gatherMs = 200;
/** One append: hundreds share one fsync, more would only delay the first. */
export const batchEventsMax = 500;
/** Events of one append that share a block, and its bytes: another host fetches a block whole. */
export const blockEventsMax = 64;
export const blockBytesMax = 64 * KiB;
/** An event beyond this loses its detail: the journal tells what happened, not the data it happened to. */
export const eventBytesMax = 16 * KiB;
/** One page of events. */
export const readEventsMax = 1_000;
/** Logs held here: each host has one for every data directory it ever had. Beyond it no new ones are fetched. */
export const logsMax = 512;
/** Of one host: so many times it has lost its disk below a kept key. A host that makes logs up harms itself. */
export const logsPerHostMax = 16;
/** How often a neighbour is asked which logs there are. */
export const exchangeMs = 20 * secondMs;
/** What a connection brought before it was closed is written within this. */
export const connectionFarewellMs = 50;
