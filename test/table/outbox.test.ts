import test from 'ava';
import type { Rpc } from '../../agent/peer/port.ts';
import { attemptTimeoutMs, changeTimeoutMs } from '../../agent/table/limits.ts';
import { outbox } from '../../agent/table/outbox.ts';
import { ShoalError } from '../../proto/error.ts';
import type { Operation } from '../../proto/message/table.ts';
import { hostId } from './cluster.ts';

const read: Operation<'register'> = {
  ...{ do: 'register', table: 't', partitionKey: 'p', sortKey: 'r', request: { kind: 'read' } },
};

/** The first message times out when so much time has passed, the next is answered. */
const lateBy = (afterMs: number) => {
  let nowMs = 0;
  let sent = 0;
  const rpc = {
    self: hostId(0),
    async request() {
      if (++sent > 1) return { answers: [{ value: { kind: 'state', accepted: null } }] };
      nowMs += afterMs;
      throw new ShoalError('TIMEOUT', 'no answer');
    },
  } as unknown as Rpc;
  const { ask } = outbox({
    ...{ rpc, clock: { monotonicMs: () => nowMs }, local: async () => null, lives: () => ({}) },
  });
  return { ask, sent: () => sent };
};

test('outbox: a timeout of a process that stood still says nothing, so the message is sent again', async (t) => {
  const { ask, sent } = lateBy(attemptTimeoutMs + 5_000);
  t.deepEqual(await ask<'register'>(hostId(1), 1, read), { kind: 'state', accepted: null });
  t.is(sent(), 2);
});

test('outbox: a timeout in time is one', async (t) => {
  const { ask, sent } = lateBy(attemptTimeoutMs + 1);
  await t.throwsAsync(ask<'register'>(hostId(1), 1, read), { code: 'TIMEOUT' });
  t.is(sent(), 1);
});

test('outbox: a change is never sent twice', async (t) => {
  const { ask, sent } = lateBy(changeTimeoutMs + 5_000);
  const change = { ...read, do: 'change', set: null, isLoser: false } as const;
  await t.throwsAsync(ask<'change'>(hostId(1), 1, change), { code: 'TIMEOUT' });
  t.is(sent(), 1);
});

test('outbox: a message goes by the oldest layout of those that share it', async (t) => {
  const bodies: unknown[] = [];
  const rpc = {
    self: hostId(0),
    async request(_to: unknown, _method: unknown, body: { readonly operations: readonly unknown[] }) {
      bodies.push(body);
      return { answers: body.operations.map(() => ({ value: { kind: 'state', accepted: null } })) };
    },
  } as unknown as Rpc;
  const { ask } = outbox({
    ...{ rpc, clock: { monotonicMs: () => 0 }, local: async () => null, lives: () => ({}) },
  });
  await Promise.all([3, 2, 4].map((layout) => ask<'register'>(hostId(1), layout, read)));
  t.deepEqual(bodies, [{ layout: 2, operations: [read, read, read] }]);
});

test('outbox: what an owner asks of itself comes with its layout as well', async (t) => {
  const rpc = { self: hostId(0) } as unknown as Rpc;
  const local = async (_operation: unknown, layout: number): Promise<unknown> => {
    throw new ShoalError('STALE_LAYOUT', `layout ${layout}`);
  };
  const { ask } = outbox({ ...{ rpc, clock: { monotonicMs: () => 0 }, local, lives: () => ({}) } });
  await t.throwsAsync(ask<'register'>(hostId(0), 1, read), { code: 'STALE_LAYOUT', message: 'layout 1' });
});
