/** setTimeout keeps its delay in a signed 32-bit integer and fires a longer one at once; longer waits are cut. */
export const timerDelayMaxMs = 2 ** 31 - 1;

/** A log record is for one screen of a person; a longer one is a dump, which would drown its neighbours. */
export const logLineCharsMax = 16 * 1024;

/** Errors wrap errors; deeper than this only repeats, and a chain that loops must end somewhere. */
export const logCauseDepthMax = 5;
