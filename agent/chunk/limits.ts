/** Bounds of the chunk room; `docs/LIMITS.md` lists them. */
import { GiB, hourMs, KiB, MiB, minuteMs, secondMs } from '../../proto/units.ts';

/** A content's chunks that move to another policy at once: 8 MiB in memory and, as fragments, 12 more. */
export const rekeepInFlightMax = 2;
/** What moves to another policy in the background must not starve the users: a quarter of a 1 Gbit/s link. */
export const rekeepBytesPerSecondDefault = 32 * MiB;

/** Large enough that a name costs little per byte (32 in 4 Mi), small enough to hold several in memory. */
export const chunkBytesMax = 4 * MiB;
/** Below this a round trip to a row beats one to a chunk, and rows of this size still travel in one rpc frame. */
export const inlineBytesDefault = 16 * KiB;

/** Below this a chunk is kept as copies whatever its policy: a read of k hosts for it would cost more than its bytes on disk. */
export const stripeBytesMin = 128 * KiB;
/** Below this a chunk is kept as it is: files are whole blocks, and little would be left to gain. */
export const packBytesMin = 32 * KiB;
/** Pieces of a chunk that are packed to see whether the whole would shrink ... */
export const packSamples = 4;
export const packSampleBytes = 4 * KiB;
/** ... by at least this share; less is not worth the time of each read. */
export const packGainMin = 0.1;
/** From here on a worker thread packs and unpacks: shorter ones take below 2 ms. */
export const packInlineBytes = 512 * KiB;
/** Chunks of one upload on their way: one is cut while two travel. With the one being cut 16 MiB an upload. */
export const uploadChunksInFlightMax = 3;
/** The same over all uploads of this host: more on their way only queue at the disks, of which four files are written at once. */
export const chunksInFlightMax = 16;
/**
 * Long buffers of all uploads: 80 MiB, those that are cut, that wait, that are on their way and that an owner is late with. Of
 * the last there are at most `stragglersPerHostMax`, so an owner that hangs leaves the others more than half.
 */
export const uploadBuffersMax = 20;
/** Longest that one chunk is filled in such a buffer; then it is cut as it is, or clients that hang would keep all of them. */
export const fillMsMax = 10 * secondMs;
/** A slow source without one gets short chunks, but not for ever: its list of chunks would grow too long for a row. */
export const impatientBytesMax = 256 * MiB;
/** A reference that is not acknowledged by then fails the upload: a quorum of the row's owners is not there. */
export const referenceTimeoutMs = 30 * secondMs;
/** ... and until then it is written again, when a quorum was missed. */
export const referenceRetryMs = secondMs;
/** References of one content written or deleted at once: enough to share fsyncs, few enough to leave others room. */
export const referencesInFlightMax = 32;

/** Chunks from here on are offered to owners that may have them: below it the bytes cost less than the question. */
export const offerBytesMin = 128 * KiB;
/** Longest a put may wait for one owner before it counts as failed: 4 MiB in 20 s is 200 KiB/s. */
export const putTimeoutMs = 20 * secondMs;
/** After the quorum a slow owner may hold its copy in memory this long ... */
export const stragglerMs = 10 * secondMs;
/** ... and this many at once: 32 MiB a host. Beyond that it is cut off and told later what it missed, ... */
export const stragglersPerHostMax = 8;
/** ... after so long a wait for a place: three chunks per half second keep an upload at 24 MiB/s or more ... */
export const stragglerPatienceMs = 500;
/** ... and without any where nothing has come from the host for this long. */
export const stragglerSilentMs = 2 * secondMs;
/** How often a put or a read starts over because an owner told it that its layout is old. */
export const staleLayoutRetriesMax = 5;
/** Wait for the newer layout to arrive by gossip before such a retry. */
export const staleLayoutWaitMs = 500;

