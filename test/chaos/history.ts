/** What clients did and saw, on this process's monotonic clock: the ground that every verdict stands on. */
import { createWriteStream, type WriteStream } from 'node:fs';

export type Outcome =
  /** It happened, and was answered. */
  | 'ok'
  /** It surely did not happen. */
  | 'failed'
  /** Nobody knows: it may happen at any later time, or never. */
  | 'unknown';

interface Common {
  readonly by: string;
  /** Name of the host that was asked. */
  readonly via: string;
  readonly callMs: number;
  readonly returnMs: number;
  readonly outcome: Outcome;
  /** HTTP status, or the error's word. */
  readonly status: string;
}

export type Entry = Common &
  (
    | { readonly kind: 'put'; readonly name: string; readonly version: string; readonly bytes: number }
    | { readonly kind: 'delete'; readonly name: string }
    /** `version`: null where there was no such object. */
    | { readonly kind: 'get'; readonly name: string; readonly version: string | null }
    | { readonly kind: 'list'; readonly container: string; readonly names: readonly string[] }
    | { readonly kind: 'set'; readonly register: string; readonly value: string }
    | { readonly kind: 'look'; readonly register: string; readonly value: string | null }
    /** A name that must be unique; `id`: of what was made. */
    | { readonly kind: 'claim'; readonly name: string; readonly id: string | null }
  );

export interface Fault {
  readonly atMs: number;
  readonly what: string;
}

export interface History {
  readonly entries: readonly Entry[];
  readonly faults: readonly Fault[];
  nowMs(): number;
  /** From now on the clock counts anew: the cluster is up, the test begins. */
  begin(): void;
  add(entry: Entry): void;
  fault(what: string): void;
  close(): Promise<void>;
}

export const openHistory = (file: string): History => {
  const entries: Entry[] = [];
  const faults: Fault[] = [];
  const stream: WriteStream = createWriteStream(file);
  let startMs = performance.now();
  const nowMs = (): number => Math.round((performance.now() - startMs) * 1_000) / 1_000;
  return {
    entries,
    faults,
    nowMs,
    begin() {
      startMs = performance.now();
    },
    add(entry) {
      entries.push(entry);
      stream.write(`${JSON.stringify(entry)}\n`);
    },
    fault(what) {
      const one = { atMs: nowMs(), what };
      faults.push(one);
      stream.write(`${JSON.stringify(one)}\n`);
    },
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
};
