/** Bounds of the peer layer, each with its reason. Quantities end in their unit. */
import { KiB, MiB, minuteMs, secondMs } from '../../proto/units.ts';

/** A request answers in a few ms; 5 s is long beyond any fsync queue and short for a person who waits. */
export const rpcTimeoutMs = 5 * secondMs;
/** A caller may ask for more time (a scrub, a sync), but nothing waits for ever. */
export const rpcTimeoutMsMax = 10 * minuteMs;
/** Rows carry at most 16 KiB inline; a page of 250 such rows and their keys stays below this. */
export const frameBytesMax = 8 * MiB;
/** 20 times the 1,000 in flight that a busy gateway needs; beyond it the peer is not keeping up. */
export const requestsInFlightMax = 20_000;
/** What may wait for a slow peer's socket before new requests get BUSY: 8 s of a 64 Mbit/s link. */
export const sendQueueBytesMax = 64 * MiB;
/** One write to libp2p: noise cuts it into 64 KiB pieces anyway, and a buffer this big stays cheap to allocate. */
export const writeBytesMax = 256 * KiB;
/** Window updates that wait for company: a quarter of the smallest window of a stream ... */
export const owedBytesMax = 64 * KiB;
/** ... and 300 of them, so that a stream of tiny frames costs no memory. */
export const heldBytesMax = 4 * KiB;
/** libp2p resets a stream whose unread or unsent bytes pass this; a frame of the largest size must fit twice. */
export const streamBufferBytesMax = sendQueueBytesMax + 2 * frameBytesMax;

/** With requests in flight and nothing heard, ask the other side for a sign of life this often ... */
export const linkPingMs = 2 * secondMs;
/** ... and cut the connection after this long in silence: a host that lost power sends no reset. */
export const linkSilenceMsMax = 8 * secondMs;

/** TCP and noise on a loaded continent-wide link take below 1 s. */
export const dialTimeoutMs = 3 * secondMs;
/** A failed dial answers for all requests of this long, so a dead host costs one dial, not one per request. */
export const dialMemoryMs = 200;
export const reconnectBaseMs = 200;
/** A host that came back is found by us this late at worst; it dials us at once anyway. */
export const reconnectCapMs = 15 * secondMs;
/** How often the missing connections are looked at; one that closes is looked at as soon ... */
export const reconnectTickMs = 500;
/** ... and where none is missing, the others in case that nobody was told. */
export const reconnectQuietMs = 5 * secondMs;
/** Connections held open by themselves; others are dialled when needed. Gossip needs 12, probes are random. */
export const connectionsKept = 32;
/** libp2p closes idle ones beyond this. Every host of a 1,000-host cluster may probe us. */
export const connectionsMax = 2_000;
/** Hosts not on the roster that may hold a connection at once (they can only speak the join protocol). */
export const strangersMax = 16;
/** A join is three short messages and one register change. */
export const strangerMsMax = 20 * secondMs;
/** Addresses remembered of one host: IPv4, IPv6, a few interfaces. */
export const addressesPerHostMax = 16;
export const addressCharsMax = 256;

/** As many hosts as a layout may have. */
export const rosterMembersMax = 10_000;
/** Three of seven may be gone; more voters make each change dearer and hardly safer. */
export const rosterVotersMax = 7;
/** Steps of the roster's chain kept for hosts that were away: at 1.5 KB with seven votes a file of 1.5 MB. */
export const rosterStepsKeptMax = 1_024;
/** Of these go at once, so that the file is not cut at each change. */
export const rosterStepsDropped = 512;
/** Told to a host that stands where no step of this one leads to: chains part by a few forced steps. */
export const forkStepsTold = 64;
/** Forced removals in one message whose hosts are looked for, each by a dial. */
export const forcedStepsMax = 8;
/** A host is given up on another's word only after this long without a connection to it: no restart takes longer. */
export const forcedSilenceMs = 20 * secondMs;
/** Roster changes and votes that wait for the disk: hosts in a storm of joins ask again. */
export const rosterChangesWaitingMax = 64;
/** One host's attempts on one step at a voter: a whole vote takes a tenth of it, so others come through between them. */
export const prepareEveryMs = 250;
/** A vote is a small file written with fsync, and perhaps a dial before, to a voter that is said to be gone. */
export const rosterVoteTimeoutMs = 4 * secondMs;
/** A whole change, with its repetitions: an operator waits for it. */
export const rosterChangeTimeoutMs = 10 * secondMs;
/** After so long without a majority an operator's force is used. */
export const forcedAfterMs = 3 * secondMs;
/** Between its attempts, at most: some of the voters may be restarting. */
export const rosterRetryMs = secondMs;
/** Steps that others decide first while one change is under way: one each, in a storm of as many joins. */
export const rosterRebasesMax = 256;
/** A step with the longest name, as JSON, five times over. */
export const rosterStepBytesMax = 4 * KiB;
/** Expired hosts lose their connections this late, a fifth of what is promised for removals. */
export const expiryLookMs = secondMs;
/** A host asks for its vote after this long, and again when that failed: a program that dies at its start has none. */
export const voterAfterMs = 2 * secondMs;
/** Those behind others that might ask look more seldom: a place that is free draws a few hosts, not a thousand. */
export const voterTurnsMax = 30;
/** An expired host comes off the roster by the first voter's word; the next one waits this much longer, and so on. */
export const expiryTurnMs = 2 * secondMs;
/** How often a random peer is asked whether its roster differs: the cure for lost gossip. */
export const rosterExchangeMs = 15 * secondMs;

