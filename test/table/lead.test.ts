import test from 'ava';
import { type LeadWorld, openLead } from '../../agent/table/lead.ts';
import { takeoverMs, takeoverMsMax } from '../../agent/table/limits.ts';
import { wrapValue } from '../../agent/table/row.ts';
import type { Run } from '../../agent/table/row-registers.ts';
import { type ErrorCode, ShoalError } from '../../proto/error.ts';
import { hostId } from './cluster.ts';

const [self, first, second] = [hostId(0), hostId(1), hostId(2)];
const place = { table: 't', partitionKey: 'p', partition: 0, group: new Uint8Array(16) };
const value = wrapValue(Buffer.alloc(8, 1), Buffer.from('row'));
const wish = {
  ...{ place, sortKey: 'r', isLoser: false },
  set: { expected: null, value, replaces: null, base: null },
};

/** Runners answer changes as told ('hangs': never), and reads at once if they are there. */
const bench = (
  answers: Readonly<Record<string, ErrorCode | 'hangs' | 'done'>>,
  reads: 'answered' | 'lost' = 'answered',
  own: ErrorCode | 'done' = 'done',
) => {
  const runners = [first, second, self];
  const ran: Run[] = [];
  const asked: string[] = [];
  const bases: unknown[] = [];
  let periods = 0;
  const done = { kind: 'done' as const, value, lineage: [1] };
  const world = {
    ...{ self, ring: { newest: 1, ownerSets: () => [], onChange: () => () => {} } },
    leaders: { of: () => runners[0], avoid: () => void runners.shift() },
    outbox: {
      ask(to: string, _layout: number, operation: { do: string; set: { base: unknown } }) {
        if (operation.do === 'register')
          return reads === 'lost'
            ? new Promise(() => {})
            : Promise.resolve({ kind: 'state', accepted: null });
        asked.push(to);
        bases.push(operation.set.base);
        const answer = answers[to] ?? 'done';
        if (answer === 'hangs') return new Promise(() => {});
        return answer === 'done' ? Promise.resolve(done) : Promise.reject(new ShoalError(answer, answer));
      },
    },
    registers: {
      async run(run: Run) {
        ran.push(run);
        if (own !== 'done') throw new ShoalError(own, own);
        return done;
      },
    },
    timers: {
      after(ms: number, work: () => void) {
        const timer = setTimeout(() => {
          if (ms === takeoverMs) periods++;
          work();
        }, ms / 100);
        return () => clearTimeout(timer);
      },
    },
  } as unknown as LeadWorld;
  return { lead: openLead(world), ran, asked, bases, periods: () => periods };
};

test('lead: a runner that refuses is passed over for the next, which is told that the first may have done it', async (t) => {
  const { lead, ran, asked, bases } = bench({ [first]: 'UNREACHABLE' });
  t.is((await lead(wish, [7])).kind, 'done');
  t.deepEqual(asked, [first, second]);
  t.deepEqual(bases, [null, [7]]);
  t.is(ran.length, 0);
});

test('lead: after the runners this host runs the change itself', async (t) => {
  const { lead, ran } = bench({ [first]: 'UNREACHABLE', [second]: 'TIMEOUT' });
  await lead(wish, [7]);
  t.deepEqual(
    ran.map(({ set }) => set?.base),
    [[7]],
  );
});

test('lead: a runner that answers reads is waited for longer than one that does not', async (t) => {
  const dead = bench({ [first]: 'hangs' }, 'lost');
  await dead.lead(wish, []);
  t.is(dead.periods(), 1);
  const loaded = bench({ [first]: 'hangs' }, 'answered');
  await loaded.lead(wish, []);
  t.is(loaded.periods(), takeoverMsMax / takeoverMs);
  t.deepEqual(loaded.asked, [first, second]);
});

test('lead: what was refused at the first runner was not changed; after a take-over nobody can tell', async (t) => {
  for (const code of ['CONTENDED', 'STALE_LAYOUT'] as const) {
    await t.throwsAsync(bench({ [first]: code }).lead(wish, []), { code });
    const later = bench({ [first]: 'TIMEOUT', [second]: code });
    await t.throwsAsync(later.lead(wish, []), { code: 'QUORUM_MISSED' });
    const here = bench({ [first]: 'TIMEOUT', [second]: 'TIMEOUT' }, 'answered', code);
    await t.throwsAsync(here.lead(wish, []), { code: 'QUORUM_MISSED' });
  }
});
