import test from 'ava';
import { sharedReads } from '../../agent/table/shared-read.ts';
import { cluster } from './cluster.ts';

interface Counter {
  readonly count: number;
}

/** Turns that end when the test says so. */
const turns = () => {
  const works: (() => void)[] = [];
  return {
    soon: (work: () => void) => void works.push(work),
    end() {
      for (const work of works.splice(0)) work();
    },
  };
};

test('shared read: it begins after all whom it serves have asked, and nobody joins one that has begun', async (t) => {
  const { soon, end } = turns();
  let stands = 0;
  const shared = sharedReads<number>(soon);
  const read = async (): Promise<number> => stands;
  const [a, other] = [shared('row', read), shared('other', async () => -1)];
  stands = 1;
  const b = shared('row', read);
  t.is(a, b);
  end();
  stands = 2;
  const c = shared('row', read);
  end();
  t.deepEqual(await Promise.all([a, b, c, other]), [1, 1, 2, -1]);
});

test('shared read: a failure is told to all who share it, and to nobody after them', async (t) => {
  const { soon, end } = turns();
  let isUp = false;
  const shared = sharedReads<string>(soon);
  const read = async (): Promise<string> => {
    if (!isUp) throw new Error('no quorum');
    return 'row';
  };
  const both = [shared('row', read), shared('row', read)];
  end();
  for (const each of both) await t.throwsAsync(each, { message: 'no quorum' });
  isUp = true;
  const after = shared('row', read);
  end();
  t.is(await after, 'row');
});

test('registers: who asks in one turn is served by one question to the owners, whoever asks in the next sees what came between', async (t) => {
  const { hosts, net } = await cluster(t, { compareEveryMs: 60_000 });
  const counters = hosts.map(({ tables }) => tables.registers<Counter>({ name: 'counter' }));
  const up = (row: Counter | undefined): Counter => ({ count: (row?.count ?? 0) + 1 });
  await counters[0]?.change('p', 'r', up);
  let questions = 0;
  net.onRequest = (_to, body) => {
    for (const operation of (body as { operations: { do: string; request?: { kind: string } }[] }).operations)
      if (operation.request?.kind === 'read') questions += 1;
  };
  const ask = (callers: number) =>
    Promise.all(Array.from({ length: callers }, () => counters[1]?.get('p', 'r')));
  const first = await ask(100);
  // One to each other owner at most, were the nearest of them slow.
  t.true(questions <= 2, `${questions} questions`);
  t.true(first.every((row) => row?.count === 1));
  for (let count = 2; count < 10; count++) {
    const early = ask(3);
    await counters[count % 3]?.change('p', 'r', up);
    t.true((await ask(3)).every((row) => row?.count === count));
    await early;
  }
});
