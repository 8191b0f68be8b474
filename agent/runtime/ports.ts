/** Ports to the world for shells: `runtime/system/` is the real one, `test/sim/` and tests bring their own. */

/** Time. Wall time may jump; monotonic time never goes back and has no meaning across processes. */
export interface Clock {
  wallMs(): number;
  monotonicMs(): number;
}

export interface Timers {
  /** Runs `work` once after the delay unless the returned function was called first. */
  after(delayMs: number, work: () => void): () => void;
  /** Resolves after the delay, rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Chance {
  /** Uniform in [0, 1). */
  random(): number;
  bytes(length: number): Uint8Array;
}

/** One line a record, JSON; `with` adds fields to every record of a part. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  with(fields: Record<string, unknown>): Log;
}

export interface Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly chance: Chance;
  readonly log: Log;
}