/** Bound on the answer's head and on each piece of a read from another host. */
export const getTimeoutMs = 10 * secondMs;
/** A second copy is asked after the usual time of the first owner and four deviations, within these bounds. */
export const hedgeMsMin = 25;
/** ... a host that is slower than this is asked beside another in any case. */
export const hedgeMsMax = 2 * secondMs;
/** Before anything was measured: above a disk seek and 4 MiB at 1 Gbit/s. */
export const hedgeMsDefault = 150;
/** A host that is not asked is believed twice as fast after this: one that was overtaken is tried again about so often. */
export const latencyHalfLifeMs = 10 * secondMs;
/** Hosts that are no owners and may have kept a copy, asked for a chunk of which no owner has a good one. */
export const strangersAskedMax = 16;
/** Chunks of which another host said that it may have them; 2 MB. A forgotten one is told again. */
export const hintsMax = 10_000;
/** Of a code, parity is fetched in place of data only from a host that is so many times faster: it must be computed. */
export const paritySlowdown = 2;
/** Small questions between owners. */
export const askTimeoutMs = 10 * secondMs;

/** Chunks in memory for those who read content here, those got ahead included: 48 MiB. */
export const readChunksMax = 12;
/** Of these, places for readers that have taken a piece quickly: a crowd that asks and does not read holds the others, 24 MiB. */
export const readChunksProven = 6;
/** A reader without such a place gets this much at a time: 31 MiB for a thousand clients that hardly read. */
export const readSliceBytes = 32 * KiB;
/** Chunks in memory, for a moment, to cut slices from. */
export const readCutsInFlightMax = 2;
/** Who takes longer for a piece than this and its length at this speed is slow: a reader gets no place next time, a sender waits for none. */
export const quickMs = 250;
export const quickBytesPerSecond = MiB;

/** Bodies that other hosts are sending here, in memory at once: 48 MiB. Later ones wait unread in their sockets. */
export const receiveInFlightMax = 12;
/** Bodies that are being sent to other hosts, in memory at once: 32 MiB. */
export const sendInFlightMax = 8;
/** ... to one of them: a host that was stopped while it took them holds no more until its connections are given up. */
export const sendPerHostMax = 4;
/** ... each in slices of this length, or TLS would hold a second copy of all of it. */
export const sendSliceBytes = 256 * KiB;
/** Copies here that a put or a question meets, read at once to see whether they are good: 16 MiB. */
export const recheckInFlightMax = 4;
/**
 * Buffers kept between bursts: what uploads (20), receiving (12) and readers (8 of 12) hold. What is let go
 * instead stays in memory for long: V8 does not count shared memory, and the digest workers have seen it too.
 */
export const bufferPoolBytesMax = 160 * MiB;
/** ... and the shortest that is kept: a small object gets one of its own length. */
export const bufferBytesMin = 64 * KiB;
/** Files being written and synced at once in one directory; more only queue in libuv's pool (4 threads by default). */
export const fileWritesInFlightMax = 4;
/**
 * Chunks from here on go to the disk past the page cache, in whole blocks: a third of the CPU time at 4 MiB, and the cache keeps
 * what is read. Shorter ones gain little, and are often read soon.
 */
export const directBytesMin = 256 * KiB;
/** No file system in use has larger ones. */
export const blockBytes = 4 * KiB;
/** Folders made and synced at once when a data directory is opened: the kernel groups their fsyncs. */
export const openInFlightMax = 16;
/** Callers that wait for one chunk's lock: equal content uploaded at once by many. */
export const chunkLockWaitersMax = 1024;
/** Kept for whoever looks into a failing disk; older ones go. */
export const quarantineFilesMax = 64;
/** Free space is asked of the file system at most this often; writes in between are subtracted. */
export const freeSpaceAgeMs = secondMs;
/** Left free in each data directory: lmdb, logs and the file system itself must still be able to write. */
export const reserveBytesDefault = GiB;

/** Ids in one message between owners: 66 KB of hex. */
export const idsPerMessageMax = 1024;
/** Partition digests in one message. */
export const digestsPerMessageMax = 1024;
/** A census (a walk over all names) may be this old for the later messages of one comparison. */
export const censusAgeMs = minuteMs;

