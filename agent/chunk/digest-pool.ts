/** A few worker threads that hash long uploads; started when first needed, gone with `stop`. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ShoalError } from '../../proto/error.ts';
import { type Digests, type DigestTexts, inlineDigests } from './digest.ts';
import { digestInlineBytes, digestPiecesMax, digestWorkersMax } from './limits.ts';
import type { DigestName } from './port.ts';

export type DigestOrder =
  | { readonly kind: 'start'; readonly stream: number; readonly names: readonly DigestName[] }
  | { readonly kind: 'piece'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly kind: 'finish' | 'abort'; readonly stream: number };

export type DigestAnswer =
  | { readonly kind: 'hashed'; readonly stream: number }
  | { readonly kind: 'texts'; readonly stream: number; readonly texts: DigestTexts };

interface Stream {
  hashed(): void;
  done(texts: DigestTexts): void;
  fail(thrown: unknown): void;
}

interface Hand {
  readonly worker: Worker;
  readonly streams: Map<number, Stream>;
}

export interface DigestPool {
  /** One for each upload; `update` takes pieces of at most `chunkBytesMax`. */
  start(names: readonly DigestName[]): Digests;
  stop(): Promise<void>;
}

export const digestPool = (): DigestPool => {
  const hands: Hand[] = [];
  let streamCount = 0;

  const hire = (): Hand => {
    const idle = hands.toSorted((a, b) => a.streams.size - b.streams.size)[0];
    const size = Math.min(digestWorkersMax, availableParallelism());
    if (idle && (idle.streams.size === 0 || hands.length >= size)) return idle;
    const worker = new Worker(new URL('./digest-worker.ts', import.meta.url));
    const hand: Hand = { worker, streams: new Map() };
    // A pool must not keep the process alive; uploads do.
    worker.unref();
    worker.on('message', (answer: DigestAnswer) => {
      const stream = hand.streams.get(answer.stream);
      if (answer.kind === 'hashed') stream?.hashed();
      else stream?.done(answer.texts);
    });
    const lose = (cause: unknown): void => {
      if (hands.includes(hand)) hands.splice(hands.indexOf(hand), 1);
      for (const stream of hand.streams.values())
        stream.fail(new ShoalError('INTERNAL', 'Cannot hash the upload: its worker thread ended', { cause }));
      hand.streams.clear();
    };
    worker.on('error', lose);
    worker.on('exit', lose);
    hands.push(hand);
    return hand;
  };

  const away = (names: readonly DigestName[]): Digests => {
    const stream = streamCount++;
    const hand = hire();
    const underWay: ((() => void) | undefined)[] = [];
    let wake: (() => void) | undefined;
    let failure: unknown;
    const texts = Promise.withResolvers<DigestTexts>();
    texts.promise.catch(() => {});
    const send = (order: DigestOrder): void => hand.worker.postMessage(order);
    hand.streams.set(stream, {
      hashed() {
        underWay.shift()?.();
        wake?.();
      },
      done: texts.resolve,
      fail(thrown) {
        failure = thrown;
        texts.reject(thrown);
        wake?.();
      },
    });
    send({ kind: 'start', stream, names });
    return {
      async update(bytes, hashed) {
        while (underWay.length >= digestPiecesMax && !failure)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        if (failure) throw failure;
        underWay.push(hashed);
        send({ kind: 'piece', stream, bytes });
      },
      async finish() {
        send({ kind: 'finish', stream });
        try {
          return await texts.promise;
        } finally {
          hand.streams.delete(stream);
        }
      },
      abort() {
        send({ kind: 'abort', stream });
        hand.streams.delete(stream);
      },
    };
  };

  return {
    start(names) {
      // The first piece decides: a short one is also the last.
      let digests: Digests | undefined;
      const begin = (length: number): Digests =>
        names.length === 0 || length < digestInlineBytes ? inlineDigests(names) : away(names);
      return {
        update(bytes, hashed) {
          digests ??= begin(bytes.length);
          return digests.update(bytes, hashed);
        },
        finish() {
          digests ??= begin(0);
          return digests.finish();
        },
        abort: () => digests?.abort(),
      };
    },
    async stop() {
      const gone = hands.splice(0);
      await Promise.all(gone.map(({ worker }) => worker.terminate()));
    },
  };
};
