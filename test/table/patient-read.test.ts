import test from 'ava';
import type { Reply } from '../../agent/register/message.ts';
import { patientRead } from '../../agent/table/patient-read.ts';
import { poller } from '../../agent/table/poll.ts';
import { steadyClock, steadyTimers } from '../fake/steady-time.ts';
import { accepted, ballot, host, majority } from '../register/make.ts';

const world = {
  timers: steadyTimers,
  poller: poller({
    self: host('a'),
    members: { isReachable: () => true },
    timers: steadyTimers,
    clock: steadyClock,
  }),
};
const read = (answers: Readonly<Record<string, unknown>>) =>
  patientRead(
    world,
    [majority('abc')],
    async (from) => ({ kind: 'state', accepted: answers[from] }) as Reply,
  );

test('patient read: owners that differ are waited for, and what a quorum holds by then is read', async (t) => {
  const [old, newer] = [accepted(ballot(1, 'p'), 'old'), accepted(ballot(2, 'p'), 'newer')];
  t.deepEqual(await read({ a: old, b: newer, c: newer }), { kind: 'chosen', accepted: newer });
  t.like(await read({ a: old, b: newer, c: null }), { kind: 'split', newest: newer });
});

test('patient read: answers that nothing can be made of are as good as none', async (t) => {
  const nonsense = { ballot: null };
  t.deepEqual(await read({ a: nonsense, b: nonsense, c: nonsense }), { kind: 'missed' });
});
