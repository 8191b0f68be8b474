/** Bounds of the ring, each with its reason. Quantities end in their unit. */
import { secondMs } from '../../proto/units.ts';

/** Copies of everything unless operators wish otherwise: one may be lost while another is being repaired. */
export const replicasDefault = 3;

/** Corrections of the weights for one version: two or three are usual, each is one assignment (20 to 100 ms at most). */
export const balanceRoundsMax = 24;

/** Voters on a layout version: three of seven may be gone, and one round costs at most seven messages. */
export const acceptorsMax = 7;

/** Versions kept on disk: a host that was away for fewer changes follows the chain link by link. */
export const layoutsKeptMax = 64;

/** Hosts asked by one that knows no layout: enough to meet the newest version, few enough to answer at once. */
export const bootstrapAskedMax = 16;

/** A host that lags is sent the layouts at most this often: its requests may come by the thousand. */
export const pushPeriodMsMin = 100;

/** Where all stand is told this often while a version settles: lost news delays it by so much ... */
export const newsPeriodMs = 1_000;
/** ... and this often in quiet times, for hosts that missed the end. */
export const newsQuietPeriodMs = 30_000;

/** How often a ring looks where nothing is on its way: what no event tells it is due this much later at worst. */
export const quietTickMs = secondMs;

/** Waits between failed attempts to sync or to propose: doubling from the first to the last. */
export const retryBaseMs = 200;
export const retryCapMs = 10_000;

/** Changes of the layout that wait for the disk: each is one of a few kinds, so more than this is a bug. */
export const changesWaitingMax = 1_000;

/** Layout votes are one fsync; longer means that the host is in trouble and another majority should do. */
export const voteTimeoutMs = 3_000;

/** The pace of copying is taken from so many samples, one each ... : the last 20 s. */
export const paceSamplesMax = 20;
export const paceSampleMs = 1_000;
