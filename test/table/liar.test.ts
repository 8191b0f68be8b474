/** A host of the cluster that lies. What it may do it may do (any host may write any row); its lies must not last. */
import test from 'ava';
import type { NamedRow } from '../../proto/message/row.ts';
import { cluster, hostId, until } from './cluster.ts';

const liar = hostId(7);
const row = { table: 'thing', partitionKey: 'p', sortKey: 'k' };

test('liar: two values under one ballot are healed into one', async (t) => {
  const { hosts, net } = await cluster(t);
  const [a, b] = hosts;
  if (!a || !b) return t.fail();
  const registers = a.tables.registers<{ by: string }>({ name: 'thing' });
  const rpc = net.rpc(liar);
  const ballot = { round: 3, host: liar, run: 1 };
  const lie = (value: number) => ({
    layout: 1,
    operations: [
      {
        ...{ do: 'register', ...row },
        request: {
          kind: 'accept',
          accepted: {
            ballot,
            value: Buffer.from([1, ...Buffer.alloc(8), 1, 0x81, 0xa2, 0x62, 0x79, 0xa1, 64 + value]),
            lineage: [1],
          },
          next: null,
        },
      },
    ],
  });
  for (const [at, host] of hosts.entries()) await rpc.request(host.id, 'table.ask', lie(1 + at));
  const seen = await registers.get('p', 'k');
  t.regex(seen?.by ?? '', /^[ABC]$/);
  for (const host of hosts)
    t.deepEqual(
      await (host === a ? registers : host.tables.registers<{ by: string }>({ name: 'thing' })).get('p', 'k'),
      seen,
    );
  // The comparison of the owners ends, too: nothing differs any more.
  await until(async () => {
    const states = await Promise.all(
      hosts.map(async (host) => {
        const { answers } = (await rpc.request(host.id, 'table.ask', {
          layout: 1,
          operations: [{ do: 'tally', table: 'thing', partitionKey: 'p' }],
        })) as { answers: { value: { digest: Uint8Array } }[] };
        return Buffer.from(answers[0]?.value.digest ?? []).toString('hex');
      }),
    );
    return new Set(states).size === 1;
  });
  t.is((await registers.change('p', 'k', () => ({ by: 'honest' })))?.by, 'honest');
});

test('liar: a promise beyond all ballots does not lock a register, nor the host that meets it', async (t) => {
  const { hosts, net } = await cluster(t);
  const [a] = hosts;
  if (!a) return t.fail();
  const registers = a.tables.registers<{ by: string }>({ name: 'thing' });
  const rpc = net.rpc(liar);
  for (const round of [2 ** 52, 2 ** 51])
    for (const host of hosts) {
      const { answers } = (await rpc.request(host.id, 'table.ask', {
        layout: 1,
        operations: [
          { do: 'register', ...row, request: { kind: 'prepare', ballot: { round, host: liar, run: 1 } } },
        ],
      })) as { answers: { error?: { code: string } }[] };
      t.is(answers[0]?.error?.code, 'BAD_REQUEST');
    }
  t.is((await registers.change('p', 'k', () => ({ by: 'a' })))?.by, 'a');
  t.is((await registers.change('q', 'k', () => ({ by: 'a' })))?.by, 'a');
});

test('liar: a row from the end of time can be written over', async (t) => {
  const { hosts, net } = await cluster(t);
  const [a] = hosts;
  if (!a) return t.fail();
  const rows = a.tables.rows<{ by: string }>({ name: 'thing' });
  const rpc = net.rpc(liar);
  const never = { wallMs: Number.MAX_SAFE_INTEGER, count: Number.MAX_SAFE_INTEGER, host: liar };
  const state = { kind: 'lww', stamp: never, weight: 1, value: Uint8Array.of(1, 0xc0) } as const;
  const late = { ...state, stamp: { wallMs: Date.now() + 3_600_000, count: 2 ** 32, host: liar } };
  for (const host of hosts) {
    const put = (stamp: typeof never) => ({
      do: 'put',
      ...row,
      weight: 1,
      value: Uint8Array.of(1, 0xc0),
      stamp,
      repair: true,
    });
    const push = (given: NamedRow['state']) => ({
      do: 'push',
      partition: a.ring.partitionOf('thing\0p'),
      rows: [{ ...row, state: given }],
    });
    for (const operation of [put(never), push(state)]) {
      const asked = rpc.request(host.id, 'table.ask', { layout: 1, operations: [operation] });
      await t.throwsAsync(asked, { code: 'BAD_REQUEST' });
    }
    // As far as it may go: an hour ahead, with the highest count.
    const { answers } = (await rpc.request(host.id, 'table.ask', {
      layout: 1,
      operations: [put(late.stamp)],
    })) as { answers: unknown[] };
    t.like(answers[0], { value: { kind: 'held' } });
  }
  await rows.put('p', 'k', { by: 'honest' });
  t.is((await rows.get('p', 'k'))?.by, 'honest');
});

test('liar: copies of rows are taken from their owners only', async (t) => {
  const { hosts, net } = await cluster(t, { hosts: 4, owners: 3 });
  const [a, b, , outsider] = hosts;
  if (!a || !b || !outsider) return t.fail();
  const state = { kind: 'lww', stamp: { wallMs: 1, count: 0, host: liar }, weight: 1, value: null } as const;
  const push = { do: 'push', partition: a.ring.partitionOf('thing\0p'), rows: [{ ...row, state }] };
  const from = async (host: typeof liar) => {
    const asked = net.rpc(host).request(a.id, 'table.ask', { layout: 1, operations: [push] });
    return ((await asked) as { answers: { error?: { code: string }; value?: unknown }[] }).answers[0];
  };
  t.is((await from(outsider.id))?.error?.code, 'BUSY');
  t.deepEqual((await from(b.id))?.value, { refused: [] });
});
