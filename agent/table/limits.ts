/** Bounds of the replicated rows. */
import { hourMs, KiB, MiB, minuteMs, secondMs } from '../../proto/units.ts';

/** The manifest of a 5 GiB object has 1,280 chunks of some 75 bytes: a tenth of this. */
export const rowBytesMax = MiB;

/** What acceptors and copies take: a register's value wraps its row in a few bytes. */
export const valueBytesMax = rowBytesMax + KiB;

/** Object names have 1,024 bytes. The store's keys have 1,978, of which up to 40 name the table and its partition. */
export const sortKeyBytesMax = 1_900;
/** Two names of 256 characters in four bytes each, and their ids. */
export const partitionKeyBytesMax = 3 * KiB;
export const tableNameCharsMax = 64;

/** A page of a range: Swift lists up to 10,000 names; one row more tells whether there are more. */
export const pageRowsMax = 10_001;
/** From here on a page is compared by the digest of all rows: two owners that differ in one of them make it a round trip longer. */
export const digestPageRowsMin = 64;
/** Ends a page early; an eighth of a peer frame, because a batch may carry several. */
export const pageBytesMax = MiB;
/** Rows that one owner looks at for one page: a desert of tombstones must not hold its only thread. */
export const pageScanRowsMax = 20_000;

/** Operations in one message: at 1 KB a row this is 256 KB, of which more would only wait for each other. */
export const batchOperationsMax = 256;
export const batchBytesMax = MiB;
/** Half of the frame that peers take: the rest is room for the last answer. */
export const answerBytesMax = 4 * MiB;
/** Messages under way to one host in one lane. What comes meanwhile forms the next, larger ones. */
export const batchesInFlightMax = 8;
/** Some 3 s of work for an owner; whoever comes later hears BUSY. */
export const queuedOperationsMax = 20_000;

/** An owner answers in a few ms, after an fsync in some 10; within this time even a loaded disk has. */
export const attemptTimeoutMs = 3 * secondMs;
/** A timer that fires so much too late tells of a process that stood still; then the message is sent again, ... */
export const timeoutLateMs = 300;
/** ... so often in all. */
export const sendsMax = 3;
/** A change that is run by another host: its attempts and waits, see `register/limits.ts`. */
export const changeTimeoutMs = 10 * secondMs;
/**
 * With no answer from the host that runs a change for this long, and none to a plain read, another runs it as well. A
 * killed host refuses at once; this is for one that hangs. Too early, and two hosts outbid each other.
 */
export const takeoverMs = 1_500;
/** Where it does answer reads, it is loaded or many wait. Beyond this its disk may hang. */
export const takeoverMsMax = 4_500;
/** Others that are asked to run a change before this host runs it itself: then those who lost one runner meet at the next. */
export const runnersAskedMax = 2;
/** For so long after that the next owner runs the changes. By then membership has an opinion of its own. */
export const avoidMs = 5 * secondMs;
/** A read asks the other owners as well after this long: twice what an owner takes under load. */
export const hedgeMs = 30;
/** What a failure counts as among the times of a host's answers: slower than any that answers. */
export const failedMs = 1_000;

/** How far a stamp may lie ahead of an owner's clock. NTP keeps hosts within a second; an hour is a broken clock. */
export const stampAheadMsMax = hourMs;
/** Operators hear of refused stamps for so long after the last one. */
export const stampReportMs = 10 * 60 * secondMs;
/** A clock that is set back by more was wrong. Less is a time server at work, which stamps pass over. */
export const clockSetBackMsMin = minuteMs;
/**
 * And the stamp of a copy, which says what an owner holds. However wrong a clock was, a copy must heal; but there must
 * be room above it, or one lie could never be written over. The bound moves with time, so there is.
 */
export const copyAheadMsMax = 1_000 * 365 * 24 * hourMs;
/** After STALE_LAYOUT: how long to wait for the newer layout, and how often to start again with it. */
export const layoutWaitMs = 2 * secondMs;
export const layoutRetriesMax = 3;

/**
 * Rounds of a change between this host and the one that runs it. The first may be lost to others and the second as well;
 * from the third on the turn is kept for this host, so more are lost only where it came back late or the runner changed.
 */
export const changeRoundsMax = 64;
/** Callers of one host that wait for the same register. */
export const rowWaitersMax = 2_000;
/** Callers that are served by one round: their changes are made one after the other on the event loop ... */
export const combinedChangesMax = 64;
/** ... each with the row decoded and encoded, of which so many bytes take some 10 ms. */
export const combinedBytesMax = MiB;
/** Rounds that wait on the host that runs them: one from each other host, or two where runners changed. */
export const turnWaitersMax = 2_000;
/** A turn is kept for this many times the longest that the host took to come back of late, ... */
export const turnHeldTimes = 3;
/** ... within these bounds: a first guess, and what a host that never comes may cost the others. */
export const turnHeldMsMin = 30;
export const turnHeldMsMax = secondMs;
/** Registers whose last change by this host is remembered, so that the next one takes its place in the lineage. */
export const ownChangesKeptMax = 10_000;
/** Promises remembered for the next change of a register, one round trip each; 300 bytes apiece. */
export const promisesKeptMax = 10_000;

