/** A rest between two turns of work, which somebody may end early. To wake whoever does not rest does nothing. */
export interface Nap {
  rest(ms: number): Promise<void>;
  wake(): void;
}

export const openNap = (timers: {
  /** Returns its own cancellation. */
  after(delayMs: number, work: () => void): () => void;
}): Nap => {
  let wake = (): void => {};
  return {
    rest: (ms) =>
      new Promise((resolve) => {
        const cancel = timers.after(ms, () => wake());
        wake = () => {
          wake = () => {};
          cancel();
          resolve();
        };
      }),
    wake: () => wake(),
  };
};
