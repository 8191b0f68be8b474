/**
 * Changes that a register remembers by id (see `lineage.ts`). An attempt whose fate is unknown can be judged by
 * the next one as long as fewer changes than this came in between; 16 ids cost 144 bytes a row. Callers that
 * race wait tens of milliseconds, a change takes some: a caller that is overtaken 16 times in one wait has lost
 * so badly that an honest "unknown" is the better answer.
 */
export const lineageLengthMax = 16;

/** With waits that double up to `backoffCapMs` this is some 7 s of trying, within the patience of an API call. */
export const changeAttemptsMax = 16;

/** First wait, at most: about one round with fsync, the time that the winner of a race needs to finish. */
export const backoffBaseMs = 10;

/** Beyond this a longer wait only adds delay: a second is room for a hundred changes of the others. */
export const backoffCapMs = 1000;
