import test from 'ava';
import { openRegisters, type RegisterCoordinator } from '../../agent/table/registers.ts';
import { ShoalError } from '../../proto/error.ts';
import { cluster, hostId } from './cluster.ts';
import { isShoalError } from './weather.ts';

interface Counter {
  readonly count: number;
}
const up = (row: Counter | undefined): Counter => ({ count: (row?.count ?? 0) + 1 });

const open = async (...args: Parameters<typeof cluster>) => {
  const c = await cluster(...args);
  return {
    ...c,
    counters: c.hosts.map(({ tables }) => tables.registers<Counter>({ name: 'counter' })),
  };
};

test('registers: while hosts fall silent, no count is lost and none is made up', async (t) => {
  const { counters, net, hosts } = await open(t, { compareEveryMs: 100 });
  Object.assign(net.weather, { delayMs: 2, doubles: 0.2 });
  let [sure, unsure, over] = [0, 0, false];
  const caller = async (index: number): Promise<void> => {
    for (let turn = 0; turn < 8; turn++)
      try {
        await counters[(index + turn) % 3]?.change('p', 'r', up);
        sure++;
      } catch (thrown) {
        // CONTENDED says that nothing happened; QUORUM_MISSED says that nobody knows.
        if (isShoalError(thrown, 'QUORUM_MISSED')) unsure++;
        else if (!isShoalError(thrown, 'CONTENDED', 'TIMEOUT', 'UNREACHABLE')) throw thrown;
      }
  };
  const outages = async (): Promise<void> => {
    for (let turn = 0; !over; turn++) {
      const host = hosts[turn % 3];
      if (host) net.silent.add(host.id);
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (host) net.silent.delete(host.id);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const trouble = outages();
  await Promise.all(Array.from({ length: 12 }, (_, index) => caller(index)));
  over = true;
  await trouble;
  const found = (await counters[0]?.get('p', 'r'))?.count ?? 0;
  t.log({ sure, unsure, found });
  t.true(found >= sure && found <= sure + unsure, `${found} counted, ${sure} sure, ${unsure} unsure`);
  t.true(sure >= 48, `${sure} of 96 came through`);
});

test('registers: any host runs a change when the first owner does not answer', async (t) => {
  const { counters, net, hosts } = await open(t);
  for (const [index, host] of hosts.entries()) {
    net.silent.add(host.id);
    const other = counters[(index + 1) % 3];
    const start = performance.now();
    for (let key = 0; key < 8; key++) await other?.change('p', `r${key}`, up);
    t.true(performance.now() - start < 5_000, 'one patience for the silent host, not one for each change');
    net.silent.delete(host.id);
  }
  for (let key = 0; key < 8; key++) t.deepEqual(await counters[0]?.get('p', `r${key}`), { count: 3 });
});

test('registers: of racing creators exactly one wins, also when owners come and go', async (t) => {
  const { counters, net, hosts } = await open(t);
  for (let round = 0; round < 12; round++) {
    const away = hosts[round % 3];
    if (away) net.kill(away.id);
    const results = await Promise.allSettled(
      [0, 1, 2]
        .filter((index) => index !== round % 3)
        .map((index) =>
          counters[index]?.change('p', `name-${round}`, (current) => {
            if (current) throw new Error('taken');
            return { count: index };
          }),
        ),
    );
    if (away) net.revive(away.id);
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value?.count] : []));
    const lost = results.filter(({ status }) => status === 'rejected');
    t.true(won.length <= 1, `round ${round}: ${won.length} winners`);
    const stands = (await counters[round % 3]?.get('p', `name-${round}`))?.count;
    if (won.length === 1) t.is(stands, won[0]);
    else
      t.true(
        lost.some((result) => result.status === 'rejected' && isShoalError(result.reason, 'QUORUM_MISSED')),
      );
  }
});

test('registers: a read of what the owners agree on writes nothing', async (t) => {
  const { counters, net, hosts } = await open(t, { compareEveryMs: 60_000 });
  await counters[0]?.change('p', 'r', up);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const kinds = new Set<string>();
  net.onRequest = (_to, body) => {
    for (const operation of (body as { operations: { do: string; request?: { kind: string } }[] }).operations)
      kinds.add(`${operation.do} ${operation.request?.kind}`);
  };
  for (let turn = 0; turn < 9; turn++) t.deepEqual(await counters[turn % 3]?.get('p', 'r'), { count: 1 });
  t.deepEqual([...kinds], ['register read']);
  t.is(hosts.length, 3);
});

test('registers: the first owner changes a register again in one round trip', async (t) => {
  const { counters, net, hosts } = await open(t, { compareEveryMs: 60_000 });
  for (let turn = 0; turn < 3; turn++) await counters[0]?.change('p', 'r', up);
  const kinds: string[] = [];
  net.onRequest = (_to, body) => {
    for (const operation of (body as { operations: { do: string; request?: { kind: string } }[] }).operations)
      if (operation.request) kinds.push(operation.request.kind);
  };
  await counters[1]?.change('p', 'r', up);
  t.false(kinds.includes('prepare'), kinds.join(' '));
  t.deepEqual(await counters[2]?.get('p', 'r'), { count: 4 });
  t.is(hosts.length, 3);
});

test('registers: a table is rows or registers, never both', async (t) => {
  const { hosts } = await open(t);
  const [a, b] = hosts;
  t.throws(() => a?.tables.rows({ name: 'counter' }), { message: /opened twice/ });
  await a?.tables.rows<Counter>({ name: 'mixed' }).put('p', 'k', { count: 1 });
  const mixed = b?.tables.registers<Counter>({ name: 'mixed' });
  await t.throwsAsync(mixed?.change('p', 'k', up) ?? Promise.resolve(), {
    code: 'QUORUM_MISSED',
    message: /mixed/,
  });
});

test('registers: where the runner fell silent and this host was on an old layout, a change is not made again', async (t) => {
  const [self, runner] = [hostId(0), hostId(1)];
  const seen = Buffer.from('nobody changed it');
  let sets = 0;
  const world = {
    ...{ self, ring: { newest: 1, ownerSets: () => [], onChange: () => () => {} } },
    findPlace: (table: string, partitionKey: string) => ({ table, partitionKey, partition: 0 }),
    leaders: { of: () => runner, avoid() {} },
    // First it did the change and its answer was lost; meanwhile another one came, as it says when it is asked again.
    outbox: {
      ask: async () => {
        if (sets++ === 0) throw new ShoalError('TIMEOUT', 'no answer');
        return { kind: 'stale', value: seen };
      },
    },
    registers: {
      read: async () => null,
      compareAndSet: async () => {
        throw new ShoalError('STALE_LAYOUT', 'take the owners anew');
      },
    },
    timers: {
      sleep: async () => {},
      after: (_ms: number, work: () => void) => {
        setImmediate(work);
        return () => {};
      },
    },
    chance: { bytes: (count: number) => Buffer.alloc(count, 1), random: () => 0.5 },
  } as unknown as RegisterCoordinator;
  const counters = openRegisters<Counter>(world, { name: 'counter' });
  await t.throwsAsync(counters.change('p', 'r', up), { code: 'QUORUM_MISSED' });
  t.is(sets, 1);
});
