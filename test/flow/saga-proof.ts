/**
 * The four tests that every saga passes, and a fifth that its host makes: it succeeds; failing at each step unwinds
 * to nothing; undo twice is harmless; actions twice are harmless; killed at every write, it ends one way or the other.
 */
import type { ExecutionContext, TestFn } from 'ava';
import type { SagaKind, SagaStep } from '../../agent/flow/port.ts';
import { openSagas } from '../../agent/flow/sagas.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { ShoalError } from '../../proto/error.ts';
import { mortal } from './mortal.ts';

export interface SagaSubject<State> {
  readonly kind: SagaKind<State>;
  readonly state: State;
  /** All that the saga leaves in the world, as plain data. */
  trace(): unknown;
}

const quiet = systemRuntime({ level: 'error', destination: { write: () => undefined } });
/** Retries must not slow the proof: every wait is a turn of the event loop. */
export const impatient = {
  ...quiet,
  timers: { ...quiet.timers, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) },
};

const twice = <State>(step: SagaStep<State>, act: boolean, undo: boolean): SagaStep<State> => ({
  name: step.name,
  async act(state, signal) {
    if (act) await step.act(state, signal);
    return step.act(state, signal);
  },
  async undo(state, signal) {
    if (undo) await step.undo?.(state, signal);
    await step.undo?.(state, signal);
  },
});

const runOnce = async <State>(
  subject: SagaSubject<State>,
  steps: readonly SagaStep<State>[],
): Promise<Error | undefined> => {
  const sagas = openSagas({ keyValue: memoryKeyValue(), runtime: impatient });
  sagas.define({ ...subject.kind, steps });
  await sagas.start(subject.kind.name, 'proof', subject.state);
  return sagas.wait('proof').then(
    () => undefined,
    (thrown: Error) => thrown,
  );
};

const broken = (): never => {
  throw new ShoalError('INTERNAL', 'planted');
};

/** `fresh` makes a new world with the saga ready to run; `done` checks the world after success. */
export const proveSaga = <State>(
  test: TestFn,
  name: string,
  fresh: () => SagaSubject<State> | Promise<SagaSubject<State>>,
  done: (t: ExecutionContext, trace: unknown) => void,
): void => {
  test(`${name}: it succeeds`, async (t) => {
    const subject = await fresh();
    t.is(await runOnce(subject, subject.kind.steps), undefined);
    done(t, subject.trace());
  });

  for (const undoTwice of [false, true])
    test(`${name}: failing at each step unwinds to nothing${undoTwice ? ', undoing twice too' : ''}`, async (t) => {
      const count = (await fresh()).kind.steps.length;
      for (let failing = 0; failing < count; failing += 1)
        for (const late of [false, true]) {
          const subject = await fresh();
          const nothing = structuredClone(subject.trace());
          const steps = subject.kind.steps.map((step, place) => ({
            ...twice(step, false, undoTwice),
            async act(state: State, signal: AbortSignal) {
              if (place === failing && !late) broken();
              const next = await step.act(state, signal);
              return place === failing ? broken() : next;
            },
          }));
          t.regex((await runOnce(subject, steps))?.message ?? '', /planted/);
          t.deepEqual(subject.trace(), nothing, `step ${failing}, ${late ? 'after' : 'before'} its action`);
        }
    });

  test(`${name}: actions twice are harmless`, async (t) => {
    const subject = await fresh();
    const steps = subject.kind.steps.map((step) => twice(step, true, false));
    t.is(await runOnce(subject, steps), undefined);
    done(t, subject.trace());
  });

  test(`${name}: killed at every write, the next agent finishes it`, async (t) => {
    for (let writes = 1; ; writes += 1) {
      const subject = await fresh();
      const disk = memoryKeyValue();
      const dying = mortal(disk, writes);
      const first = openSagas({ keyValue: dying, runtime: impatient });
      first.define(subject.kind);
      await first.start(subject.kind.name, 'proof', subject.state);
      const ended = first.wait('proof').then(() => 'ended' as const);
      if ((await Promise.race([ended, dying.died.then(() => 'died' as const)])) === 'ended') break;
      const second = openSagas({ keyValue: disk, runtime: impatient });
      second.define(subject.kind);
      await second.resume();
      await second.wait('proof');
      done(t, subject.trace());
    }
  });
};
