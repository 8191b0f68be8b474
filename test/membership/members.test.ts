import test from 'ava';
import { type OwnMembers, openMembers } from '../../agent/membership/members.ts';
import type { MemberCard, Vitals } from '../../agent/membership/port.ts';
import { loopbackSettings, type SwimSettings } from '../../agent/membership/settings.ts';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import type { HostId } from '../../proto/ids.ts';
import { fakeSigner } from '../fake/signer.ts';
import { until } from '../until.ts';
import { fakeNetwork, fakeRoster, hostId } from './fake-network.ts';

const quick: SwimSettings = {
  ...loopbackSettings,
  probePeriodMs: 60,
  probeTimeoutMs: 25,
  gossipPeriodMs: 10,
  exchangePeriodMs: 300,
  reconnectPeriodMs: 60,
};

const cardOf = (name: string): MemberCard => ({
  name,
  zone: 'z1/r1',
  peerAddresses: ['/ip4/127.0.0.1/tcp/4001'],
  bulkAddress: '127.0.0.1:4002',
  apiUrl: 'http://127.0.0.1:5001',
  s3Url: null,
  capacityBytes: 1e12,
  version: '0.1.0',
});

const vitalsOf = (change: Partial<Vitals> = {}): Vitals => ({
  atMs: 1,
  storageUsedBytes: 0,
  storageFreeBytes: 1e12,
  memoryTotalMiB: 4096,
  memoryClaimedMiB: 0,
  vcpusTotal: 4,
  vcpusClaimed: 0,
  diskTotalGiB: 100,
  diskClaimedGiB: 0,
  machines: 0,
  load: 0,
  hypervisors: ['qemu-tcg'],
  computeRefusal: null,
  ...change,
});

const village = (count: number) => {
  const hosts = Array.from({ length: count }, (_, index) => hostId(index));
  const network = fakeNetwork();
  const roster = fakeRoster(hosts);
  const disks = new Map<HostId, KeyValue>();
  const opened: OwnMembers[] = [];
  return {
    hosts: hosts as [HostId, HostId, HostId],
    network,
    roster,
    async start(host: HostId, card = cardOf(`host ${hosts.indexOf(host)}`)): Promise<OwnMembers> {
      const keyValue = disks.get(host) ?? memoryKeyValue();
      disks.set(host, keyValue);
      const world = {
        runtime: network.runtime(),
        roster,
        keyValue,
        signer: fakeSigner(host),
        ...network.join(host),
      };
      const members = await openMembers(world, { card, swim: quick });
      opened.push(members);
      return members;
    },
    kill(members: OwnMembers): void {
      members.stop();
      network.kill(members.self);
    },
    loseDisk: (host: HostId): void => void disks.delete(host),
    [Symbol.dispose]() {
      for (const members of opened) members.stop();
    },
  };
};

const startAll = async (town: ReturnType<typeof village>): Promise<[OwnMembers, OwnMembers, OwnMembers]> => {
  const [a, b, c] = town.hosts;
  const all: [OwnMembers, OwnMembers, OwnMembers] = [
    await town.start(a),
    await town.start(b),
    await town.start(c),
  ];
  await until('all see all alive with their cards', () =>
    all.every((members) => members.list().every((member) => member.state === 'alive' && member.card)),
  );
  return all;
};

test('members: a host on the roster that was never heard of is listed as dead, and alive once it starts', async (t) => {
  using town = village(2);
  const [first, second] = town.hosts;
  const a = await town.start(first);
  t.is(a.get(second)?.state, 'dead');
  t.false(a.isReachable(second));
  t.is(a.get(second)?.name, `rostered ${second.slice(-2)}`, 'as the roster has it');
  const b = await town.start(second);
  await until('both see each other', () => a.isReachable(second) && b.isReachable(first));
  await until('the card is there', () => a.get(second)?.card?.name === 'host 1');
  t.is(a.get(second)?.name, 'host 1');
  t.is(a.list().length, 2);
});

test('members: a killed host is dead to all others, and alive at once when it is back with a higher incarnation', async (t) => {
  using town = village(3);
  const [a, b, c] = await startAll(town);
  const before = b.get(c.self)?.incarnation ?? 0;
  town.kill(c);
  await until('dead to both', () => [a, b].every((members) => members.get(c.self)?.state === 'dead'));
  t.is(a.get(c.self)?.card?.name, 'host 2', 'operators still see its name');
  const again = await town.start(c.self);
  await until('alive to both', () => [a, b].every((members) => members.isReachable(c.self)));
  t.true((b.get(c.self)?.incarnation ?? 0) > before);
  await until('it finds the others', () => again.isReachable(a.self));
});

test('members: a host that lost its disk starts at incarnation 1 and still becomes alive, by refuting its own death', async (t) => {
  using town = village(3);
  const [a, b, c] = await startAll(town);
  c.setCard({ ...cardOf('host 2'), zone: 'z2' });
  await until('the new card is known', () => a.get(c.self)?.card?.zone === 'z2');
  town.kill(c);
  await until('dead to both', () => [a, b].every((members) => members.get(c.self)?.state === 'dead'));
  const before = a.get(c.self)?.incarnation ?? 0;
  town.loseDisk(c.self);
  await town.start(c.self, { ...cardOf('host 2'), zone: 'z3' });
  await until('alive', () => a.isReachable(c.self) && b.isReachable(c.self));
  t.true((a.get(c.self)?.incarnation ?? 0) > before);
  await until('with the card of its new life', () => a.get(c.self)?.card?.zone === 'z3');
});

