import test from 'ava';
import type { Outbox } from '../../agent/table/outbox.ts';
import { readPage } from '../../agent/table/pages.ts';
import type { Poller } from '../../agent/table/poll.ts';
import { type ErrorCode, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';

const [near, middle, far] = ['near', 'middle', 'far'] as HostId[] as [HostId, HostId, HostId];
const state = { kind: 'bytes' } as never;
const page = (hasRows: boolean) => ({
  complete: true,
  rows: [{ sortKey: 'a', mark: Uint8Array.of(1), ...(hasRows && { state }) }],
});

/** The nearest owner hangs; the others send marks, and then their rows or what they say instead. */
const list = (then: ReadonlyMap<HostId, ErrorCode | 'rows'>) => {
  const ask = async (host: HostId, _layout: number, { values }: { values: boolean }) => {
    const answer = values ? (then.get(host) ?? 'rows') : 'rows';
    if (answer !== 'rows') throw new ShoalError(answer, `Cannot answer: ${host}`);
    return page(values);
  };
  const poll: Poller['poll'] = async ({ ask: askOne, counts }) => {
    void askOne(near, counts as never).catch(() => {});
    const answers = new Map<HostId, never>();
    for (const host of [middle, far]) answers.set(host, (await askOne(host, counts as never)) as never);
    return answers;
  };
  return readPage(
    { outbox: { ask } as unknown as Outbox, poller: { poll } as Poller },
    {
      place: { table: 't', partitionKey: 'p', partition: 0 } as never,
      view: { layout: 1, sets: [{ owners: [near, middle, far], quorum: 2 }] } as never,
      range: { limit: 10 },
      bytesOf: () => Uint8Array.of(7),
      settle: async () => undefined,
    },
  );
};

test('pages: where the nearest owner hangs another sends its rows, and where that one fails the next', async (t) => {
  for (const then of [new Map(), new Map([[middle, 'UNREACHABLE' as const]])]) {
    const { entries } = await list(then);
    t.deepEqual(entries, [{ sortKey: 'a', row: Uint8Array.of(7) }]);
  }
});

test('pages: owners that answered once and no more are a missed quorum, a newer layout is told', async (t) => {
  const both = (code: ErrorCode) =>
    new Map([
      [middle, code],
      [far, code],
    ]);
  await t.throwsAsync(list(both('NOT_IMPLEMENTED')), { code: 'QUORUM_MISSED' });
  await t.throwsAsync(list(both('STALE_LAYOUT')), { code: 'STALE_LAYOUT' });
});

/** Two owners of which each says what it holds now; `asked` is what they were asked for. */
const listLong = async (sums: { near: number; middle: number; page?: number }, marks = sums) => {
  const asked: string[] = [];
  const digests = { [near]: sums.near, [middle]: sums.middle } as Record<HostId, number>;
  const ask = async (
    host: HostId,
    _layout: number,
    { do: name, values }: { do: string; values?: boolean },
  ) => {
    asked.push(`${host} ${name === 'tally' ? 'digest' : values ? 'rows' : 'marks'}`);
    if (name === 'tally') return { rows: 1, weight: 1, digest: Uint8Array.of(digests[host] ?? 0) };
    const mark = Uint8Array.of(host === near ? marks.near : marks.middle);
    return {
      complete: true,
      rows: [{ sortKey: 'a', mark, ...(values && { state }) }],
      ...(sums.page !== 0 && { digest: Uint8Array.of(digests[host] ?? 0) }),
    };
  };
  const poll: Poller['poll'] = async ({ ask: askOne, counts }) =>
    new Map(
      await Promise.all(
        [near, middle].map(async (host) => [host, await askOne(host, counts as never)] as const),
      ),
    );
  const { entries } = await readPage(
    { outbox: { ask } as unknown as Outbox, poller: { poll } as Poller },
    {
      place: { table: 't', partitionKey: 'p', partition: 0 } as never,
      view: { layout: 1, sets: [{ owners: [near, middle, far], quorum: 2 }] } as never,
      range: { limit: 1_000 },
      bytesOf: () => Uint8Array.of(7),
      settle: async () => Uint8Array.of(8),
    },
  );
  return { asked, row: entries[0]?.row[0] };
};

test('pages: of a long one the others send a digest, and their marks only where it is another', async (t) => {
  t.deepEqual(await listLong({ near: 1, middle: 1 }), { asked: ['near rows', 'middle digest'], row: 7 });
  const again = ['near rows', 'middle digest', 'middle marks'];
  t.deepEqual(await listLong({ near: 1, middle: 2 }, { near: 5, middle: 5 }), { asked: again, row: 7 });
  t.deepEqual(await listLong({ near: 1, middle: 2 }), { asked: again, row: 8 }, 'settled');
  t.deepEqual(
    await listLong({ near: 1, middle: 1, page: 0 }),
    { asked: again, row: 7 },
    'an owner that tells no digest',
  );
});
