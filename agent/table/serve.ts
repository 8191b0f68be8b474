/** rpc `table.ask`: a batch from a peer, checked before anything is done, answered one by one. */
import { Compile } from 'typebox/compile';
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { Batch, type Operation } from '../../proto/message/table.ts';
import type { Rpc } from '../peer/port.ts';
import type { Lives } from '../register/lives.ts';
import type { Ring } from '../ring/port.ts';
import type { Log } from '../runtime/ports.ts';
import { answerBytesMax } from './limits.ts';

/** Runs one operation for a peer. */
export type Perform = (operation: Operation, from: HostId) => unknown | Promise<unknown>;

const checkBatch = Compile(Batch);

export const serveTables = (
  world: { readonly rpc: Rpc; readonly ring: Pick<Ring, 'checkVersion'>; readonly log: Log },
  perform: Perform,
  lives: () => Lives,
): void => {
  world.rpc.handle('table.ask', async (from, body) => {
    if (!checkBatch.Check(body)) {
      const [first] = checkBatch.Errors(body);
      throw new ShoalError(
        'BAD_REQUEST',
        `Cannot read a batch of host ${from}: ${first?.instancePath ?? ''} ${first?.message ?? 'another shape'}`,
      );
    }
    world.ring.checkVersion(from, body.layout);
    // Reads are done at once and fill the answer; writes are started at once, so that they share a transaction.
    let bytes = 0;
    const answers = body.operations.map((operation) => {
      if (bytes > answerBytesMax) return { again: true as const };
      try {
        const value = perform(operation as Operation, from);
        if (value instanceof Promise) return value.then((done) => ({ value: done }), failure(world.log));
        bytes += bytesOf(value);
        return { value };
      } catch (thrown) {
        return failure(world.log)(thrown);
      }
    });
    // Last: whatever was answered after a life was noted goes with it.
    return { answers: await Promise.all(answers), lives: lives() };
  });
};

const failure = (log: Log) => (thrown: unknown) => {
  const error = asShoalError(thrown);
  if (error.code === 'INTERNAL') log.error('a table operation failed', { error });
  // Others of its owners have it; this disk may have more of the kind.
  if (error.code === 'DAMAGED') log.error('a row on this disk is damaged', { error });
  return { error: { code: error.code, message: error.message } };
};

/** Bytes of an answer, to the accuracy of what is large: values, and pages of them. */
const bytesOf = (value: unknown): number => {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let sum = 16;
  for (const part of Object.values(value)) sum += typeof part === 'string' ? part.length : bytesOf(part);
  return sum;
};
