import test from 'ava';
import { rankHosts } from '../../../agent/compute/place/place.ts';
import { openPromises } from '../../../agent/compute/place/promises.ts';
import type { Member } from '../../../agent/membership/port.ts';
import type { HostId } from '../../../proto/ids.ts';
import { aVitals } from '../samples.ts';

const member = (hostId: string, changes: Partial<Member> = {}): Member => ({
  hostId: hostId as HostId,
  name: hostId,
  state: 'alive',
  incarnation: 1,
  vitals: aVitals(),
  ...changes,
});
const one = { vcpus: 1, memoryMiB: 128, diskGiB: 1, zone: null };
const rank = (
  members: readonly Member[],
  placement: Parameters<typeof rankHosts>[1] = one,
  promised = new Map(),
) => rankHosts(members, placement, promised, () => 0.5);

test('placement: the host with most free memory comes first', (t) => {
  const { candidates } = rank([
    member('full', { vitals: aVitals({ memoryClaimedMiB: 800 }) }),
    member('empty'),
    member('half', { vitals: aVitals({ memoryClaimedMiB: 500 }) }),
  ]);
  t.deepEqual(
    candidates.map(({ hostId }) => hostId),
    ['empty', 'half', 'full'],
  );
});

test('placement: a host that cannot is left out, and the reasons are counted', (t) => {
  const { candidates, reasons } = rank([
    member('dead', { state: 'dead' }),
    member('suspect', { state: 'suspect' }),
    member('draining', { state: 'draining' }),
    member('silent', { vitals: aVitals({ hypervisors: [], computeRefusal: 'qemu is missing' }) }),
    member('small', { vitals: aVitals({ memoryTotalMiB: 100 }) }),
    member('busy', { vitals: aVitals({ vcpusClaimed: 4 }) }),
    member('filled', { vitals: aVitals({ diskClaimedGiB: 10 }) }),
    { hostId: 'unheard' as HostId, name: 'unheard', state: 'alive', incarnation: 1 },
  ]);
  t.deepEqual(candidates, []);
  t.is(
    reasons,
    '3 of 8 hosts are not alive; 2 of 8 hosts have no hypervisor; 1 of 8 hosts lack memory; 1 of 8 hosts lack vCPUs; 1 of 8 hosts lack disk; qemu is missing',
  );
});

test('placement: a zone that is asked for is kept', (t) => {
  const card = (zone: string) => ({ card: { zone } as NonNullable<Member['card']> });
  const { candidates } = rank([member('a', card('z1')), member('b', card('z2'))], { ...one, zone: 'z2' });
  t.deepEqual(
    candidates.map(({ hostId }) => hostId),
    ['b'],
  );
});

test('placement: room promised since the last vitals counts as taken, and no longer once they tell of it', (t) => {
  let nowMs = 1_000;
  const vitals = { a: aVitals({ atMs: 500 }), b: aVitals({ atMs: 500, memoryClaimedMiB: 100 }) };
  const list = () => [member('a', { vitals: vitals.a }), member('b', { vitals: vitals.b })];
  const promises = openPromises({
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    members: {
      self: 'a' as HostId,
      list,
      get: () => undefined,
      isReachable: () => true,
      onChange: () => () => undefined,
    },
  });
  const first = () => rank(list(), one, promises.current() as Map<string, never>).candidates[0]?.hostId;
  t.is(first(), 'a' as HostId);
  promises.add('a', one);
  t.is(first(), 'b' as HostId);
  vitals.a = aVitals({ atMs: 2_000 });
  t.is(first(), 'a' as HostId);
  promises.add('b', one);
  nowMs += 60_000;
  t.is(promises.current().size, 0, 'a promise does not last');
});