test('members: cards arrive without gossip, too', async (t) => {
  using town = village(3);
  town.network.stopGossip();
  const [a, , c] = await startAll(town);
  c.setCard({ ...cardOf('host 2'), zone: 'z9' });
  await until('asked for and got', () => a.get(c.self)?.card?.zone === 'z9');
  t.pass();
});

test('members: a restarted host remembers the cards of others and finds them', async (t) => {
  using town = village(3);
  const [a, , c] = await startAll(town);
  town.kill(c);
  const again = await town.start(c.self);
  t.is(again.get(a.self)?.card?.name, 'host 0', 'from its own disk');
  await until('it finds them', () => again.isReachable(a.self));
});

test('members: removal from the roster makes a host vanish, and what it says afterwards is dropped', async (t) => {
  using town = village(3);
  const [a, b, c] = await startAll(town);
  const gone: string[] = [];
  a.onChange((member) => gone.push(`${member.hostId} ${member.state}`));
  town.roster.remove(c.self);
  t.is(a.get(c.self), undefined);
  t.deepEqual(gone, [`${c.self} left`]);
  c.setCard({ ...cardOf('host 2'), zone: 'elsewhere' });
  await until('the others go on', () => a.isReachable(b.self) && b.isReachable(a.self));
  t.is(a.get(c.self), undefined);
});

test('members: a host that leaves is "left" to all without any suspicion', async (t) => {
  using town = village(3);
  const [a, b, c] = await startAll(town);
  const states: string[] = [];
  a.onChange((member) => states.push(member.state));
  await c.leave();
  town.kill(c);
  await until('left to both', () => [a, b].every((members) => members.get(c.self)?.state === 'left'));
  t.deepEqual(states, ['left']);
});

test('members: a host that left is not reachable, and alive to all at once when it is back, even without its disk', async (t) => {
  using town = village(3);
  const [a, b, c] = await startAll(town);
  await c.leave();
  town.kill(c);
  await until('left to both', () => [a, b].every((members) => members.get(c.self)?.state === 'left'));
  t.false(a.isReachable(c.self));
  const again = await town.start(c.self);
  await until('alive to both', () => [a, b].every((members) => members.isReachable(c.self)));
  await again.leave();
  town.kill(again);
  town.loseDisk(c.self);
  await until('left again', () => [a, b].every((members) => members.get(c.self)?.state === 'left'));
  await town.start(c.self);
  await until('alive once more', () => [a, b].every((members) => members.isReachable(c.self)));
});

test('members: draining is told to all and taken back', async (t) => {
  using town = village(3);
  const [a, , c] = await startAll(town);
  c.setDraining(true);
  await until('draining', () => a.get(c.self)?.state === 'draining');
  t.true(a.isReachable(c.self));
  c.setDraining(false);
  await until('alive', () => a.get(c.self)?.state === 'alive');
});

test('members: loads are published, and a host that joins later learns them with the cards', async (t) => {
  using town = village(3);
  const [first, second, third] = town.hosts;
  const [a, b] = [await town.start(first), await town.start(second)];
  a.setVitals(vitalsOf({ machines: 3 }));
  await until('told', () => b.get(first)?.vitals?.machines === 3);
  const c = await town.start(third);
  await until('the newcomer knows it', () => c.get(first)?.vitals?.machines === 3);
  t.is(a.get(first)?.vitals?.machines, 3, 'its own, too');
});

test('members: malformed gossip and messages are refused and change nothing', async (t) => {
  using town = village(2);
  const [first, second] = town.hosts;
  const a = await town.start(first);
  const stranger = town.network.join(second);
  stranger.gossip.publish('members', { facts: [{ host: first, incarnation: -1, state: 'dead', card: 0 }] });
  await t.throwsAsync(stranger.rpc.request(first, 'membership.vitals', 'heavy'), { code: 'BAD_REQUEST' });
  await t.throwsAsync(stranger.rpc.request(first, 'membership', { kind: 'ping', facts: 'x' }), {
    code: 'BAD_REQUEST',
  });
  await until(
    'the refusal is logged',
    () => town.network.lines.filter((line) => line.message === 'gossip dropped').length === 1,
  );
  t.is(a.get(first)?.state, 'alive');
});

test('members: the ack is the answer of the ping, and an answer that is no message is refused', async (t) => {
  using town = village(2);
  const [first, second] = town.hosts;
  const a = await town.start(first);
  const other = town.network.join(second);
  let heard = 0;
  other.rpc.handle('membership', () => {
    heard++;
    return { kind: 'ack', probe: 'first' };
  });
  t.like(await other.rpc.request(first, 'membership', { kind: 'ping', probe: 7, facts: [] }), {
    kind: 'ack',
    probe: 7,
  });
  // The other lives by its own word now, so it is probed; its answers say nothing.
  await other.rpc.request(first, 'membership', {
    kind: 'ping',
    probe: 8,
    facts: [{ host: second, incarnation: 1, state: 'alive', card: 1 }],
  });
  await until('its answer is refused', () =>
    town.network.lines.some((line) => line.message === 'answer of a ping refused'),
  );
  t.true(heard > 0);
  t.is(a.get(first)?.state, 'alive');
});
