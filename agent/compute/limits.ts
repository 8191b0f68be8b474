/** Bounds of this room, hypervisor and placement included. Rows of docs/LIMITS.md. */
import { GiB, hourMs, KiB, MiB, minuteMs, secondMs } from '../../proto/units.ts';

// --- QMP ---
/** One line of a QEMU monitor. The longest answers (query-qmp-schema, not asked for) have 200 KiB. */
export const qmpLineBytesMax = MiB;
/** Commands in flight on one monitor: the keeper sends one at a time, a console or status request may come between. */
export const qmpPendingMax = 16;
/** Answer to a monitor command. QEMU's main loop may be held up by a slow disk, not for longer than this in health. */
export const qmpTimeoutMs = 10 * secondMs;

// --- machines ---
/** From the start of QEMU until it has opened its disk and listens: allocating memory and disk locks are the slow part. */
export const machineStartTimeoutMs = 30 * secondMs;
/** After `quit` or SIGKILL, until the process is gone: it flushes its disk. */
export const machineEndTimeoutMs = 30 * secondMs;
/** The power button is pressed again: a guest that is still booting does not hear it the first time. */
export const powerButtonRepeatMs = 10 * secondMs;
/** Time for a guest to stop when its user says stop or soft reboot: Nova's `shutdown_timeout`. */
export const shutdownGraceMs = minuteMs;
/** How often a process that should end is looked at. */
export const processPollMs = 50;
/** Console file; beyond it the older half moves to a second file. Two of them hold weeks of an ordinary boot log. */
export const consoleBytesMax = MiB;
/** A console answer: Nova's own bound. */
export const consoleAnswerBytesMax = 100 * KiB;
/** qemu-img makes a layer of a few hundred KiB. */
export const diskCreateTimeoutMs = 30 * secondMs;

// --- image files ---
/** Image fetches at once on a host: each is as fast as its disk. */
export const imageFetchesMax = 2;
/** A base that no machine uses any more stays this long for the next one. */
export const imageIdleMs = 24 * hourMs;
/** Free space that fetching an image leaves on its disk, so that machines which run can go on writing. */
export const imageReserveBytes = GiB;

// --- keeper ---
/** Longest time between two looks at all machines of a host; pokes make it faster. */
export const keeperPeriodMs = 15 * secondMs;
/** Machines looked at or worked on at once: building one is mostly waiting for disk and network. */
export const keeperParallelMax = 8;
/** Steps for one machine in a row: a build takes three. One that never gets where it should waits for the next look. */
export const looksInARowMax = 10;
/** A claim whose server names no host yet is let go after this: longer than its saga waits between claim and record. */
export const claimGraceMs = 2 * minuteMs;
/** Tries to build a machine when the cause may pass (a quorum, a chunk's host): one a look, three minutes in all. */
export const buildAttemptsMax = 12;
/** Times that a machine whose process vanished is started again within `restartWindowMs`. */
export const restartsMax = 3;
export const restartWindowMs = 10 * minuteMs;

// --- requests between hosts ---
/** The target decides from its own disk; a slower answer means trouble, and there are other hosts. */
export const claimTimeoutMs = 5 * secondMs;
export const consoleTimeoutMs = 10 * secondMs;
/** Hosts asked for room, best first, before a server is told that there is none. */
export const candidatesMax = 32;

// --- API ---
/** Servers of one POST: Nova's `max_count` quota is the project's; each is a saga of its own here. */
export const serversPerRequestMax = 50;
/** Servers of one project: a listing reads them all. */
export const serversPerProjectMax = 1000;
/** Answer of a listing: Nova's `osapi_max_limit`. */
export const listingMax = 1000;
/** Rows read at once while walking a partition. */
export const walkPageRows = 500;
export const metadataItemsMax = 128;
export const keyPairsPerUserMax = 100;
export const flavorsMax = 1000;
/** A name filter is a pattern of at most so many characters; matching takes pattern times name steps. */
export const patternCharsMax = 255;
/** A create answers when the server's record stands; a client waits no longer than this for it. */
export const recordTimeoutMs = 20 * secondMs;
