import test from 'ava';
import { openClaims } from '../../agent/compute/claims.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';

const one = { vcpus: 1, memoryMiB: 128, diskGiB: 1, zone: null };
test('claims: of many for the last room one wins, and it is on disk', async (t) => {
  const disk = memoryKeyValue();
  const claims = openClaims(disk);
  const capacity = { vcpus: 8, memoryMiB: 200, diskGiB: 10 };
  const ids = Array.from({ length: 10 }, () => crypto.randomUUID());
  const claim = (serverId: string) => claims.take({ serverId, projectId: 'p', ...one, atMs: 1 }, capacity);
  const results = await Promise.allSettled(ids.map(claim));
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
  const [lost] = results.filter((result) => result.status === 'rejected');
  t.regex(String(lost?.reason), /128 MiB of memory are wanted, 72 are free/);
  const [winner] = openClaims(disk).list();
  if (!winner) throw new Error('nobody won');
  await claim(winner.serverId);
  t.is(claims.list().length, 1, 'claiming twice is claiming once');
  await claims.release(winner.serverId);
  await claims.release(winner.serverId);
  t.deepEqual(claims.total(), { vcpus: 0, memoryMiB: 0, diskGiB: 0 });
});
