import test from 'ava';
import { sub } from '../../agent/store/namespace.ts';
import { cluster, hostId } from './cluster.ts';

const row = { table: 'thing', partitionKey: 'p', sortKey: 'k' };
const stamp = { wallMs: 1, count: 0, host: hostId(1) };
const put = { do: 'put', ...row, stamp, weight: 1, value: Uint8Array.of(1), repair: false };
const ballot = { round: 5, host: hostId(1), run: 1 };
const accepted = { ballot, value: Uint8Array.of(1), lineage: [1] };

const shapes: Record<string, unknown> = {
  'no object': 'put',
  nothing: null,
  'no operations': { layout: 1 },
  'operations that are no list': { layout: 1, operations: { 0: put, length: 1 } },
  'an unknown operation': { layout: 1, operations: [{ ...put, do: 'drop' }] },
  'a prototype for a name': { layout: 1, operations: [{ ...put, do: 'constructor' }] },
  'no stamp': { layout: 1, operations: [{ ...put, stamp: undefined }] },
  'a stamp that is not a number': {
    layout: 1,
    operations: [{ ...put, stamp: { ...stamp, wallMs: Number.NaN } }],
  },
  'a value that is text': { layout: 1, operations: [{ ...put, value: 'text' }] },
  'a weight that is text': { layout: 1, operations: [{ ...put, weight: '1' }] },
  'a layout below zero': { layout: -1, operations: [put] },
  'one good and one bad': { layout: 1, operations: [put, { ...put, sortKey: 7 }] },
  'a batch beyond the bound': { layout: 1, operations: Array.from({ length: 2_000 }, () => put) },
  'a digest of three bytes': {
    layout: 1,
    operations: [{ do: 'fetch', partition: 1, keys: [Uint8Array.of(1, 2, 3)] }],
  },
  'a ballot beyond all others': {
    layout: 1,
    operations: [
      { do: 'register', ...row, request: { kind: 'prepare', ballot: { ...ballot, round: 2 ** 53 - 1 } } },
    ],
  },
};

for (const [name, body] of Object.entries(shapes))
  test(`hostile: a message with ${name} is refused whole and changes nothing`, async (t) => {
    const { hosts, net } = await cluster(t);
    const target = hosts[0];
    if (!target) return t.fail();
    const before = [...sub(target.keyValue, 'table').range({})].length;
    const rpc = net.rpc(hostId(7));
    await t.throwsAsync(rpc.request(target.id, 'table.ask', body), { code: 'BAD_REQUEST' });
    t.is([...sub(target.keyValue, 'table').range({})].length, before);
  });

const operations: Record<string, object> = {
  'a sort key of 2,000 bytes': { ...put, sortKey: 'x'.repeat(2_000) },
  'a table without a name': { ...put, table: '' },
  'a value of 2 MiB': { ...put, value: new Uint8Array(2 * 1024 * 1024) },
  'a row for a partition that is not its own': {
    ...{ do: 'push', partition: 3 },
    rows: [1, 2, 3, 4].map((n) => ({
      ...row,
      partitionKey: `${n}`,
      state: { kind: 'lww', stamp, weight: 1, value: null },
    })),
  },
  'a promise below what it accepts': {
    ...{ do: 'register', ...row },
    request: { kind: 'accept', accepted, next: { ...ballot, round: 4 } },
  },
  'roots without digests': { do: 'roots', partitions: [1, 2], digests: new Uint8Array(5) },
};

for (const [name, operation] of Object.entries(operations))
  test(`hostile: an operation with ${name} fails alone`, async (t) => {
    const { hosts, net } = await cluster(t);
    const target = hosts[0];
    if (!target) return t.fail();
    const rpc = net.rpc(hosts[1]?.id ?? hostId(7));
    const { answers } = (await rpc.request(target.id, 'table.ask', {
      layout: 1,
      operations: [
        operation,
        { ...put, sortKey: 'good' },
        { do: 'tally', table: 'thing', partitionKey: 'p' },
      ],
    })) as { answers: { error?: { code: string }; value?: unknown }[] };
    t.regex(answers[0]?.error?.code ?? '', /BAD_REQUEST|TOO_LARGE/);
    t.deepEqual(answers[1]?.value, { kind: 'held' });
    const [after] = (
      (await rpc.request(target.id, 'table.ask', {
        layout: 1,
        operations: [{ do: 'tally', table: 'thing', partitionKey: 'p' }],
      })) as { answers: { value: { rows: number } }[] }
    ).answers;
    t.is(after?.value.rows, 1, 'only the good row is there');
  });

test('hostile: an owner whose answers make no sense counts as one that did not answer', async (t) => {
  const { hosts, net } = await cluster(t);
  const [a, b, c] = hosts;
  if (!a || !b || !c) return t.fail();
  const rows = a.tables.rows<{ size: number }>({ name: 'thing' });
  await rows.put('p', 'k', { size: 1 });
  for (const nonsense of [null, 'x', {}, { answers: [] }, { answers: [{ value: { kind: 'lww' } }] }]) {
    net.rpc(c.id).handle('table.ask', () => nonsense);
    await rows.put('p', 'k', { size: 2 });
    t.is((await rows.get('p', 'k'))?.size, 2);
    t.is((await rows.range('p', { limit: 5 })).entries.length, 1);
  }
});
