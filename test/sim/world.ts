/**
 * The virtual world: time that jumps from event to event, chance from one seed, and a hash of all that happened.
 * The same seed gives the same run, event for event; the hash proves it.
 *
 * Cores are plain calls. Shells wait on promises: whoever settles one says `wake`, and the world lets all that
 * follows from it run before the next event. Nothing in it may wait for real time.
 */
import { eventQueue } from './event-queue.ts';
import { type Prng, prng } from './prng.ts';

export interface World {
  readonly seed: number;
  readonly random: Prng;
  nowMs(): number;
  after(delayMs: number, work: () => void): void;
  /** A promise was settled: let its waiters run before the next event. */
  wake(): void;
  /** Part of the trace. Values must say all that could differ between two runs. */
  note(...what: readonly (string | number)[]): void;
  /** A fault of this kind happened. */
  fault(kind: string, count?: number): void;
  readonly faults: ReadonlyMap<string, number>;
  /** For the timeline that a person reads: what was done to the world and what its clients saw. */
  tell(...what: readonly (string | number)[]): void;
  /**
   * Numbers the deeds of a run, each kind from 0, and says whether this one may happen: a run that is cut down
   * leaves some out, and draws the same chances for the rest.
   */
  allows(kind: Deed): boolean;
  /** How many there were so far, those left out included. */
  readonly deeds: Readonly<Record<Deed, number>>;
  /** A bug showed itself where nobody can catch it: the run ends with this. */
  fail(bug: unknown): void;
  /** Runs events until the given time; stops early when `done` says so. Throws what an event throws, and bugs. */
  run(untilMs: number, done?: () => boolean): Promise<void>;
  /** Over everything noted so far. */
  traceHash(): string;
}

export type Deed = 'fault' | 'operation';
export type Deeds = Readonly<Record<Deed, ReadonlySet<number>>>;

export interface WorldOptions {
  /** Gets each line of the trace. For whoever looks into a failed seed. */
  readonly trace?: (line: string) => void;
  /** Gets each line of the timeline. */
  readonly timeline?: (line: string) => void;
  /** Deeds that are left out. */
  readonly skip?: Deeds;
}

/** Macrotasks come after all microtasks, however long their chain is. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const world = (seed: number, options: WorldOptions = {}): World => {
  const queue = eventQueue();
  const faults = new Map<string, number>();
  let nowMs = 0;
  let awake = false;
  const bugs: unknown[] = [];
  const deeds: Record<Deed, number> = { fault: 0, operation: 0 };
  let [low, high] = [0x811c9dc5, 0x01000193];

  const hash = (text: string): void => {
    for (let at = 0; at < text.length; at++) {
      low = Math.imul(low ^ text.charCodeAt(at), 0x01000193);
      high = Math.imul(high ^ low, 0x85ebca6b) ^ (high >>> 15);
    }
  };

  const note = (...what: readonly (string | number)[]): string => {
    const line = `${nowMs.toFixed(3)} ${what.join(' ')}\n`;
    hash(line);
    options.trace?.(line);
    return line;
  };

  return {
    seed,
    random: prng(seed),
    nowMs: () => nowMs,
    after: (delayMs, work) => queue.push(nowMs + Math.max(0, delayMs), work),
    wake() {
      awake = true;
    },
    note: (...what) => void note(...what),
    tell(...what) {
      const line = note(...what);
      options.timeline?.(line);
    },
    allows(kind) {
      const number = deeds[kind]++;
      return !options.skip?.[kind].has(number);
    },
    deeds,
    fault(kind, count = 1) {
      faults.set(kind, (faults.get(kind) ?? 0) + count);
    },
    faults,
    fail: (bug) => void bugs.push(bug),
    async run(untilMs, done = () => false) {
      // What was called before the first event has waiters, too.
      await settled();
      while (queue.nextMs() <= untilMs && !done()) {
        nowMs = queue.nextMs();
        queue.pop()?.();
        if (awake) {
          awake = false;
          await settled();
        }
        if (bugs.length > 0) throw bugs[0];
      }
      if (!done()) nowMs = Math.max(nowMs, untilMs);
    },
    traceHash: () => [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join(''),
  };
};
