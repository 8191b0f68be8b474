/** Every bound of the object service. `GET /info` tells them to clients; rows of docs/LIMITS.md. Swift's own numbers. */
import { GiB, hourMs, KiB, MiB, minuteMs, secondMs } from '../../proto/units.ts';

/** One object. Swift's: larger ones are made of segments. */
export const objectBytesMax = 5 * GiB;

/** UTF-8 bytes of a container's name, Swift's. */
export const containerNameBytesMax = 256;
/** UTF-8 bytes of an object's name, Swift's. With an upload's id behind it still well below a row key's bound. */
export const objectNameBytesMax = KiB;

/** Names in one listing, by default and at most; `limit` beyond it is answered 412 as Swift does. */
export const listingNamesMax = 10_000;
/** Rows fetched at a time for a listing: some 300 KiB an answer of an owner. Above S3's page of 1,000 and the row that says whether more follows. */
export const listingPageRows = 1024;
/** Rows fetched at a time at least: expired ones and folders are skipped, and a row costs less than a round trip. */
export const pageRowsMin = 16;
/** Rows fetched at a time under a delimiter, where most rows of a page may fall below one subdir. */
export const delimitedPageRows = 256;

/** User metadata of one account, container or object: Swift's numbers. Bytes, except the count. */
export const metadataNameBytesMax = 128;
export const metadataValueBytesMax = 256;
export const metadataCountMax = 90;
export const metadataBytesMax = 4096;
/** An access list, Content-Disposition and the like: rows stay small. Swift bounds them by its header line of 8 KiB. */
export const headerValueBytesMax = 2 * KiB;

/** An account's access list: Swift's bound on a header's line. */
export const accountListBytesMax = 8 * KiB;

/** A write that is bounded in its rate waits this long for its turn, else it is refused. Swift's. */
export const rateWaitMs = minuteMs;
/** What an idle time buys at most of writes that need not wait for each other. Swift's. */
export const rateBufferMs = 5 * secondMs;
/** Accounts and containers whose rate is kept: some 20 MB. Beyond it the one that wrote longest ago may write at once. */
export const ratedMax = 100_000;

/** Ranges in one request: Swift's. More are ignored and the whole object is sent (RFC 9110, 14.2, allows that). */
export const rangesMax = 50;

/** Containers whose counters are asked for at the same time when an account is summed up. */
export const talliesInFlightMax = 16;

/** Segments of one dynamic large object: one listing, as in Swift. At 5 GiB each 50 TB. */
export const segmentsMax = 10_000;

/** A static large object's manifest, and its entries: Swift's numbers. At 5 GiB each 5 TB; they nest. */
export const manifestBytesMax = 8 * MiB;
export const manifestSegmentsMax = 1000;
/** Between two signs of life while a manifest is checked, for a client that asks for them: Swift's. */
export const heartbeatMs = 10 * secondMs;
/** Large objects within large objects: Swift's. */
export const manifestDepthMax = 10;
/** Segments that are looked up at the same time for a manifest. */
export const segmentsInFlightMax = 8;

/** Paths in one bulk deletion, and failures after which it ends: Swift's numbers. */
export const bulkDeletesMax = 10_000;
export const bulkFailuresMax = 1000;
/** A line of a bulk deletion: account, container and name, percent-encoded, with room to spare. */
export const bulkLineBytesMax = 8 * KiB;

/**
 * Heap of the process that undoes bzip2: the library needs 8 bytes for each byte of a block. An honest block has
 * 0.9 MB, one of nothing but zeros 46 MB, which is refused.
 */
export const bunzipHeapMiBMax = 192;
/** Such processes at a time: they take a core each. */
export const bunzipProcessesMax = 2;

/** Fields of a form upload beside its files, and bytes of each: a signature, a redirect and small numbers. */
export const formFieldsMax = 64;
export const formFieldBytesMax = 8 * KiB;

/** How often a host looks for objects whose time has come: they are hidden already, only their room waits. */
export const expirerPeriodMs = minuteMs;
/** Notes of expiry fetched at a time. */
export const expiryPageRows = 256;

/** Symbolic links from one to the next: Swift's. */
export const linksMax = 2;

/** How often an upload or a copy starts over because another caller replaced the row under it. */
export const racesMax = 4;

/** Changes of one object that wait in this agent for their turn; the next is answered 503. */
export const changesWaitingMax = 128;