/** How long a read of a register waits for the owners to agree by themselves: the last copy of a change is that late. */
export const splitPatienceMs = 15;

/** After one owner refused a ballot: how long the attempt waits for the others. A usual answer takes a tenth. */
export const refusedPatienceMs = 50;

/** Rows of a range on which owners disagree are settled this many at a time. */
export const settlesInFlightMax = 64;

/** How long a tally waits for owners that differ to become the same; after a long absence healing takes longer. */
export const tallyPatienceMs = 2 * secondMs;

/** Names whose place in the ring is remembered: two hashes spared. */
export const placesKeptMax = 20_000;

/** The pause between comparisons with one owner after the other. 4,096 roots are 64 KiB: below 1 % of a link. */
export const compareEveryMs = 2 * secondMs;
/** Roots in one message. */
export const rootsMax = 4_096;
/** Rows that heal in one message and transaction. */
export const healRowsMax = 256;
/** Partitions that heal at the same time with one owner. */
export const healPartitionsInFlightMax = 4;
/** Leaves of a partition that heal at the same time: their messages travel together. */
export const healLeavesInFlightMax = 32;
/** Digests of one leaf in one message, 32 bytes each. */
export const leafRowsMax = 4_096;
/** Passes over a partition in which a register refuses a copy; each ends with a full round of that register. */
export const healPassesMax = 4;
/** Rows that are looked at in one transaction when a reborn owner takes registers under its own ballot. */
export const restampRowsMax = 1_000;
/** Between attempts of a sync that could not reach a quorum. */
export const syncBackoffBaseMs = 200;
export const syncBackoffCapMs = 5 * secondMs;

/**
 * How old a deletion is before its tombstone goes. A write whose stamp is older than that when it comes may be refused; uploads of
 * hours take theirs at the end. It is thrift, not safety: no clock decides what comes back.
 */
export const collectAgeMs = hourMs;
/** What who keeps a stamp for a `putAt` may count on: half of that, by clocks that differ by less than the other half. */
export const stampLastsMs = collectAgeMs / 2;
/** Between two looks for old tombstones: one read of an index for each partition. */
export const collectEveryMs = 10 * minuteMs;
/** How old may be what operators are told of deleted rows that are not collected. */
export const overdueLookMs = 10 * secondMs;
/** After an owner could not learn what became of a round. */
export const doubtRetryMs = secondMs;
/** Tombstones that are dropped in one transaction: some 10 ms of the only thread. */
export const droppedRowsMax = 500;

/** How many rows are here is told to operators alone, so ... */
export const censusAgeMs = 10 * secondMs;
/** ... it is taken from a sample, at most 32,000 keys: some 30 ms. */
export const censusPartitionsMax = 16;
export const censusRowsMax = 2_000;

/** A range with more rows is split: 120 MB of objects, copied in some ten minutes beside other work (docs/design/0016-split.md). */
export const rangeRowsMax = 200_000;
/** A map is one row; one as long as this has some 10,000 ranges, and none of them splits any more. */
export const mapBytesMax = 512 * KiB;
/** Maps that a host remembers, some 30 KB each where ten million rows are; a look-up for each that it forgot. */
export const mapsKeptMax = 1_000;
/** Sums that an owner looks through at a time for ranges that have grown: some 5 ms, ... */
export const groupsLookedMax = 2_000;
/** ... and the pause between. */
export const splitLookMs = 2 * secondMs;
/** A copying pass that found fewer new rows than this is followed by the fence; ... */
export const copyRowsFew = 200;
/** ... and so is this pass, ... */
export const copyPassesMax = 3;
/** ... unless it found more than this, some 2 s of copying while callers wait. Then a range is written faster than it is copied: the next look goes on. */
export const copyRowsClosedMax = 2_000;
/** Rows that are compared in one message: some 5 ms of an owner. */
export const copyPageRows = 1_000;
/** Rows that are copied at the same time: they travel together, and some 10 ms of an owner's only thread. */
export const copiesInFlightMax = 64;
/** A caller that meets a fence looks for the new map so often, ... */
export const movedPollMs = 20;
export const movedPollMsMax = 200;
/** ... carries on with the split itself after this long: three times what the one who splits needs, ... */
export const movedHelpMs = secondMs;
/** ... and gives up after this long. */
export const movedPatienceMs = 10 * secondMs;
/** Fences met by one call: each takes a split that ended while it was on its way. */
export const movesMax = 16;
/** Ranges that are counted at the same time: one message to each owner carries as many. */
export const rangesCountedMax = 64;
/** Ranges for which one digest is made of theirs; of more there is none. */
export const rangesDigestedMax = 4;
/** Ranges of one partition that may be on their way to heirs: one for each host that splits. More are split later. */
export const holdsMax = 64;
/** Rows that an owner drops in one transaction, some 10 ms. */
export const dropRowsMax = 500;
