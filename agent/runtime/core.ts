/**
 * What a protocol core is given, and all that it is given. A core is plain state with
 * `handleMessage(from, message, runtime)` and `handleTimer(timer, runtime)`; it touches no socket, file or
 * clock, so the simulator can run it through thousands of virtual hours and a failure is a seed.
 *
 *            message / timer                    send / after / emit
 *   shell ----------------------->  core  ------------------------->  shell
 *
 * Model: foca's `Runtime`, TigerBeetle's `Time`.
 */
import type { HostId } from '../../proto/ids.ts';

export interface CoreRuntime<Message, Timer, Event = never> {
  /** Monotonic milliseconds; only differences mean anything. */
  nowMs(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Best effort: the message may be lost, late, doubled or out of order. */
  send(to: HostId, message: Message): void;
  /** Deliver `timer` to `handleTimer` after this delay. A core recognises and drops timers that no longer matter. */
  after(delayMs: number, timer: Timer): void;
  /** Tell the shell that something it cares about has happened. */
  emit(event: Event): void;
}
