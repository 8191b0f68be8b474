/**
 * Reading what a client sends. The stream is read by hand and not by node's async iterator, because that one
 * destroys the socket when its reader stops early, and then nobody can be told why.
 *
 * `Expect: 100-continue` is answered by the first read: a request that is refused before (no token, no such
 * container, too long) never sends its body.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ShoalError } from '../../proto/error.ts';
import { noteGarbage } from '../base/young-garbage.ts';
import type { Clock, Timers } from '../runtime/ports.ts';
import { bodyIdleMs, drainBytesMax, jsonBodyTimeoutMs, jsonDepthMax } from './limits.ts';

export interface Body {
  /** Once. At most `totalMs` for the whole of it; without, only the pauses are bounded. */
  read(totalMs?: number): AsyncIterable<Uint8Array>;
  /** May the client still be sending what nobody read? */
  readonly unread: boolean;
  /** Is the client still waiting for its 100? */
  readonly expecting: boolean;
}

const hasBody = (raw: IncomingMessage): boolean =>
  raw.headers['transfer-encoding'] !== undefined || Number(raw.headers['content-length'] ?? 0) > 0;

const gone = (raw: IncomingMessage): ShoalError =>
  new ShoalError('ABORTED', `Cannot read the body of ${raw.method} ${raw.url}: the client went away`);

/** Resolves when something can be read, the end was reached or the client is gone. */
const readable = (timers: Timers, raw: IncomingMessage, waitMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (finish: () => void) => () => {
      cancel();
      raw.off('readable', done).off('end', done).off('close', done).off('error', done);
      finish();
    };
    const done = settle(resolve);
    const cancel = timers.after(
      waitMs,
      settle(() => reject(new ShoalError('CLIENT_TIMEOUT', 'Cannot read the body: its sender is too slow'))),
    );
    raw.on('readable', done).on('end', done).on('close', done).on('error', done);
  });

export const openBody = (
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  raw: IncomingMessage,
  reply: ServerResponse,
  expectsContinue: boolean,
): Body => {
  let expecting = expectsContinue && hasBody(raw);
  async function* read(totalMs = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array, void, undefined> {
    const endMs = clock.monotonicMs() + totalMs;
    if (expecting) reply.writeContinue();
    expecting = false;
    for (;;) {
      const piece = raw.read() as Buffer | null;
      if (piece) {
        noteGarbage(piece);
        yield piece;
      } else if (raw.readableEnded) return;
      else if (raw.destroyed || raw.errored) throw gone(raw);
      else await readable(timers, raw, Math.max(0, Math.min(bodyIdleMs, endMs - clock.monotonicMs())));
    }
  }
  return {
    read,
    get unread() {
      return hasBody(raw) && !raw.readableEnded;
    },
    get expecting() {
      return expecting;
    },
  };
};

/** Reads on, up to a bound, after the answer was given. */
export const drainBody = (raw: IncomingMessage): void => {
  let left = drainBytesMax;
  raw.on('data', (piece: Buffer) => {
    left -= piece.length;
    if (left < 0) raw.socket.destroy();
  });
  raw.on('error', () => raw.socket.destroy());
  raw.resume();
};

const depthOf = (value: unknown, limit: number): number => {
  if (typeof value !== 'object' || value === null || limit < 0) return 0;
  let deepest = 0;
  for (const inner of Object.values(value)) deepest = Math.max(deepest, depthOf(inner, limit - 1));
  return deepest + 1;
};

const isJson = (mediaType: string): boolean =>
  /^application\/([\w.+-]*[+-])?json(-patch)?\s*(;|$)/i.test(mediaType);

/** Throws UNSUPPORTED_MEDIA, TOO_LARGE, CLIENT_TIMEOUT, ABORTED, BAD_REQUEST. No body at all is `undefined`. */
export const readJson = async (raw: IncomingMessage, body: Body, bytesMax: number): Promise<unknown> => {
  const length = Number(raw.headers['content-length'] ?? 0);
  const tooLarge = (): ShoalError =>
    new ShoalError('TOO_LARGE', `Cannot take a body of more than ${bytesMax} bytes`, {
      details: { bytesMax },
    });
  if (!hasBody(raw)) return undefined;
  const mediaType = raw.headers['content-type'];
  if (mediaType !== undefined && !isJson(mediaType))
    throw new ShoalError(
      'UNSUPPORTED_MEDIA',
      `Cannot read a body of type "${mediaType}": send application/json`,
    );
  if (length > bytesMax) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of body.read(jsonBodyTimeoutMs)) {
    total += piece.length;
    if (total > bytesMax) throw tooLarge();
    pieces.push(piece);
  }
  if (total === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces)));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable';
    throw new ShoalError('BAD_REQUEST', `Cannot read the body as JSON: ${why}`, { cause });
  }
  if (depthOf(value, jsonDepthMax) > jsonDepthMax)
    throw new ShoalError('BAD_REQUEST', `Cannot read the body: it nests deeper than ${jsonDepthMax}`);
  return value;
};
