/** The `CoreRuntime` of a core that runs on a virtual host. Timers and messages are part of the trace. */
import type { CoreRuntime } from '../../agent/runtime/core.ts';
import type { Host } from './node.ts';

export const coreRuntime = <Message, Timer, Event>(
  host: Host,
  core: {
    handleTimer(timer: Timer, runtime: CoreRuntime<Message, Timer, Event>): void;
    handleEvent?(event: Event): void;
  },
): CoreRuntime<Message, Timer, Event> => {
  const runtime: CoreRuntime<Message, Timer, Event> = {
    nowMs: () => host.nowMs(),
    random: () => host.random.random(),
    send: (to, message) => host.send(to, message),
    after: (delayMs, timer) => void host.after(delayMs, () => core.handleTimer(timer, runtime)),
    emit: (event) => core.handleEvent?.(event),
  };
  return runtime;
};
