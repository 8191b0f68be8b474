/** A host of the cluster that lies about others: what it says is refuted, or refused, and does not outlast it. */
import test from 'ava';
import { type OwnMembers, openMembers } from '../../agent/membership/members.ts';
import type { MemberCard } from '../../agent/membership/port.ts';
import { loopbackSettings } from '../../agent/membership/settings.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import type { HostId } from '../../proto/ids.ts';
import { fakeSigner } from '../fake/signer.ts';
import { until } from '../until.ts';
import { fakeNetwork, fakeRoster, hostId } from './fake-network.ts';

const swim = {
  ...loopbackSettings,
  probePeriodMs: 60,
  probeTimeoutMs: 25,
  gossipPeriodMs: 10,
  exchangePeriodMs: 300,
  reconnectPeriodMs: 60,
};
const cardOf = (name: string): MemberCard => ({
  name,
  zone: 'z1',
  peerAddresses: [],
  bulkAddress: '127.0.0.1:1',
  apiUrl: `http://${name}`,
  s3Url: null,
  capacityBytes: 1e12,
  version: '0.1.0',
});
const [first, second, liar, ghost] = [hostId(0), hostId(1), hostId(2), hostId(3)];

const village = async (t: { teardown(work: () => void): void }) => {
  const network = fakeNetwork();
  const roster = fakeRoster([first, second, liar, ghost]);
  const start = async (host: HostId, name: string): Promise<OwnMembers> => {
    const world = {
      runtime: network.runtime(),
      roster,
      keyValue: memoryKeyValue(),
      signer: fakeSigner(host),
    };
    const members = await openMembers({ ...world, ...network.join(host) }, { card: cardOf(name), swim });
    t.teardown(() => members.stop());
    return members;
  };
  const [a, b] = [await start(first, 'a'), await start(second, 'b')];
  await until(
    'they know each other',
    () => a.get(second)?.card?.name === 'b' && b.get(first)?.card?.name === 'a',
  );
  return { network, a, b, voice: network.join(liar) };
};

const isWell = (members: OwnMembers, host: HostId): boolean => members.get(host)?.state === 'alive';

test('liar: no incarnation that it makes up buries a host for good', async (t) => {
  const { a, b, voice } = await village(t);
  for (const incarnation of [2 ** 48, Date.now() + 86_400_000]) {
    const facts = [{ host: second, incarnation, state: 'left', card: incarnation }];
    await voice.rpc.request(first, 'membership', { kind: 'gossip', facts });
    voice.gossip.publish('members', { facts });
    t.true(isWell(a, second), 'nobody can have it, so it says nothing');
  }
  const before = b.get(second)?.incarnation ?? 0;
  const highest = Date.now();
  const facts = [{ host: second, incarnation: highest, state: 'left', card: 1 }];
  await voice.rpc.request(first, 'membership', { kind: 'gossip', facts });
  await until(
    'the host itself has gone above it',
    () => isWell(a, second) && (a.get(second)?.incarnation ?? 0) > highest,
  );
  t.true(before < highest);
  b.setDraining(true);
  await until('and it is still heard', () => a.get(second)?.state === 'draining');
});

test("liar: it passes on no card but the host's own, and nobody's load", async (t) => {
  const { network, a, voice } = await village(t);
  const forged = {
    host: ghost,
    incarnation: 1,
    card: { ...cardOf('ghost'), apiUrl: 'http://liar' },
    signature: 'A'.repeat(86),
    vitals: {
      incarnation: 1,
      sequence: 2 ** 50,
      vitals: {
        ...{
          atMs: 1,
          storageUsedBytes: 0,
          storageFreeBytes: 0,
          memoryTotalMiB: 0,
          memoryClaimedMiB: 0,
          vcpusTotal: 0,
        },
        ...{ vcpusClaimed: 0, diskTotalGiB: 0, diskClaimedGiB: 0, machines: 99, load: 0, hypervisors: [] },
        computeRefusal: null,
      },
    },
  };
  let asked = 0;
  voice.rpc.handle('membership.cards', () => {
    asked++;
    return { cards: [forged] };
  });
  voice.rpc.handle('membership', () => null);
  // A host that nobody else has heard of: its card can come from the liar only.
  const facts = [
    { host: liar, incarnation: 1, state: 'alive', card: 1 },
    { host: ghost, incarnation: 1, state: 'alive', card: 1 },
  ];
  await voice.rpc.request(first, 'membership', { kind: 'gossip', facts });
  voice.gossip.publish('members', { facts: [], card: forged });
  await until('the liar was asked', () => asked > 0);
  await until('the refusal is in the log', () =>
    network.lines.some(({ message }) => message.startsWith('a member card was refused')),
  );
  t.is(a.get(ghost)?.card, undefined);
  t.is(a.get(ghost)?.vitals, undefined);
});
