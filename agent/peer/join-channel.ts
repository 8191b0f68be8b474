/** The few messages of a join, one after the other, over a libp2p stream. */
import type { Stream } from '@libp2p/interface';
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import { frameStream } from './frame-stream.ts';

export interface JoinChannel {
  send(value: unknown): void;
  /** Throws UNREACHABLE when the other side closed, BAD_REQUEST on bytes that are no message, or the signal's reason. */
  receive(signal: AbortSignal): Promise<unknown>;
  /** What was sent still leaves. */
  close(): void;
}

const messages = codec<unknown>('join message');
/** A join alternates; a side that sends ahead more than this is not speaking the protocol. */
const aheadMax = 2;

export const joinChannel = (stream: Stream, frameBytesMax: number): JoinChannel => {
  const inbox: Uint8Array[] = [];
  let ended: ShoalError | undefined;
  let wake: () => void = () => {};
  const frames = frameStream(stream, frameBytesMax, {
    frame(bytes) {
      if (inbox.length >= aheadMax) return frames.abort(new Error('too many join messages'));
      inbox.push(bytes);
      wake();
    },
    close(reason) {
      ended = new ShoalError(
        'UNREACHABLE',
        `The other side ended the join: ${reason?.message ?? 'it closed'}`,
        {
          cause: reason,
        },
      );
      wake();
    },
  });
  return {
    send: (value) => frames.send(messages.encode(value)),
    async receive(signal) {
      while (inbox.length === 0 && !ended) {
        signal.throwIfAborted();
        const { promise, resolve } = Promise.withResolvers<void>();
        const stop = (): void => resolve();
        wake = resolve;
        signal.addEventListener('abort', stop, { once: true });
        await promise;
        signal.removeEventListener('abort', stop);
      }
      const bytes = inbox.shift();
      if (bytes) {
        try {
          return messages.decode(bytes);
        } catch (cause) {
          throw new ShoalError('BAD_REQUEST', 'Cannot read the join message', { cause });
        }
      }
      signal.throwIfAborted();
      throw ended ?? new ShoalError('UNREACHABLE', 'The other side ended the join');
    },
    close: frames.close,
  };
};
