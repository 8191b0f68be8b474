/**
 * The asking end of a stream: many requests in flight, answers in any order. When the stream ends, all that wait
 * fail at once with UNREACHABLE: the other process died or was cut off, and waiting would not help.
 */
import type { Stream } from '@libp2p/interface';
import { type ErrorCode, errorTable, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { decodeFrame, encodeFrame, frameKind, type PeerFrame } from '../../proto/message/peer-frame.ts';
import type { Runtime } from '../runtime/ports.ts';
import { frameStream } from './frame-stream.ts';
import {
  frameBytesMax,
  linkPingMs,
  linkSilenceMsMax,
  requestsInFlightMax,
  sendQueueBytesMax,
} from './limits.ts';

interface Waiting {
  readonly resolve: (body: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

export interface RpcClient {
  readonly isOpen: boolean;
  request(
    method: string,
    body: unknown,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown>;
  notify(method: string, body: unknown): void;
  abort(reason: Error): void;
}

const codeOf = (code: string): ErrorCode =>
  Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'INTERNAL';
const detailsOf = (details: unknown): Readonly<Record<string, unknown>> =>
  typeof details === 'object' && details !== null && !Array.isArray(details) ? { ...details } : {};

export const rpcClient = (
  world: {
    readonly runtime: Pick<Runtime, 'clock' | 'timers'>;
    readonly stream: Stream;
    readonly to: HostId;
  },
  hooks: {
    /** Nothing was heard for `linkSilenceMsMax` though requests wait. */
    readonly silent: () => void;
    /** The other side does not serve us. */
    readonly refused: (error: ShoalError) => void;
    readonly closed: () => void;
  },
): RpcClient => {
  const { clock, timers } = world.runtime;
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  /** Why no answer will come any more. */
  let ended: ShoalError | undefined;
  let heardMs = clock.monotonicMs();
  let stopWatch: (() => void) | undefined;

  const failAll = (error: ShoalError): void => {
    ended = error;
    stopWatch?.();
    const all = [...waiting.values()];
    waiting.clear();
    for (const one of all) one.reject(error);
    hooks.closed();
  };

  const receive = (frame: PeerFrame): void => {
    heardMs = clock.monotonicMs();
    switch (frame[0]) {
      case frameKind.answer:
        // An id that nobody waits for was cancelled or timed out.
        waiting.get(frame[1])?.resolve(frame[2]);
        return;
      case frameKind.error: {
        const [, id, code, message, details] = frame;
        waiting.get(id)?.reject(new ShoalError(codeOf(code), message, { details: detailsOf(details) }));
        return;
      }
      case frameKind.alive:
        return;
      case frameKind.refused: {
        const error = new ShoalError(codeOf(frame[1]), frame[2]);
        hooks.refused(error);
        failAll(error);
        frames.abort(error);
        return;
      }
      default:
        frames.abort(new Error(`a frame of kind ${frame[0]} where answers are expected`));
    }
  };

  const frames = frameStream(world.stream, frameBytesMax, {
    frame(bytes) {
      const frame = decodeFrame(bytes);
      if (frame) receive(frame);
      else frames.abort(new Error('a frame that cannot be read'));
    },
    close(reason) {
      if (ended) return;
      const why = reason ? `: ${reason.message}` : '';
      failAll(
        new ShoalError('UNREACHABLE', `Cannot reach host ${world.to}: the connection closed${why}`, {
          cause: reason,
        }),
      );
    },
  });

  const watch = (): void => {
    stopWatch = undefined;
    if (ended || waiting.size === 0) return;
    const silentMs = clock.monotonicMs() - heardMs;
    if (silentMs >= linkSilenceMsMax) {
      hooks.silent();
      return;
    }
    if (silentMs >= linkPingMs) frames.send(encodeFrame([frameKind.ping]));
    stopWatch = timers.after(linkPingMs, watch);
  };

  const encode = (method: string, frame: PeerFrame): Uint8Array => {
    const bytes = encodeFrame(frame);
    if (bytes.length > frameBytesMax)
      throw new ShoalError(
        'TOO_LARGE',
        `Cannot send ${method} to ${world.to}: ${bytes.length} bytes, a message has at most ${frameBytesMax}`,
      );
    if (frames.queuedBytes > sendQueueBytesMax)
      throw new ShoalError('BUSY', `Cannot send ${method} to ${world.to}: it does not read fast enough`);
    return bytes;
  };

  return {
    get isOpen() {
      return ended === undefined;
    },
    request: (method, body, timeoutMs, signal) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        if (signal?.aborted) return reject(signal.reason);
        if (waiting.size >= requestsInFlightMax)
          return reject(
            new ShoalError(
              'BUSY',
              `Cannot ask ${world.to} for ${method}: ${requestsInFlightMax} requests wait`,
            ),
          );
        const id = nextId++;
        const bytes = encode(method, [frameKind.request, id, method, timeoutMs, body]);
        // The answering side was silent because nothing was asked; the watch counts from the first question.
        if (waiting.size === 0) heardMs = clock.monotonicMs();
        const settle = (): void => {
          waiting.delete(id);
          cancelTimer();
          signal?.removeEventListener('abort', abort);
        };
        const giveUp = (reason: unknown): void => {
          settle();
          frames.send(encodeFrame([frameKind.cancel, id]));
          reject(reason);
        };
        const abort = (): void => giveUp(signal?.reason);
        const cancelTimer = timers.after(timeoutMs, () =>
          giveUp(
            new ShoalError(
              'TIMEOUT',
              `Cannot get ${method} from ${world.to}: no answer within ${timeoutMs} ms`,
            ),
          ),
        );
        signal?.addEventListener('abort', abort, { once: true });
        waiting.set(id, {
          resolve: (answer) => {
            settle();
            resolve(answer);
          },
          reject: (reason) => {
            settle();
            reject(reason);
          },
        });
        frames.send(bytes);
        stopWatch ??= timers.after(linkPingMs, watch);
      }),
    notify(method, body) {
      frames.send(encode(method, [frameKind.notify, method, body]));
    },
    abort: frames.abort,
  };
};
