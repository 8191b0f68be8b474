/**
 * Time that goes on only while this process does. A machine that stalls - CPU given to a neighbour, a disk that
 * blocks, SIGSTOP - lets real clocks jump: on waking every patience in the process ends at once, before one of the
 * answers that lie ready is read, and a test fails for what no host did. Here a stall is a pause: between two looks of
 * the event loop at its timers no more than a step of time goes by, so whatever is ready is done first.
 *
 *     real     0 ── 5 ── 10 ──────── stopped ──────── 3010 ── 3015
 *     steady   0 ── 5 ── 10 ───────────────────────────  30 ──   35
 *
 * Wall time stays the real one: it is compared with what other programs and the test itself read.
 */
import type { Clock, Timers } from '../../agent/runtime/ports.ts';

const beatMs = 5;
/** Well below the shortest patience that a test sets (25 ms), well above what a loop with work to do needs. */
const stepMsMax = 20;

interface Due {
  readonly atMs: number;
  readonly work: () => void;
}

let nowMs = 0;
let seenMs = performance.now();
const dues = new Set<Due>();
const read = (): number => nowMs + Math.min(performance.now() - seenMs, stepMsMax);

const beat = setInterval(() => {
  nowMs = read();
  seenMs = performance.now();
  const ready = [...dues].filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
  // What runs first may call off what comes after it.
  for (const due of ready) if (forget(due)) due.work();
}, beatMs).unref();

const forget = (due: Due): boolean => {
  const held = dues.delete(due);
  if (dues.size === 0) beat.unref();
  return held;
};

export const steadyClock: Clock = { wallMs: () => Date.now(), monotonicMs: read };

const after = (delayMs: number, work: () => void): (() => void) => {
  const due = { atMs: read() + delayMs, work };
  dues.add(due);
  beat.ref();
  return () => void forget(due);
};

export const steadyTimers: Timers = {
  after,
  sleep: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = (): void => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = after(delayMs, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      signal?.addEventListener('abort', abort, { once: true });
    }),
};
