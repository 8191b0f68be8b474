import test from 'ava';
import { tells } from '../../agent/chunk/tell.ts';
import type { Members } from '../../agent/membership/port.ts';
import type { Ring } from '../../agent/ring/port.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';

const host = `12D3Koo${'B'.repeat(45)}` as HostId;
const idOf = (index: number): ChunkId => index.toString(16).padStart(64, '0') as ChunkId;

test('notices: what waits is counted right while many come and go at once', async (t) => {
  const store = memoryKeyValue();
  const ring = { partitionOf: () => 0, owners: () => [host] } as unknown as Ring;
  const members = { isReachable: () => true } as unknown as Members;
  const open = () => tells({ store, ring, members, ask: async () => ({ queued: 0 }) as never });
  const notices = open();
  const ids = Array.from({ length: 50 }, (_, index) => idOf(index));
  await Promise.all(ids.map((id) => notices.add(host, [id])));
  t.is(notices.count, ids.length);
  await Promise.all([notices.deliver(new AbortController().signal), notices.add(host, [idOf(99)])]);
  await notices.deliver(new AbortController().signal);
  t.is(notices.count, 0);
  t.is(open().count, 0, 'as on disk');
});
