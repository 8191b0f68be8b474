/**
 * Runs sagas: each step's progress is on disk before the next begins, so an agent killed anywhere carries on where
 * it was; the step it was in runs again, which is why actions and undos are idempotent.
 *
 * An action that fails with a retryable error is tried again with growing waits, a bounded number of times; any
 * other error, and a bound reached, turns the saga round. The failed step is undone too: it may have run in part.
 * An undo has no way out but to succeed, so it is tried until it does (rejected: giving up after some tries, which
 * would turn a quorum lost for a minute into a leak for ever).
 */
import { asShoalError, type ErrorCode, errorTable, ShoalError } from '../../proto/error.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import {
  actionAttemptsMax,
  finishedKeptMax,
  finishedKeptMs,
  retryFirstMs,
  retryMostMs,
  sagasOpenMax,
} from './limits.ts';
import type { SagaKind, Sagas } from './port.ts';
import { openSagaStore, type SagaRecord, type StoredFailure } from './saga-store.ts';

type AnyKind = SagaKind<unknown>;

export interface RunningSagas extends Sagas {
  /** Interrupts what runs and resolves when nothing does. The next agent resumes it. */
  stop(): Promise<void>;
}

const storedFailure = (thrown: unknown): StoredFailure => {
  const { code, message, details } = asShoalError(thrown);
  return { code, message, details };
};

const failureOf = (stored: StoredFailure | undefined): ShoalError | undefined =>
  stored &&
  new ShoalError((stored.code in errorTable ? stored.code : 'INTERNAL') as ErrorCode, stored.message, {
    details: stored.details,
  });

export const openSagas = (parts: {
  readonly keyValue: KeyValue;
  readonly runtime: Runtime;
}): RunningSagas => {
  const { clock, timers, chance } = parts.runtime;
  const log = parts.runtime.log.with({ part: 'saga' });
  const store = openSagaStore(parts.keyValue);
  const kinds = new Map<string, AnyKind>();
  const running = new Map<string, Promise<void>>();
  const stopping = new AbortController();

  /** Tries until it succeeds, `giveUp` says so, or the agent stops. */
  const insist = async <T>(
    what: string,
    attempt: (signal: AbortSignal) => T | Promise<T>,
    giveUp: (thrown: unknown, failures: number) => boolean,
  ): Promise<T> => {
    for (let failures = 1; ; failures += 1) {
      try {
        return await attempt(stopping.signal);
      } catch (thrown) {
        stopping.signal.throwIfAborted();
        if (giveUp(thrown, failures)) throw thrown;
        log.warn(`${what} failed, trying again`, { failures, error: String(thrown) });
        const limits = { baseMs: retryFirstMs, capMs: retryMostMs, random: chance.random };
        await timers.sleep(backoffMs(failures - 1, limits), stopping.signal);
      }
    }
  };
  const never = (): boolean => false;
  const hopeless = (thrown: unknown, failures: number): boolean =>
    !asShoalError(thrown).retryable || failures >= actionAttemptsMax;

  const act = async (id: string, kind: AnyKind, record: SagaRecord): Promise<SagaRecord> => {
    const step = kind.steps[record.step];
    if (!step) return { ...record, phase: 'done' };
    try {
      const state = await insist(
        `${kind.name} ${id}: ${step.name}`,
        (signal) => step.act(record.state, signal),
        hopeless,
      );
      return { ...record, state, step: record.step + 1 };
    } catch (thrown) {
      stopping.signal.throwIfAborted();
      log.warn(`${kind.name} ${id}: ${step.name} failed, undoing`, { error: String(thrown) });
      return { ...record, phase: 'undoing', failure: storedFailure(thrown) };
    }
  };

  const undo = async (id: string, kind: AnyKind, record: SagaRecord): Promise<SagaRecord> => {
    const step = kind.steps[record.step];
    if (step?.undo)
      await insist(
        `${kind.name} ${id}: undo ${step.name}`,
        async (signal) => step.undo?.(record.state, signal),
        never,
      );
    return record.step > 0 ? { ...record, step: record.step - 1 } : { ...record, phase: 'done' };
  };

  const run = async (id: string, kind: AnyKind, first: SagaRecord): Promise<void> => {
    let record = first;
    for (;;) {
      record = record.phase === 'acting' ? await act(id, kind, record) : await undo(id, kind, record);
      if (record.phase === 'done') break;
      const next = record;
      await insist(`${kind.name} ${id}: save`, () => store.save(id, next), never);
    }
    const { state, failure } = record;
    await insist(
      `${kind.name} ${id}: finished`,
      async () => kind.finished?.(state, failureOf(failure)),
      never,
    );
    const last = { ...record, finishedAtMs: clock.wallMs() };
    await insist(`${kind.name} ${id}: save`, () => store.save(id, last), never);
  };

  const launch = (id: string, record: SagaRecord): void => {
    const kind = kinds.get(record.kind);
    if (!kind) throw new Error(`saga kind ${record.kind} was never defined`);
    const work = run(id, kind, record)
      .catch((thrown: unknown) => {
        if (!stopping.signal.aborted) log.error(`${kind.name} ${id} stopped`, { error: String(thrown) });
      })
      .finally(() => running.delete(id));
    running.set(id, work);
  };

  const prune = async (): Promise<void> => {
    const done = store
      .list()
      .filter(({ record }) => record.phase === 'done')
      .sort((a, b) => b.record.finishedAtMs - a.record.finishedAtMs);
    const cutMs = clock.wallMs() - finishedKeptMs;
    const old = done.filter(({ record }, place) => place >= finishedKeptMax || record.finishedAtMs < cutMs);
    if (old.length > 0) await store.forget(old.map(({ id }) => id));
  };

  let startsUntilPrune = 0;
  return {
    define: (kind) => void kinds.set(kind.name, kind as unknown as AnyKind),

    async start(kindName, id, state) {
      if (!kinds.has(kindName)) throw new Error(`saga kind ${kindName} was never defined`);
      if (running.size >= sagasOpenMax)
        throw new ShoalError(
          'BUSY',
          `Cannot start ${kindName} ${id}: ${sagasOpenMax} others run on this host`,
        );
      // Now and then is enough: between two prunings the store grows by a bounded number of outcomes.
      if (startsUntilPrune-- <= 0) {
        startsUntilPrune = finishedKeptMax / 4;
        await prune();
      }
      const record: SagaRecord = { kind: kindName, state, phase: 'acting', step: 0, finishedAtMs: 0 };
      if ((await store.create(id, record)) && !stopping.signal.aborted) launch(id, record);
    },

    async wait(id, signal) {
      const work = running.get(id);
      if (work) await (signal ? Promise.race([work, aborted(signal)]) : work);
      stopping.signal.throwIfAborted();
      const record = store.get(id);
      if (!record) throw new ShoalError('NOT_FOUND', `Cannot wait for saga ${id}: it is not known`);
      const failure = failureOf(record.failure);
      if (failure) throw failure;
      if (record.phase !== 'done')
        throw new ShoalError('INTERNAL', `Cannot wait for saga ${id}: it does not run, see the agent's log`);
    },

    async resume() {
      await prune();
      for (const { id, record } of store.list())
        if (record.phase !== 'done' && !running.has(id)) launch(id, record);
    },

    async stop() {
      stopping.abort(new ShoalError('ABORTED', 'The agent stops'));
      await Promise.all(running.values());
    },
  };
};

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