/** The keepers' first turn: the agent has had a moment to find its peers. Those that it found later poke again. */
export const firstTurnMs = secondMs;

/** Owners compare what they hold this often, besides after a restart and a layout change. */
export const compareEveryMs = 10 * minuteMs;
/** ... and again so soon when an owner did not answer. */
export const compareRetryMs = 30 * secondMs;
/** Chunks fetched for repair at once: 16 MiB in memory. */
export const repairInFlightMax = 4;
/** A sync tells how far it is after each so many chunks. */
export const syncSliceMax = 32;
/** Entries looked at together, most endangered first. */
export const repairBatchMax = 256;
/** Entries looked at in one go where most of them rest: some 20 ms, or other work would stand still. */
export const repairLooksMax = 10_000;
/** Half of a 1 Gbit/s link: a repair must not starve the users. */
export const repairBytesPerSecondDefault = 64 * MiB;
/** After each copied chunk a repair pauses for as long as it took, at most this: one that hung says nothing of the next. */
export const repairPauseMsMax = 2 * secondMs;
/** Rest of an entry after a failed attempt: doubled each time, with jitter. */
export const repairRestMsMin = secondMs;
export const repairRestMsMax = 10 * minuteMs;
/** The repair loop looks at least this often, besides when it is poked. */
export const repairEveryMs = 5 * secondMs;

/** A chunk without a reference is deleted after it was seen so for this long by this process. */
export const collectGraceMsDefault = hourMs;
/** A walk over all local chunks for collection starts this long after the last one ended. */
export const collectEveryMs = hourMs;
/** Chunks of other owners that could not be dropped yet are looked at again; each look is a walk over all names. */
export const strayEveryMs = minuteMs;
/** Chunks that an owner reads over for one question before a stray is dropped: 64 MiB within `askTimeoutMs`. */
export const strayVerifyMax = 16;
/** Reference reads of the collector: each asks a quorum. */
export const collectPerSecondDefault = 50;
/** Unreferenced chunks remembered by the collector; what is beyond waits for the next walk. */
export const collectCandidatesMax = 100_000;

/** 8 MiB/s walks 20 TB a month. */
export const scrubBytesPerSecondDefault = 8 * MiB;
/** The scrub stores its position after this many chunks: what a restart reads again at most. */
export const scrubStoreEvery = 64;
/** Pause between two scrubs of a host that holds little. */
export const scrubEveryMs = hourMs;

/** Uploads whose agent died, and releases that found no quorum, are tried again this often. */
export const settleDebtsEveryMs = 15 * secondMs;
/** A walk over all references starts this long after the last one ended: what it looks for is rare. */
export const orphansEveryMs = 24 * hourMs;
/** References looked at, each two or three reads of a quorum: a million in a day and a half, for a hundredth of a core. */
export const orphansPerSecondDefault = 8;
/** References that no row seems to stand for, in memory; what is beyond waits for the next walk. */
export const orphanCandidatesMax = 10_000;
/** ... and they are judged this often. */
export const settleOrphansEveryMs = minuteMs;
/** Users of one chunk in one page. */
export const referencesPageRows = 256;
/** Of whom operators are told since when they wait; beyond it nobody counts. */
export const debtsWaitingMax = 10_000;
/**
 * For so long a new life of the agent asks nobody whether the rows stand that its last life was about to put. Whoever changes the same name
 * now does not go by stamps that are so old; and it is well below what a stamp lasts (agent/table/limits.ts).
 */
export const claimAgeMs = 10 * minuteMs;

/** Digest workers: the second core of the smallest machine we support; more where there are more. */
export const digestWorkersMax = 4;
/** Pieces lent to digest workers per upload: one is hashed while the next is filled. */
export const digestPiecesMax = 2;
/** Below this the way to a worker and back costs more than hashing here (measured: design note 0008). */
export const digestInlineBytes = 512 * KiB;
