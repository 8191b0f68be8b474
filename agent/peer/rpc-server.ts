/** The answering end of a stream: runs handlers, many at once, and sends what they return or throw. */
import type { Stream } from '@libp2p/interface';
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { decodeFrame, encodeFrame, frameKind, type PeerFrame } from '../../proto/message/peer-frame.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import { frameStream } from './frame-stream.ts';
import { frameBytesMax, requestsInFlightMax, rpcTimeoutMsMax, sendQueueBytesMax } from './limits.ts';
import type { RpcHandler } from './port.ts';

const errorFrame = (id: number, error: ShoalError): Uint8Array => {
  const message = error.message.slice(0, 16_384);
  try {
    const bytes = encodeFrame([frameKind.error, id, error.code, message, error.details]);
    if (bytes.length <= frameBytesMax) return bytes;
  } catch {
    // Details that msgpack cannot carry stay at home.
  }
  return encodeFrame([frameKind.error, id, error.code, message, {}]);
};

export const serveRpc = (world: {
  readonly runtime: Pick<Runtime, 'timers'>;
  readonly log: Log;
  readonly stream: Stream;
  readonly from: HostId;
  readonly handlers: ReadonlyMap<string, RpcHandler>;
  /** Still on the roster? Asked for each request. */
  readonly isAllowed: () => boolean;
}): void => {
  const { from, handlers, log } = world;
  const running = new Map<number, AbortController>();
  /** Handlers at work, those whose caller cancelled included: a peer that asks and cancels is bounded too. */
  let working = 0;

  const call = async (method: string, body: unknown, signal: AbortSignal): Promise<unknown> => {
    const handler = handlers.get(method);
    if (!handler)
      throw new ShoalError(
        'NOT_IMPLEMENTED',
        `Cannot answer ${JSON.stringify(method)}: this agent has no such call`,
      );
    return handler(from, body, signal);
  };

  const asError = (method: string, thrown: unknown): ShoalError => {
    const error = asShoalError(thrown);
    if (error.code === 'INTERNAL') log.error('rpc handler failed', { method, from, error: thrown });
    return error;
  };

  const answer = async (id: number, method: string, timeoutMs: number, body: unknown): Promise<void> => {
    if (working >= requestsInFlightMax || frames.queuedBytes > sendQueueBytesMax)
      return frames.send(
        errorFrame(id, new ShoalError('BUSY', 'Cannot take more requests from this host now')),
      );
    if (running.has(id)) return frames.abort(new Error(`request id ${id} is in use`));
    const stop = new AbortController();
    running.set(id, stop);
    working++;
    // The caller is gone by then; what still runs for it should end too.
    const cancelTimer = world.runtime.timers.after(Math.min(timeoutMs, rpcTimeoutMsMax), () =>
      stop.abort(new ShoalError('TIMEOUT', `Cannot finish ${method}: the caller waited ${timeoutMs} ms`)),
    );
    let reply: Uint8Array;
    try {
      reply = encodeFrame([frameKind.answer, id, await call(method, body, stop.signal)]);
      if (reply.length > frameBytesMax)
        throw new ShoalError(
          'TOO_LARGE',
          `Cannot answer ${method}: ${reply.length} bytes, allowed ${frameBytesMax}`,
        );
    } catch (thrown) {
      reply = errorFrame(id, asError(method, thrown));
    }
    cancelTimer();
    working--;
    if (running.delete(id)) frames.send(reply);
  };

  const receive = (frame: PeerFrame): void => {
    switch (frame[0]) {
      case frameKind.request: {
        const [, id, method, timeoutMs, body] = frame;
        void answer(id, method, timeoutMs, body);
        return;
      }
      case frameKind.cancel: {
        const stop = running.get(frame[1]);
        running.delete(frame[1]);
        stop?.abort(new ShoalError('ABORTED', 'The caller no longer waits'));
        return;
      }
      case frameKind.notify: {
        const [, method, body] = frame;
        if (working >= requestsInFlightMax) return;
        working++;
        call(method, body, new AbortController().signal)
          .catch((thrown) => asError(method, thrown))
          .finally(() => working--);
        return;
      }
      case frameKind.ping:
        frames.send(encodeFrame([frameKind.alive]));
        return;
      default:
        frames.abort(new Error(`a frame of kind ${frame[0]} where requests are expected`));
    }
  };

  const frames = frameStream(world.stream, frameBytesMax, {
    frame(bytes) {
      if (!world.isAllowed()) return frames.abort(new Error('not on the roster'));
      const frame = decodeFrame(bytes);
      if (frame) receive(frame);
      else frames.abort(new Error('a frame that cannot be read'));
    },
    close(reason) {
      if (reason) log.debug('rpc stream ended', { from, reason: reason.message });
      for (const stop of running.values()) stop.abort(new ShoalError('ABORTED', 'The caller went away'));
      running.clear();
    },
  });
};

/** Tell a host why it is not served, and close. */
export const refuseStream = (stream: Stream, error: ShoalError): void => {
  const frames = frameStream(stream, frameBytesMax, {
    frame: () => {},
    close: () => {},
  });
  frames.send(encodeFrame([frameKind.refused, error.code, error.message]));
  frames.close();
};
