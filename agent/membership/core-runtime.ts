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
  /** What a host said to this one's ping. Throws BAD_REQUEST. */
  handleAnswer(from: HostId, body: unknown): void;
  /** Nobody listens there. */
  handleUnreachable(host: HostId): void;
}

export interface CoreRuntime extends SwimRuntime {
  /** Hears a message of this host; an ack for it becomes the answer of its ping instead of a message of its own. */
  answering(from: HostId, hear: () => void): SwimMessage | null;
  stop(): void;
}

export const openCoreRuntime = (
  world: { readonly runtime: Runtime; readonly rpc: Rpc },
  hooks: CoreRuntimeHooks,
): CoreRuntime => {
  const { runtime, rpc } = world;
  const log = runtime.log.with({ part: 'membership' });
  const armed = new Set<() => void>();
  let stopped = false;
  let asked: { readonly by: HostId; answer: SwimMessage | null } | undefined;

  const ping = (to: HostId, message: SwimMessage): void => {
    rpc
      .request(to, 'membership', message)
      .then((answer) => {
        if (!stopped && answer !== null) hooks.handleAnswer(to, answer);
      })
      .catch((error) => {
        if (!stopped && hasCode(error, 'UNREACHABLE')) hooks.handleUnreachable(to);
        if (hasCode(error, 'BAD_REQUEST')) log.warn('answer of a ping refused', { from: to, error });
      });
  };

  return {
    nowMs: () => runtime.clock.monotonicMs(),
    random: () => runtime.chance.random(),
    send(to: HostId, message: SwimMessage) {
      if (stopped) return;
      if (message.kind === 'ack' && asked?.by === to) asked.answer = message;
      // Only pings go as requests: their failure is worth knowing, a refused connection needs no timeout.
      else if (message.kind !== 'ping') rpc.notify(to, 'membership', message);
      else ping(to, message);
    },
    answering(from, hear) {
      const question = { by: from, answer: null };
      asked = question;
      try {
        hear();
      } finally {
        asked = undefined;
      }
      return question.answer;
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
