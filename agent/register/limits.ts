/**
 * Changes that a register remembers by id (see `lineage.ts`), one for each host that changes it again and again. An
 * attempt whose fate is unknown can be judged by the next one as long as fewer hosts than this made changes in
 * between; 16 ids cost 144 bytes a row. Beyond that an honest "unknown" is the better answer.
 */
export const lineageLengthMax = 16;

/** With waits that double up to `backoffCapMs` this is some 2 s of trying, more where a round itself takes long. */
export const changeAttemptsMax = 16;

/**
 * First wait, at most: about one round with fsync, the time that the winner of a race needs to finish. Where the lost
 * attempt itself took longer (a loaded machine, a far host), that.
 */
export const backoffBaseMs = 10;

/** Beyond four rounds as measured a longer wait only adds delay ... */
export const backoffCapRounds = 4;
/** ... within these bounds: room for tens of changes of the others, and the patience of a caller. */
export const backoffCapMsMin = 250;
export const backoffCapMs = 1000;