/** Parts of one object, and bytes of each but the last: S3's numbers. */
export const partsMax = 10_000;
export const partBytesMin = 5 * MiB;
/** Of the list of an object's chunks and parts in its row, with room for the rest below a row's bound; parts of longer ones keep their own. */
export const partListBytesMax = 900 * KiB;
/** Parts whose chunks are given back at the same time. */
export const partsReleasedMax = 4;

/** How often a host looks whether a bucket with lifecycle rules waits for its sweep. */
export const lifecyclePeriodMs = 10 * minuteMs;
/** Between two sweeps of a bucket, whichever host does them. Rules count in days: S3 itself obeys within one or two. */
export const lifecycleSweepMs = 6 * hourMs;

/** Containers whose incarnation is remembered, so that an object is read along with its container: 150 bytes each. */
export const incarnationsKeptMax = 10_000;

/** Bodies that are kept in the row itself, so that it is put soon after the head has come: what it replaces is read ahead. */
export const aheadBytesMax = 16 * KiB;
/** What was read longer ago than this, while the body came, is read anew. */
export const aheadMsMax = 100;
/** Objects changed last that are remembered, to tell whether one was changed since it was read: some 150 bytes each. */
export const recentChangesMax = 1_000;

/** Decisions of others that a write with a condition may find before its own; then it is answered 503. */
export const decisionsMax = 32;

/**
 * Events of one bucket that wait for one webhook: some 100 MB on each of their owners. Of more the newest are not kept: a receiver
 * that is down for long must not stop uploads.
 */
export const eventsQueuedMax = 100_000;
/** How often a host asks how many wait, while it adds to them. A queue grows beyond its bound by what all hosts add in that time. */
export const eventsWeighedMs = secondMs;
/** How often it says that events were not kept. */
export const eventDropsToldMs = minuteMs;
/** Queues whose length a host remembers: 100 bytes each. */
export const eventQueuesKnownMax = 1000;
/** Events fetched at a time: some 40 KB. */
export const eventPageRows = 64;
/** Events of one queue on their way at the same time, of different objects. */
export const webhooksInFlightMax = 8;
/** For an answer. */
export const webhookWaitMs = 10 * secondMs;
/** A host holds a queue that long without saying so again; when it died others wait as long. */
export const eventHoldMs = 45 * secondMs;
/** When a host looks again for a queue that another holds. */
export const eventTurnMs = secondMs;
/** How often a host looks for queues that nobody empties: a range, and a sum for each queue. */
export const eventsLookMs = 30 * secondMs;
/** Between attempts, twice as long each time. */
export const eventRetryMsMin = 250;
/** A receiver that is back hears of it within that time. */
export const eventRetryMsMax = minuteMs;
/** An event is tried that long. */
export const eventLifeMs = 24 * hourMs;
/** A queue without rules stays that long: any upload that began before has ended then. */
export const eventQueueUnusedMs = 24 * hourMs;

/** A bucket's policy: S3's. */
export const policyBytesMax = 20 * KiB;
/** Policies kept parsed: those of the buckets in use, some 50 KiB each at worst. */
export const policiesKeptMax = 256;

/** Listings as they were last answered: some hundred pages of a thousand names. */
export const keptListingsBytesMax = 16 * MiB;
/** One of them: a page of 10,000 long names is not worth the others' room. */
export const keptListingBytesMax = 2 * MiB;
/** Listings of which it is known that they were asked for once: a client that pages through all there is comes by each once. */
export const seenListingsMax = 1_024;

/** A host gives the lines of a bucket's log away after that long, or once there are `accessLogObjectBytes`. Amazon: within hours. */
export const accessLogPeriodMs = 5 * minuteMs;
export const accessLogObjectBytes = 8 * MiB;
/** Lines are on disk within that time: the last of them are what a host that is cut off loses. */
export const accessLogWriteMs = secondMs;
/** When a host looks again for what could not be delivered. */
export const accessLogRetryMs = minuteMs;
/** Lines that no bucket took for that long are dropped. */
export const accessLogLifeMs = 24 * hourMs;
/** Lines in memory, lines of one bucket and day, all lines: of more the newest are dropped. */
export const accessLogPendingBytesMax = 4 * MiB;
export const accessLogBucketBytesMax = 32 * MiB;
export const accessLogKeptBytesMax = 256 * MiB;
/** How often a host says that it dropped some. */
export const accessLogDropsToldMs = minuteMs;
/** Of what senders choose in a line, such as addresses and agents. */
export const accessFieldCharactersMax = 2 * KiB;
