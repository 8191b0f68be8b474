import test from 'ava';
import { healthOf } from '../../agent/cluster/health.ts';
import type { HostState } from '../../agent/cluster/host-state.ts';
import type { Member, Members } from '../../agent/membership/port.ts';
import type { LayoutDescription } from '../../agent/ring/layout-report.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { hostId } from '../membership/fake-network.ts';

const [a, b, c] = [hostId(1), hostId(2), hostId(3)] as [HostId, HostId, HostId];
const well: HostState = {
  ...{ rowsToHeal: 0, hostsToCompare: 0, isWhole: true, isVoter: true, chunksQueued: 0, chunksDamaged: 0 },
  ...{
    layoutNewest: 4,
    moving: null,
    held: { rows: 0, bytes: 0 },
    stampsRefused: 0,
    wallMs: 1_795_000_000_000,
  },
  directoriesRetired: [],
};
const calm: LayoutDescription = {
  ...{ newest: 4, oldest: 4, partitionBits: 8, replicas: 3, replicasWanted: 3, settled: true },
  ...{ paused: null, moving: null, progress: [] },
  members: [a, b, c].map((id) => ({ hostId: id, zone: 'z', capacityBytes: 1e12, partitions: 256 })),
};

const health = (
  states: Readonly<Record<string, HostState | undefined>>,
  layout: Partial<LayoutDescription> = {},
  memberStates: Readonly<Record<string, Member['state']>> = {},
) => {
  const list = [a, b, c].map((id, index) => ({
    hostId: id,
    state: memberStates[id] ?? 'alive',
    incarnation: 1,
    name: `shoal-${index + 1}`,
  })) satisfies Member[];
  const get = (id: HostId) => list.find((member) => member.hostId === id);
  const members = {
    ...{ self: a, list: () => list, get, onChange: () => () => {} },
    isReachable: (id: HostId) => !['dead', 'left'].includes(get(id)?.state ?? 'dead'),
  } as Members;
  const rpc = {
    async request(to: HostId) {
      const state = states[to];
      if (!state) throw new ShoalError('TIMEOUT', 'silence');
      return state;
    },
  };
  return healthOf({ rpc, state: () => well } as never, members, { ...calm, ...layout });
};
const all = (change: Partial<HostState> = {}) => ({ [a]: { ...well, ...change }, [b]: well, [c]: well });

test('health: green when all is well, with nothing to say', async (t) => {
  const { status, findings, layout } = await health(all());
  t.is(status, 'green');
  t.deepEqual(findings, []);
  t.deepEqual(layout, { newest: 4, settled: true, paused: false });
});

test('health: a paused layout says who paused it', async (t) => {
  const { status, findings, layout } = await health(all(), { paused: { by: 'ada', atMs: 1 } });
  t.is(status, 'yellow');
  t.deepEqual(findings, ['The layout is paused by ada: no host joins or leaves it']);
  t.true(layout.paused);
});

test('health: what still moves is told over all hosts', async (t) => {
  const moving = (rowsLeft: number, bytesLeft: number) => ({ rowsLeft, bytesLeft, secondsLeft: null });
  const states = {
    [a]: { ...well, moving: moving(10, 3 * 1024 * 1024) },
    [b]: { ...well, moving: moving(5, 1) },
    [c]: well,
  };
  const { findings } = await health(states, { settled: false, oldest: 3 });
  t.deepEqual(findings, ['Layout 4 settles: about 15 rows and 4 MiB have yet to move']);
});

test('health: a host whose clock others do not believe is reported', async (t) => {
  const { status, findings } = await health(all({ stampsRefused: 2 }));
  t.is(status, 'yellow');
  t.deepEqual(findings, ['shoal-1 refused 2 writes from its future: set the clocks of all hosts']);
});

const at = (aheadMs: number): HostState => ({ ...well, wallMs: well.wallMs + aheadMs });

test('health: a clock that is far from most others is a finding, a second is none', async (t) => {
  t.deepEqual((await health(all({ wallMs: at(-1_000).wallMs }))).findings, []);
  t.deepEqual((await health({ [a]: at(7_200_000), [b]: well, [c]: at(900) })).findings, [
    'The clock of shoal-1 is 7199 s ahead of most others: set it',
  ]);
  t.deepEqual((await health({ [a]: well, [b]: at(-60_000), [c]: well })).findings, [
    'The clock of shoal-2 is 60 s behind most others: set it',
  ]);
});

test('health: of two clocks that differ nobody knows which is right', async (t) => {
  t.true(
    (await health({ [a]: well, [b]: at(60_000), [c]: undefined })).findings.includes(
      'The clocks of shoal-1 and shoal-2 are 60 s apart: set them',
    ),
  );
});

test('health: hosts that drain, left or say nothing are findings; two gone of three is red', async (t) => {
  const states = { ...all(), [c]: undefined };
  t.deepEqual((await health(states, {}, { [b]: 'draining' })).findings, [
    'Host shoal-2 is draining',
    'Host shoal-3 did not say how it is',
  ]);
  const { status, hosts } = await health(all(), {}, { [b]: 'left', [c]: 'dead' });
  t.is(status, 'red');
  t.like(hosts, { alive: 1, dead: 1, total: 3 });
});

test('health: a host that lost its disk is yellow; two of three are red, with the way out', async (t) => {
  const reborn = { ...well, isWhole: false, isVoter: false };
  const one = await health({ [a]: reborn, [b]: well, [c]: well });
  t.is(one.status, 'yellow');
  t.deepEqual(one.findings, [
    'shoal-1 copies the rows that its disk has lost',
    'shoal-1 recalls the votes on layouts that its disk has lost',
  ]);
  const two = await health({ [a]: reborn, [b]: reborn, [c]: well });
  t.is(two.status, 'red');
  t.regex(
    two.findings[0] ?? '',
    /votes of 2 hosts are lost with the disk, 0 are gone: .* "shoal host remove --force"/,
  );
  const gone = await health({ [a]: reborn, [b]: well }, {}, { [c]: 'dead' });
  t.regex(gone.findings[0] ?? '', /votes of 1 host are lost with the disk, 1 are gone/);
});

test('health: an erasure code that wants more hosts than there are is a finding, once', async (t) => {
  const crowded = { ...well, codesCrowded: ['ec-4-2'] };
  const { status, findings } = await health({ [a]: crowded, [b]: crowded, [c]: well });
  t.is(status, 'yellow');
  t.deepEqual(findings, [
    'There are too few hosts for ec-4-2: some hold several fragments of a stripe, and fewer hosts may go',
  ]);
});
