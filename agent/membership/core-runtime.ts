/** The membership core's surroundings in the real program: rpc for messages, the agent's clock and timers. */
import { hasCode } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { SwimMessage } from '../../proto/message/membership.ts';
import type { Rpc } from '../peer/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { SwimEvent, SwimRuntime, SwimTimer } from './swim-runtime.ts';

export interface CoreRuntimeHooks {
  handleTimer(timer: SwimTimer): void;
  handleEvent(event: SwimEvent): void;
  /** Nobody listens there. */
  handleUnreachable(host: HostId): void;
}

export const openCoreRuntime = (
  world: { readonly runtime: Runtime; readonly rpc: Rpc },
  hooks: CoreRuntimeHooks,
): SwimRuntime & { stop(): void } => {
  const { runtime, rpc } = world;
  const armed = new Set<() => void>();
  let stopped = false;

  return {
    nowMs: () => runtime.clock.monotonicMs(),
    random: () => runtime.chance.random(),
    send(to: HostId, message: SwimMessage) {
      if (stopped) return;
      // Only pings go as requests: their failure is worth knowing, a refused connection needs no timeout.
      if (message.kind !== 'ping') rpc.notify(to, 'membership', message);
      else
        rpc.request(to, 'membership', message).catch((error) => {
          if (!stopped && hasCode(error, 'UNREACHABLE')) hooks.handleUnreachable(to);
        });
    },
    after(delayMs, timer) {
      if (stopped) return;
      const cancel = runtime.timers.after(delayMs, () => {
        armed.delete(cancel);
        hooks.handleTimer(timer);
      });
      armed.add(cancel);
    },
    emit: (event) => hooks.handleEvent(event),
    stop() {
      stopped = true;
      for (const cancel of armed) cancel();
      armed.clear();
    },
  };
};
