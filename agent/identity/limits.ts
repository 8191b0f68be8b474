/** Every bound of identity. Rows of docs/LIMITS.md. */
import { hourMs, KiB, minuteMs, secondMs } from '../../proto/units.ts';

/** How old a cached record may be when nobody told that it changed. Gossip usually tells within 100 ms. */
export const freshMs = 5 * secondMs;

/** How old it may be while its owners do not answer: an outage of some rows shall not log everyone out at once. */
export const staleMs = minuteMs;

/** Records cached per kind: 10,000 users of some 500 bytes are 5 MB. */
export const cacheEntriesMax = 10_000;

/** What was put together of such copies is as it was for so long: at 1,000 requests a second of one client it is done for one in a hundred. */
export const standingMs = 100;
/** Callers within that time, 1 KB each. */
export const standingsKeptMax = 1_000;

/** Verified tokens remembered, so that a signature (some 100 µs) is checked once. About 1 KB each. */
export const tokensCachedMax = 10_000;

/** A token's text. Ours have some 250 characters; what is longer is not ours and is not even decoded. */
export const tokenCharsMax = 512;

/** How long an expired token may still be looked at with `allow_expired`: Keystone's 48 hours. */
export const expiredWindowMs = 48 * hourMs;

/** Rows per range call, and rows that a list answers with at most; then it says `truncated`, as Keystone does. */
export const pageRowsMax = 1000;
export const listRowsMax = 10_000;

/**
 * Roles and groups of one user, or roles of one group: all are read with every token, 10,000 rows of some 80 bytes
 * in ten calls. Who needs more wants a group or an inherited role.
 */
export const holdingsMax = 10_000;

/** Rules "this role implies that one". All are in one copy on each host. */
export const inferencesMax = 1000;

/** Levels of domain and projects, Keystone's `max_project_tree_depth`: an inherited role is looked for on each. */
export const projectDepthMax = 5;

/** Application credentials, credentials and access rules of one user: 5 keys for each of 200 programs. */
export const credentialsMax = 1000;

/** OAuth request tokens that wait for a user's yes: whoever has a consumer's secret could make any number. */
export const oauthRequestsMax = 1000;

/** How far a signed request's own time may be off, Keystone's `auth_ttl`; AWS has the same 15 minutes. */
export const signatureAgeMs = 15 * minuteMs;

/** Steps of 30 s before and after now in which a one-time code holds: clocks of phones differ, people type. */
export const totpStepsAround = 1;

/** The expression of a password rule. Only cloud admins write one, so its running time is theirs to choose. */
export const passwordPatternCharsMax = 512;

/** Password text. Keystone's `max_password_length`. */
export const passwordCharsMax = 4096;

/**
 * argon2id, OWASP's first choice for servers (19 MiB, 2 passes): some 20-40 ms of one core. Stored hashes carry
 * their own cost, so these may rise later.
 */
export const passwordCost = { memoryCost: 19 * KiB, timeCost: 2, parallelism: 1 } as const;

/** Hashes at once: node's four threads also serve the disk, so half of them. 2 x 19 MiB. */
export const hashesMax = 2;
/** Logins that wait for one, some 3 s; more are answered 503. */
export const hashQueueMax = 128;

/** Rounds of compare-and-set on one name or record before the caller is told to try again. */
export const changeTriesMax = 8;

/** How long the creator of a name that stands claimed without a record is waited for before it counts as dead. */
export const claimPatienceMs = secondMs;

/**
 * Refused logins that one host journals in a minute: who guesses passwords shall be seen, but a stranger shall not
 * fill the disks. 60 of some 200 bytes are 17 MB a day.
 */
export const refusalsPerMinuteMax = 60;

/** Parallel reads behind one list. */
export const readsMax = 16;

/** A header of OAuth 1.0a has some 400. It is searched from each of its letters on, so its square is what counts. */
export const oauthCharsMax = 4_096;
