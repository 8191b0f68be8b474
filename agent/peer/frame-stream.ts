/**
 * Frames over one libp2p stream. Small frames that are sent in the same turn of the event loop leave in one
 * write: at thousands of requests a second the cost is per write, not per byte.
 */
import type { Stream } from '@libp2p/interface';
import { frameHeadBytes, frameReader } from './frame-reader.ts';
import { streamBufferBytesMax, writeBytesMax } from './limits.ts';

export interface FrameStream {
  send(frame: Uint8Array): void;
  /** Bytes that wait for the other side to read. */
  readonly queuedBytes: number;
  /** Sends what is queued, then closes. */
  close(): void;
  /** Drops what is queued and resets the stream. */
  abort(reason: Error): void;
}

export interface FrameStreamEvents {
  frame(bytes: Uint8Array): void;
  /** Once, whatever the end was. A cut-off frame and one beyond the bound end the stream with an error. */
  close(reason: Error | undefined): void;
}

export const frameStream = (
  stream: Stream,
  frameBytesMax: number,
  events: FrameStreamEvents,
): FrameStream => {
  const reader = frameReader(frameBytesMax);
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let scheduled = false;
  let blocked = false;
  let closing = false;
  let closed = false;
  stream.maxReadBufferLength = streamBufferBytesMax;
  stream.maxWriteBufferLength = streamBufferBytesMax;

  const end = (reason: Error | undefined): void => {
    if (closed) return;
    closed = true;
    queue.length = 0;
    queuedBytes = 0;
    events.close(
      reason ?? (reader.pendingBytes > 0 ? new Error('the stream ended inside a frame') : undefined),
    );
  };

  const abort = (reason: Error): void => {
    if (closed) return;
    stream.abort(reason);
    end(reason);
  };

  /** As many queued frames as fit one write, in one buffer. */
  const take = (): Uint8Array => {
    let bytes = 0;
    let count = 0;
    for (const frame of queue) {
      if (count > 0 && bytes + frameHeadBytes + frame.length > writeBytesMax) break;
      bytes += frameHeadBytes + frame.length;
      count++;
    }
    const out = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const frame of queue.splice(0, count)) {
      at = out.writeUInt32BE(frame.length, at);
      out.set(frame, at);
      at += frame.length;
    }
    return out;
  };

  const flush = (): void => {
    scheduled = false;
    try {
      while (!closed && !blocked && queue.length > 0) {
        const bytes = take();
        queuedBytes -= bytes.length;
        if (!stream.send(bytes)) blocked = true;
      }
      if (closing && !closed && queue.length === 0) stream.close().catch(() => {});
    } catch (thrown) {
      abort(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  };

  const schedule = (): void => {
    if (scheduled || blocked || closed) return;
    scheduled = true;
    setImmediate(flush);
  };

  stream.addEventListener('drain', () => {
    blocked = false;
    schedule();
  });
  const readAll = (): void => {
    if (reader.pendingBytes > 0) {
      abort(new Error('the stream ended inside a frame'));
      return;
    }
    end(undefined);
    stream.close().catch(() => {});
  };
  stream.addEventListener('end', readAll);
  stream.addEventListener('close', (event) => end(event.error));
  stream.addEventListener('message', (event) => {
    if (closed) return;
    try {
      for (const frame of reader.push(event.data.subarray())) if (!closed) events.frame(frame);
    } catch (thrown) {
      abort(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  });

  // It may have ended while the caller waited for it to open; the events are over then.
  if (stream.readableEnded) queueMicrotask(readAll);
  else if (stream.status !== 'open') queueMicrotask(() => end(new Error(`the stream is ${stream.status}`)));

  return {
    get queuedBytes() {
      return queuedBytes + stream.writeBufferLength;
    },
    send(frame) {
      if (closed || closing) return;
      queue.push(frame);
      queuedBytes += frameHeadBytes + frame.length;
      schedule();
    },
    close() {
      closing = true;
      schedule();
    },
    abort,
  };
};