/** gossipsub mends its mesh and tells what it has this often. What a host publishes reaches those it is connected to at once. */
export const gossipHeartbeatMs = 3 * secondMs;
/** Scores of peers matter among strangers; on a roster they are only kept. */
export const gossipScoreMs = 15 * secondMs;
/** Topics carry member updates of below 1 KiB each; a batch of a few hundred fits. */
export const gossipBytesMax = 256 * KiB;

export const inviteLifeMs = 60 * minuteMs;
export const inviteLifeMsMax = 7 * 24 * 60 * minuteMs;
/** Enough to find one that is alive; more would make the token unwieldy. */
export const inviteAddressesMax = 3;
export const inviteCharsMax = 4_096;
/** A whole roster of 1,000 hosts is 400 KiB. */
export const joinFrameBytesMax = 4 * MiB;
/** What a stranger may send before it has proved anything: a token of 4,096 characters and its framing. */
export const joinRequestBytesMax = 8 * KiB;
export const joinTimeoutMs = 15 * secondMs;
/** One operator retrying by hand sees its error after this many rounds over the token's addresses. */
export const joinAttemptsMax = 3;

/** Connections per peer: 8 uploads of 3 chunks each in flight; more only queue at the disk. */
export const bulkConnectionsPerHost = 24;
/** What TLS gets of a body at a time: 16 of its records. It and its copy stay in the processor's cache. */
export const bulkSliceBytes = 256 * KiB;
/** No piece for this long: the other side is stuck, not slow (16 KiB per 30 s is below any link). */
export const bulkTimeoutMs = 30 * secondMs;
/** The server keeps an idle connection longer than the client does, so no request meets a closing one. */
export const bulkServerIdleMs = 75 * secondMs;
export const bulkClientIdleMs = 30 * secondMs;
/** An error travels as a small body. */
export const bulkErrorBytesMax = 64 * KiB;
export const bulkHeaderBytesMax = 16 * KiB;
/** Sockets that a bulk server holds: 1,000 hosts with two each. */
export const bulkSocketsMax = 4_000;

/** Hosts that appear together cause one announcement, not one each. */
export const discoveryDebounceMs = 250;
/** A DHT node that was restarted has forgotten all; hosts that lost each other now find each other this late. */
export const announceMs = 30 * secondMs;
/** hyperdht's own bound on a record: it must fit one UDP packet. */
export const recordBytesMax = 1_000;
/** Between two looks for the same lost host: each asks up to 20 nodes, a dead host may be dialled 5 times a second. */
export const seekPauseMs = 2 * secondMs;
/** A datagram may get lost once; a node that does not answer twice is gone, and holds the whole look-up up till then. */
export const dhtRetries = 1;
/** Look-ups at once. Beyond it a lost host waits for its next failed dial. */
export const seeksAtOnceMax = 16;
/** Hosts that a newcomer takes from the topic: any one of them lets it in. */
export const topicHostsMax = 16;
/** A newcomer's whole search: a look-up takes some ms, and a second per dead node on its way. */
export const topicSearchMsMax = 8 * secondMs;
/** How often a missing swarm connection is dialled while libp2p has one. */
export const swarmTickMs = 3 * secondMs;
/** Time for the last packets of closed swarm connections to leave. */
export const swarmFarewellMs = 50;
/** hyperswarm connections, for journals only: twice `connectionsKept`, and hyperswarm counts each four times. */
export const swarmPeersMax = 4 * 64;

/** Values in one message: 256 layouts of 1,000 hosts have as many. They are walked through before any is believed. */
export const checkedValuesMax = 2_000_000;
/** A fault is looked for, with its place, in no more: some 50 ms. */
export const faultValuesMax = 50_000;
