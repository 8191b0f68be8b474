/** Entry of a digest worker thread: hashes the pieces of many uploads in the order they come. */
import { parentPort } from 'node:worker_threads';
import { type DigestHashes, digestHashes } from './digest.ts';
import type { DigestAnswer, DigestOrder } from './digest-pool.ts';

const streams = new Map<number, DigestHashes>();
const answer = (message: DigestAnswer): void => parentPort?.postMessage(message);

parentPort?.on('message', (order: DigestOrder) => {
  const hashes = streams.get(order.stream);
  if (order.kind === 'start') streams.set(order.stream, digestHashes(order.names));
  else if (order.kind === 'piece') {
    hashes?.update(order.bytes);
    answer({ kind: 'hashed', stream: order.stream });
  } else {
    streams.delete(order.stream);
    if (order.kind === 'finish' && hashes)
      answer({ kind: 'texts', stream: order.stream, texts: hashes.finish() });
  }
});
