import test from 'ava';
import type { SagaKind } from '../../agent/flow/port.ts';
import { openSagas } from '../../agent/flow/sagas.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { ShoalError } from '../../proto/error.ts';
import { impatient, proveSaga } from './saga-proof.ts';

interface Trip {
  readonly seat: string;
  readonly booked: boolean;
}

const trip = (
  seats: Set<string>,
  moods: {
    readonly pay?: () => void;
    readonly unbook?: () => void;
    readonly finished?: (failure?: Error) => void;
  } = {},
): SagaKind<Trip> => ({
  name: 'trip',
  steps: [
    {
      name: 'book',
      async act(state) {
        seats.add(state.seat);
        return { ...state, booked: true };
      },
      async undo(state) {
        moods.unbook?.();
        seats.delete(state.seat);
      },
    },
    {
      name: 'pay',
      async act(state) {
        moods.pay?.();
        seats.add(`paid ${state.seat}`);
        return state;
      },
      async undo(state) {
        seats.delete(`paid ${state.seat}`);
      },
    },
  ],
  finished: (_state, failure) => moods.finished?.(failure),
});

const open = (kind: SagaKind<Trip>, keyValue = memoryKeyValue()) => {
  const sagas = openSagas({ keyValue, runtime: impatient });
  sagas.define(kind);
  return sagas;
};

proveSaga(
  test,
  'trip',
  () => {
    const seats = new Set<string>();
    return { kind: trip(seats), state: { seat: '7a', booked: false }, trace: () => [...seats].sort() };
  },
  (t, trace) => t.deepEqual(trace, ['7a', 'paid 7a']),
);

test('saga: the same id twice runs once', async (t) => {
  let finished = 0;
  const sagas = open(trip(new Set(), { finished: () => (finished += 1) }));
  await Promise.all([1, 2].map(() => sagas.start('trip', 'one', { seat: '1a', booked: false })));
  await sagas.wait('one');
  await sagas.start('trip', 'one', { seat: '1a', booked: false });
  await sagas.wait('one');
  t.is(finished, 1);
});

test('saga: a retryable failure is tried again until it passes', async (t) => {
  let tries = 0;
  const pay = (): void => {
    tries += 1;
    if (tries < 4) throw new ShoalError('QUORUM_MISSED', 'no quorum');
  };
  const sagas = open(trip(new Set(), { pay }));
  await sagas.start('trip', 'one', { seat: '1a', booked: false });
  await sagas.wait('one');
  t.is(tries, 4);
});

test('saga: a failure that stays turns the saga round, and its code comes out of wait', async (t) => {
  const seats = new Set<string>();
  let tries = 0;
  let told: Error | undefined;
  const pay = (): void => {
    tries += 1;
    throw new ShoalError('UNREACHABLE', 'no bank', { details: { bank: 'x' } });
  };
  const sagas = open(trip(seats, { pay, finished: (failure) => (told = failure) }));
  await sagas.start('trip', 'one', { seat: '1a', booked: false });
  const thrown = await t.throwsAsync(sagas.wait('one'), { instanceOf: ShoalError });
  t.is((thrown as ShoalError).code, 'UNREACHABLE');
  t.deepEqual((thrown as ShoalError).details, { bank: 'x' });
  t.is(told?.message, 'no bank');
  t.is(tries, 8);
  t.is(seats.size, 0);
});

test('saga: an undo is tried until it succeeds', async (t) => {
  const seats = new Set<string>();
  let undos = 0;
  const sagas = open(
    trip(seats, {
      pay: () => {
        throw new ShoalError('CONFLICT', 'no');
      },
      unbook: () => {
        undos += 1;
        if (undos < 12) throw new Error('not yet');
      },
    }),
  );
  await sagas.start('trip', 'one', { seat: '1a', booked: false });
  await t.throwsAsync(sagas.wait('one'), { message: 'no' });
  t.is(undos, 12);
  t.is(seats.size, 0);
});

test('saga: a stopped agent leaves its saga to the next one', async (t) => {
  const seats = new Set<string>();
  const disk = memoryKeyValue();
  const first = open(
    trip(seats, {
      pay: () => {
        throw new ShoalError('UNREACHABLE', 'no bank');
      },
    }),
    disk,
  );
  await first.start('trip', 'one', { seat: '1a', booked: false });
  await first.stop();
  const second = open(trip(seats), disk);
  await second.resume();
  await second.wait('one');
  t.deepEqual([...seats].sort(), ['1a', 'paid 1a']);
});

test('saga: waiting for one that nobody started says so', async (t) => {
  await t.throwsAsync(open(trip(new Set())).wait('ghost'), { message: /ghost/ });
});
