/** What a click or a form sets off: its failure is shown, and the page's values are asked again after it. */
import { useRef, useState } from 'preact/hooks';

export interface Act {
  readonly error: Error | undefined;
  readonly busy: boolean;
  /** Ignored while another is under way: a double click is one click. */
  act(work: () => Promise<unknown>): void;
  /** Beside whatever is under way. */
  beside(work: () => Promise<unknown>): void;
}

export const useAct = (again: () => void = () => {}): Act => {
  const [error, setError] = useState<Error>();
  const [running, setRunning] = useState(0);
  // The state follows at the next drawing, too late for a second click.
  const count = useRef(0);
  const change = (by: number): void => {
    count.current += by;
    setRunning(count.current);
  };
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    change(1);
    setError(undefined);
    try {
      await work();
    } catch (failure) {
      if ((failure as Error).name !== 'AbortError') setError(failure as Error);
    }
    change(-1);
    again();
  };
  return {
    error,
    busy: running > 0,
    act: (work) => void (count.current === 0 && run(work)),
    beside: (work) => void run(work),
  };
};

/** The fields of a submitted form, as text; the page itself stays. */
export const fieldsOf = (event: SubmitEvent): ((name: string) => string) => {
  event.preventDefault();
  const form = new FormData(event.currentTarget as HTMLFormElement);
  return (name) => String(form.get(name) ?? '').trim();
};
