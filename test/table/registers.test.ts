import test from 'ava';
import { steadyClock, steadyTimers } from '../fake/steady-time.ts';
import { type Cluster, cluster, until } from './cluster.ts';
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
      await steadyTimers.sleep(500);
      if (host) net.silent.delete(host.id);
      await steadyTimers.sleep(100);
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
    const start = steadyClock.monotonicMs();
    for (let key = 0; key < 8; key++) await other?.change('p', `r${key}`, up);
    t.true(
      steadyClock.monotonicMs() - start < 5_000,
      'one patience for the silent host, not one for each change',
    );
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
  const kinds: string[] = [];
  net.onRequest = (_to, body) => {
    for (const operation of (body as { operations: { do: string; request?: { kind: string } }[] }).operations)
      kinds.push(`${operation.do} ${operation.request?.kind}`);
  };
  await counters[0]?.change('p', 'r', up);
  // The third copy is on its way when the change is done.
  await until(() => kinds.filter((kind) => kind === 'register accept').length === 2);
  kinds.length = 0;
  for (let turn = 0; turn < 9; turn++) t.deepEqual(await counters[turn % 3]?.get('p', 'r'), { count: 1 });
  t.deepEqual([...new Set(kinds)], ['register read']);
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

const runnerOf = ({ hosts }: Pick<Cluster, 'hosts'>): number =>
  hosts.findIndex(({ id, ring }) => ring.ownerSets(ring.partitionOf('counter\0p'))[0]?.owners[0] === id);

test('registers: a host far from the one that runs the changes loses two rounds at most', async (t) => {
  const { counters, net, hosts } = await open(t, { compareEveryMs: 60_000 });
  const runner = runnerOf({ hosts });
  const far = (runner + 1) % 3;
  const farId = hosts[far]?.id;
  let asked = 0;
  net.hold = (from, to, body) => {
    const [operation] = (body as { operations: { do: string }[] }).operations;
    if (from === farId && operation?.do === 'change') asked++;
    return from === farId || to === farId ? steadyTimers.sleep(20) : undefined;
  };
  let [isOver, near] = [false, 0];
  const others = [0, 1, 2, 3, 4, 5].map(async (index) => {
    for (; !isOver; near++) await counters[(far + 1 + (index % 2)) % 3]?.change('p', 'r', up);
  });
  for (let turn = 0; turn < 10; turn++) await counters[far]?.change('p', 'r', up);
  isOver = true;
  await Promise.all(others);
  t.log({ asked, near });
  t.true(near > 50, 'the others were busy all the while');
  t.true(asked <= 35, `${asked} rounds for 10 changes`);
  t.deepEqual(await counters[runner]?.get('p', 'r'), { count: near + 10 });
});

test('registers: callers of one host share a round, each built on the one before', async (t) => {
  const { counters, net } = await open(t, { compareEveryMs: 60_000 });
  await counters[0]?.change('p', 'r', up);
  let accepts = 0;
  net.onRequest = (_to, body) => {
    for (const { request } of (body as { operations: { request?: { kind: string } }[] }).operations)
      if (request?.kind === 'accept') accepts++;
  };
  const counted = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      counters[1]
        ?.change('p', 'r', (row) => {
          if (index === 20) throw new Error('not I');
          return up(row);
        })
        .catch(({ message }: Error) => message),
    ),
  );
  const counts = counted.flatMap((row) => (typeof row === 'object' ? row.count : []));
  t.deepEqual(
    counts,
    Array.from({ length: 39 }, (_, index) => index + 2),
  );
  t.is(counted[20], 'not I');
  t.deepEqual(await counters[2]?.get('p', 'r'), { count: 40 });
  t.true(accepts <= 9, `${accepts} messages to accept`);
});

test('registers: a runner that hangs with a change in hand is passed over, and the change made once', async (t) => {
  const { counters, net, hosts } = await open(t, { compareEveryMs: 60_000 });
  await counters[0]?.change('p', 'r', up);
  const runner = hosts[runnerOf({ hosts })];
  // Its answers are lost from the moment it is asked to run a change; what it tells acceptors arrives late.
  net.onRequest = (to, body) => {
    const [operation] = (body as { operations: { do: string }[] }).operations;
    if (to === runner?.id && operation?.do === 'change') steadyTimers.after(1, () => net.silent.add(to));
  };
  const others = counters.filter((_, index) => hosts[index] !== runner);
  const made = Promise.all(others.flatMap((table) => [0, 1, 2].map(() => table.change('p', 'r', up))));
  const rows = await made;
  net.onRequest = () => {};
  net.silent.clear();
  t.deepEqual(rows.map((row) => row?.count).sort(), [2, 3, 4, 5, 6, 7]);
  for (const table of counters) t.deepEqual(await table.get('p', 'r'), { count: 7 });
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
