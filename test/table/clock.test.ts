import test from 'ava';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { hourMs } from '../../proto/units.ts';
import { cluster, until } from './cluster.ts';

interface Thing {
  readonly size: number;
}
const monthMs = 30 * 24 * hourMs;

const open = async (t: Parameters<typeof cluster>[0]) => {
  const c = await cluster(t, { compareEveryMs: 60_000 });
  const rows = c.hosts.map(({ tables }) => tables.rows<Thing>({ name: 'thing', weight: ({ size }) => size }));
  const [a, b, d] = rows;
  const [hostA, hostB, hostC] = c.hosts;
  if (!a || !b || !d || !hostA || !hostB || !hostC) throw new Error('three hosts');
  const refused = () => c.hosts.map(({ tables }) => tables.status().stampsRefused);
  return { ...c, rows, a, b, c: d, hostA, hostB, hostC, refused };
};

const carries = (body: unknown, operation: 'put' | 'get'): boolean =>
  JSON.stringify(body).includes(`"do":"${operation}"`);

test('clock: one that is a month off, either way, on any host, costs nobody a write and is refused nothing', async (t) => {
  const { rows, hosts, refused } = await open(t);
  for (const [turn, host] of [...hosts, ...hosts].entries()) {
    host.skewMs = turn < 3 ? monthMs : -monthMs;
    for (let write = 0; write < 6; write++) {
      await rows[write % 3]?.put('p', `row-${turn}`, { size: write });
      for (const each of rows) t.is((await each.get('p', `row-${turn}`))?.size, write);
    }
    host.skewMs = 0;
  }
  // Who lags by a month and was not asked for its clock calls the others' stamps wild; the two others are a quorum.
  t.true(refused().reduce((sum, count) => sum + count, 0) <= 18, `${refused()}`);
});

test('clock: what a host with a wild one wrote in vain is outdone by what others write after it', async (t) => {
  const { a, b, c, net, hostA } = await open(t);
  await b.put('p', 'row', { size: 1 });
  hostA.skewMs = monthMs;
  // Only host A itself gets this write: it is never acknowledged, and lies on A's disk.
  net.onRequest = (_to: HostId, body: unknown) => {
    if (carries(body, 'put')) throw new ShoalError('UNREACHABLE', 'gone meanwhile');
  };
  await t.throwsAsync(a.put('p', 'row', { size: 2 }), { code: 'QUORUM_MISSED' });
  // The next writer meets it nowhere: A is away for a moment.
  net.onRequest = (to: HostId) => {
    if (to === hostA.id) throw new ShoalError('UNREACHABLE', 'gone meanwhile');
  };
  await new Promise((resolve) => setTimeout(resolve, 5));
  await b.put('p', 'row', { size: 3 });
  t.is((await c.get('p', 'row'))?.size, 3);
  net.onRequest = () => {};
  for (const rows of [a, b, c]) t.is((await rows.get('p', 'row'))?.size, 3);
});

test('clock: where two of three are wild the third refuses and counts; set right, the row is as good as any', async (t) => {
  const { a, b, c, net, hostA, hostB, hostC, refused } = await open(t);
  [hostA.skewMs, hostB.skewMs] = [monthMs, monthMs];
  net.onRequest = (to: HostId, body: unknown) => {
    if (to === hostC.id && carries(body, 'get')) throw new ShoalError('UNREACHABLE', 'slow');
  };
  await a.put('p', 'row', { size: 2 });
  await until(() => refused().join() === '0,0,1');
  net.onRequest = () => {};
  [hostA.skewMs, hostB.skewMs] = [0, 0];
  await c.put('p', 'row', { size: 3 });
  await b.put('p', 'row', { size: 4 });
  for (const rows of [a, b, c]) t.is((await rows.get('p', 'row'))?.size, 4);
  await c.put('p', 'other', { size: 1 });
  hostC.skewMs = -60_000;
  await b.put('p', 'other', { size: 2 });
  t.is((await a.get('p', 'other'))?.size, 2, 'the future stamp did not spread to other rows');
});
