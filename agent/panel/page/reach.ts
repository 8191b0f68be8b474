/** Does this page's host answer? Every call says how it went; whoever shows it listens. */
const changed = 'shoal-reach';
let reached = true;

export const isReached = (): boolean => reached;

export const tellReach = (now: boolean): void => {
  if (now === reached) return;
  reached = now;
  dispatchEvent(new Event(changed));
};

/** Returns how to stop listening. */
export const onReach = (listener: () => void): (() => void) => {
  addEventListener(changed, listener);
  return () => removeEventListener(changed, listener);
};
