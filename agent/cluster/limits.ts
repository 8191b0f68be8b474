/** Bounds of the operator API; docs/LIMITS.md lists them. */
import { minuteMs } from '../../proto/units.ts';

/** An invite is copied by hand to the new host at once. */
export const inviteSecondsDefault = 3_600;
/** One page of events: a screen for people, a bounded merge over all hosts' logs for the agent. */
export const eventsMax = 1_000;
export const eventsDefault = 50;
/** A long poll ends before clients and proxies commonly give up (30 s). */
export const eventWaitSecondsMax = 25;
/** How often a waiting reader looks: what arrives from other hosts pokes nobody here. */
export const eventPollMs = 250;
/** Asking the others for their state must not make health slow when one of them hangs. */
export const healthAskMs = 1_500;
/** What stands still for so long is worth a word: repairs rest for up to 10 minutes, and a layout settles in seconds where little moves. */
export const waitMsMin = 15 * minuteMs;
/** A clock this far from the others' is worth a word: tokens begin to suffer. NTP keeps hosts within a second. */
export const clockDifferenceMsMax = 10_000;
