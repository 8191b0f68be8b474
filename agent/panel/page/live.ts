/** Values that are kept fresh: asked again at a steady pace while the page can be seen, at once on `again`. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export interface Live<Value> {
  readonly value: Value | undefined;
  /** The last try's failure; the value stays on the screen meanwhile, as it does until another `key` is answered. */
  readonly error: Error | undefined;
  again(): void;
}

export const useLive = <Value>(
  ask: (signal: AbortSignal) => Promise<Value>,
  everyMs: number,
  key: readonly unknown[],
): Live<Value> => {
  const [value, setValue] = useState<Value>();
  const [error, setError] = useState<Error>();
  const poke = useRef<() => void>(() => {});

  useEffect(() => {
    const stop = new AbortController();
    let turn = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const round = async (): Promise<void> => {
      // A poke overtakes the question under way, whose answer may be older than what the poke is about.
      turn.abort();
      clearTimeout(timer);
      turn = new AbortController();
      const signal = AbortSignal.any([stop.signal, turn.signal]);
      if (!document.hidden) {
        try {
          const fresh = await ask(signal);
          if (signal.aborted) return;
          setValue(fresh);
          setError(undefined);
        } catch (failure) {
          if (signal.aborted) return;
          setError(failure instanceof Error ? failure : new Error(String(failure)));
        }
      }
      timer = setTimeout(round, everyMs);
    };
    poke.current = () => void round();
    document.addEventListener('visibilitychange', poke.current, { signal: stop.signal });
    void round();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, key);

  return { value, error, again: useCallback(() => poke.current(), []) };
};
