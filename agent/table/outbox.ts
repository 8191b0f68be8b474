/**
 * Operations on their way to owners. What is asked of one host at the same time travels in one message and ends up
 * in one transaction there:
 *
 *   ask ──┐
 *   ask ──┼── lane (host, read | write) ── batch, at most 8 under way ── rpc `table.ask`
 *   ask ──┘
 *
 * Reads and writes have lanes of their own, so that no read waits for an fsync that it does not need; an operation
 * that takes long (another host runs a change) goes alone. An owner on this host is called directly, behind the same fence as
 * all others: it has told them that it takes no more by an older layout, and they rely on that.
 */
import { Compile } from 'typebox/compile';
import { type ErrorCode, errorTable, hasCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import {
  type AnswerOf,
  BatchAnswer,
  type Operation,
  type OperationName,
  operations,
} from '../../proto/message/table.ts';
import type { Rpc } from '../peer/port.ts';
import type { CountLives, Lives } from '../register/lives.ts';
import type { Clock } from '../runtime/ports.ts';
import {
  attemptTimeoutMs,
  batchBytesMax,
  batchesInFlightMax,
  batchOperationsMax,
  changeTimeoutMs,
  queuedOperationsMax,
  sendsMax,
  timeoutLateMs,
} from './limits.ts';

export interface Outbox {
  /** `layout`: the version that this host's owners were taken from. Throws what the owner threw, TIMEOUT, UNREACHABLE, BUSY. */
  ask<Name extends OperationName>(
    to: HostId,
    layout: number,
    operation: Operation<Name>,
    /** Where answers count together: one that does not is thrown away with BUSY. */
    counts?: CountLives,
  ): Promise<AnswerOf<Name>>;
}

interface Waiting {
  readonly layout: number;
  readonly operation: Operation;
  readonly bytes: number;
  readonly counts: CountLives | undefined;
  readonly sinceMs: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (thrown: unknown) => void;
}

interface Batch {
  readonly layout: number;
  readonly operations: readonly Operation[];
}

interface Lane {
  readonly queue: Waiting[];
  underWay: number;
  scheduled: boolean;
}

const alone: ReadonlySet<OperationName> = new Set(['change', 'reconcile']);
const isWrite = (operation: Operation): boolean =>
  operation.do === 'put' ||
  operation.do === 'push' ||
  operation.do === 'collect' ||
  (operation.do === 'register' && operation.request.kind !== 'read');

const checkBatchAnswer = Compile(BatchAnswer);
const answerChecks = new Map(
  Object.entries(operations).map(([name, { answer }]) => [name, Compile(answer)] as const),
);

export const outbox = (world: {
  readonly rpc: Rpc;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** The operation on this host's own rows. Throws STALE_LAYOUT where it goes by an older layout than this host knows. */
  readonly local: (operation: Operation, layout: number) => Promise<unknown>;
  /** The lives that this host has noted. */
  readonly lives: () => Lives;
  /** Runs the work after the I/O of this turn. Default setImmediate. */
  readonly soon?: (work: () => void) => void;
}): Outbox => {
  const { rpc, clock, soon = setImmediate } = world;
  const lanes = new Map<string, Lane>();

  /**
   * A timer that fires long after its time says that this process stood still (stopped, starved), and nothing about the
   * host: its answer may lie in the socket. All but changes, which are run only once, may come twice; so they are sent again.
   */
  const request = async (to: HostId, body: Batch, timeoutMs: number): Promise<unknown> => {
    for (let sent = 1; ; sent++) {
      const startMs = clock.monotonicMs();
      try {
        return await rpc.request(to, 'table.ask', body, { timeoutMs });
      } catch (thrown) {
        const lateMs = clock.monotonicMs() - startMs - timeoutMs;
        const isOurs = hasCode(thrown, 'TIMEOUT') && lateMs > timeoutLateMs;
        const isHarmless = body.operations.every((operation) => operation.do !== 'change');
        if (!isOurs || !isHarmless || sent >= sendsMax) throw thrown;
      }
    }
  };

  const send = async (to: HostId, batch: readonly Waiting[], timeoutMs: number): Promise<Waiting[]> => {
    const again: Waiting[] = [];
    try {
      const body = {
        layout: Math.min(...batch.map(({ layout }) => layout)),
        operations: batch.map(({ operation }) => operation),
      };
      const answer = await request(to, body, timeoutMs);
      if (!checkBatchAnswer.Check(answer) || answer.answers.length !== batch.length)
        throw new ShoalError('INTERNAL', `Cannot read the answer of host ${to}: it has another shape`);
      for (const [index, waiting] of batch.entries()) {
        const one = answer.answers[index];
        if (one && 'again' in one) again.push(waiting);
        else if (one && 'error' in one) waiting.reject(errorOf(one.error));
        else if (!one || !answerChecks.get(waiting.operation.do)?.Check(one.value))
          waiting.reject(new ShoalError('INTERNAL', `Cannot read "${waiting.operation.do}" of host ${to}`));
        else if (waiting.counts?.(to, answer.lives) === false) waiting.reject(outlived(to));
        else waiting.resolve(one.value);
      }
    } catch (thrown) {
      for (const { reject } of batch) reject(thrown);
      return [];
    }
    return again;
  };

  const flush = (to: HostId, lane: Lane): void => {
    lane.scheduled = false;
    while (lane.queue.length > 0 && lane.underWay < batchesInFlightMax) {
      const batch: Waiting[] = [];
      let bytes = 0;
      while (batch.length < batchOperationsMax && bytes < batchBytesMax) {
        const next = lane.queue.shift();
        if (!next) break;
        if (clock.monotonicMs() - next.sinceMs > attemptTimeoutMs) {
          next.reject(
            new ShoalError('TIMEOUT', `Cannot ask host ${to}: ${lane.queue.length} more wait for it`),
          );
          continue;
        }
        batch.push(next);
        bytes += next.bytes;
      }
      if (batch.length === 0) break;
      lane.underWay++;
      void send(to, batch, attemptTimeoutMs).then((again) => {
        lane.underWay--;
        lane.queue.unshift(...again);
        flush(to, lane);
      });
    }
  };

  const enqueue = (to: HostId, waiting: Waiting): void => {
    const key = `${isWrite(waiting.operation) ? 'write' : 'read'} ${to}`;
    const lane = lanes.get(key) ?? { queue: [], underWay: 0, scheduled: false };
    lanes.set(key, lane);
    if (lane.queue.length >= queuedOperationsMax) {
      waiting.reject(
        new ShoalError('BUSY', `Cannot ask host ${to}: ${lane.queue.length} wait for it already`),
      );
      return;
    }
    lane.queue.push(waiting);
    if (lane.scheduled) return;
    lane.scheduled = true;
    // What other connections ask in the same turn shares the message.
    soon(() => flush(to, lane));
  };

  const here = async (
    operation: Operation,
    layout: number,
    counts: CountLives | undefined,
  ): Promise<unknown> => {
    const answer = await world.local(operation, layout);
    if (counts?.(rpc.self, world.lives()) === false) throw outlived(rpc.self);
    return answer;
  };

  return {
    ask(to, layout, operation, counts) {
      if (to === rpc.self) return here(operation, layout, counts) as Promise<never>;
      return new Promise((resolve, reject) => {
        const waiting: Waiting = {
          layout,
          operation,
          counts,
          bytes: bytesOf(operation),
          sinceMs: clock.monotonicMs(),
          resolve: resolve as (answer: unknown) => void,
          reject,
        };
        if (alone.has(operation.do)) void send(to, [waiting], changeTimeoutMs);
        else enqueue(to, waiting);
      });
    },
  };
};

const outlived = (host: HostId): ShoalError =>
  new ShoalError('BUSY', `Cannot count the answer of host ${host}: an owner lost its disk meanwhile`);

/** Roughly: what is large is a value. */
const bytesOf = (operation: Operation): number => {
  if (operation.do === 'put') return 512 + (operation.value?.length ?? 0);
  if (operation.do === 'push') return batchBytesMax;
  if (operation.do === 'register' && operation.request.kind === 'accept')
    return 512 + (operation.request.accepted.value?.length ?? 0);
  return 256;
};

const errorOf = ({ code, message }: { code: string; message: string }): ShoalError =>
  new ShoalError(code in errorTable ? (code as ErrorCode) : 'INTERNAL', message);
