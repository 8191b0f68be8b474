/**
 * Server access logs. Each host keeps the lines of the requests that it answered and makes objects of them in the bucket that
 * their bucket names:
 *
 *   request answered --> line --> spool (this host's disk) --> object in the target, then the lines go
 *                                    \__ no leave, no bucket, no quorum: once more, for `accessLogLifeMs`
 *
 * A death between the object and the end of its lines delivers them twice. No request waits for its line.
 */
import { asShoalError } from '../../../proto/error.ts';
import { startReconciler } from '../../flow/reconciler.ts';
import type { KeyValue } from '../../store/key-value.ts';
import type { Context } from '../context.ts';
import {
  accessLogDropsToldMs,
  accessLogLifeMs,
  accessLogObjectBytes,
  accessLogPeriodMs,
  accessLogRetryMs,
  accessLogWriteMs,
} from '../limits.ts';
import { deliverLog } from './deliver-log.ts';
import { dayOf } from './log-name.ts';
import { type AccessRecord, lineOf } from './record.ts';
import { type Log, openSpool, type Waiting } from './spool.ts';

export interface AccessLog {
  /** @param id of the bucket's container */
  note(id: string, record: AccessRecord): void;
  /** What waits stays on disk. */
  stop(): Promise<void>;
}

export const openAccessLog = (
  context: Context,
  keyValue: KeyValue,
  { region, periodMs = accessLogPeriodMs }: { readonly region: string; readonly periodMs?: number },
): AccessLog => {
  const { clock, timers } = context.runtime;
  const log = context.runtime.log.with({ part: 'access-log' });
  const spool = openSpool(keyValue);
  /** Of these it was said that they cannot be delivered. */
  const troubled = new Set<string>();
  let dropped = 0;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let cancelWrite: (() => void) | undefined;
  let cancelLook: (() => void) | undefined;

  const tell = (action: string, { project, bucket }: Log, detail: Record<string, unknown>): void => {
    log.warn(action, { bucket, ...detail });
    context.journal.append({
      ...{ requestId: null, actor: null, action, outcome: 'failed', detail },
      target: `${project}/${bucket}`,
    });
  };

  const drop = (of: Log): void => {
    dropped += 1;
    const nowMs = clock.monotonicMs();
    if (nowMs - toldAtMs < accessLogDropsToldMs) return;
    toldAtMs = nowMs;
    tell('access-log.drop', of, { lines: dropped, why: 'too many lines wait' });
    dropped = 0;
  };

  const write = (): void => {
    cancelWrite = undefined;
    spool
      .write(clock.wallMs())
      .catch((thrown) => log.warn('lines cannot be written yet', { error: String(thrown) }));
  };

  const dueMs = ({ sinceMs, bytes }: Waiting): number =>
    bytes >= accessLogObjectBytes ? 0 : sinceMs + periodMs;

  /** For what is not due yet; what was due and could not be delivered waits for the next look. */
  const arm = (): void => {
    if (cancelLook) return;
    const nowMs = clock.wallMs();
    const next = spool
      .waiting()
      .map(dueMs)
      .filter((atMs) => atMs > nowMs);
    if (next.length === 0) return;
    cancelLook = timers.after(Math.min(...next, nowMs + periodMs) - nowMs, () => {
      cancelLook = undefined;
      worker.poke();
    });
  };

  const deliver = async (of: Log, sinceMs: number): Promise<void> => {
    const { keys, text } = spool.read(of, accessLogObjectBytes);
    if (keys.length === 0) return;
    try {
      await deliverLog(context, of, text, { region });
    } catch (thrown) {
      const { code, message } = asShoalError(thrown);
      if (clock.wallMs() - sinceMs < accessLogLifeMs) {
        if (!troubled.has(of.id)) tell('access-log.refused', of, { code, why: message });
        troubled.add(of.id);
        return;
      }
      tell('access-log.drop', of, { bytes: text.length, why: 'no bucket took the lines' });
    }
    troubled.delete(of.id);
    await spool.drop(of, keys, text, clock.wallMs());
    if (spool.waiting().some((one) => one.log === of && one.bytes >= accessLogObjectBytes)) worker.poke();
  };

  const worker = startReconciler(
    {
      runtime: context.runtime,
      async reconcile(signal) {
        const due = spool.waiting().filter((one) => dueMs(one) <= clock.wallMs());
        if (due.length > 0) await spool.write(clock.wallMs());
        for (const { log: of, sinceMs } of due) {
          signal.throwIfAborted();
          await deliver(of, sinceMs);
        }
        arm();
      },
    },
    { name: 'access-log', periodMs: accessLogRetryMs },
  );

  return {
    note(id, record) {
      const of = { id, project: record.owner, bucket: record.bucket, day: dayOf(record.atMs) };
      const waiting = spool.add(of, lineOf(record), clock.wallMs());
      if (!waiting) {
        drop(of);
        return;
      }
      cancelWrite ??= timers.after(accessLogWriteMs, write);
      if (waiting.bytes >= accessLogObjectBytes && !troubled.has(id)) worker.poke();
      else arm();
    },
    async stop() {
      cancelWrite?.();
      cancelLook?.();
      await worker.stop();
      cancelLook?.();
      await spool.write(clock.wallMs());
    },
  };
};
