/**
 * The end of a turn of the event loop: readings begin that callers of the turn share, and then what was asked of other hosts
 * is sent, those readings among it.
 */
export interface TurnEnd {
  begin(work: () => void): void;
  send(work: () => void): void;
}

/** `soon` runs the work after the I/O of this turn. */
export const turnEnd = (soon: (work: () => void) => void): TurnEnd => {
  const beginning: (() => void)[] = [];
  const sending: (() => void)[] = [];
  let isScheduled = false;
  const run = (): void => {
    isScheduled = false;
    for (const work of beginning.splice(0)) work();
    for (const work of sending.splice(0)) work();
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    soon(run);
  };
  return {
    begin(work) {
      beginning.push(work);
      schedule();
    },
    send(work) {
      sending.push(work);
      schedule();
    },
  };
};
