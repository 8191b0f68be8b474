import test from 'ava';
import { type Facts, healthOf } from '../../agent/cluster/health.ts';
import type { HostState, Waits } from '../../agent/cluster/host-state.ts';
import type { Member, Members } from '../../agent/membership/port.ts';
import type { LayoutDescription } from '../../agent/ring/layout-report.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { hourMs, minuteMs } from '../../proto/units.ts';
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
  facts?: Facts,
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
  return healthOf({ rpc, state: () => well } as never, members, { ...calm, ...layout }, facts);
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

const waits: Waits = {
  ...{ overdue: null, owed: { users: 0, forMs: 0 }, repair: { stuckMs: 0, alone: 0 } },
};
const waiting = (change: Partial<Waits>): HostState => ({ ...well, waits: { ...waits, ...change } });

test('health: deleted rows that wait for an absent owner are told once, with for how long and for whom', async (t) => {
  const overdue = (forMs: number) => waiting({ overdue: { forMs, absent: [c], isUnsettled: false } });
  const { status, findings } = await health(
    { [a]: overdue(3 * hourMs), [b]: overdue(5.5 * hourMs) },
    {},
    { [c]: 'dead' },
  );
  t.is(status, 'yellow');
  t.deepEqual(findings, [
    'Host shoal-3 is dead',
    'Deleted rows are kept 5 hours longer than they should be: they wait for shoal-3. Start it, or remove it if it is gone for good',
  ]);
  const of = async (isUnsettled: boolean) =>
    (await health(all({ ...waiting({ overdue: { forMs: hourMs, absent: [], isUnsettled } }) }))).findings[0];
  t.regex((await of(true)) ?? '', /60 minutes .* until the layout has settled/);
  t.regex((await of(false)) ?? '', /a clock that is behind/);
});

test('health: repairs and chunks of dead uploads that stand still are told when it is long', async (t) => {
  const stuck = (minutes: number) =>
    waiting({
      owed: { users: 2, forMs: minutes * minuteMs },
      repair: { stuckMs: minutes * minuteMs, alone: 3 },
    });
  t.deepEqual((await health({ ...all(), [b]: stuck(10) })).findings, []);
  t.deepEqual((await health({ ...all(), [b]: stuck(40) })).findings, [
    'shoal-2 cannot give back the chunks of 2 uploads for 40 minutes: a quorum of the rows in question is missing, or an upload in ' +
      'parts is neither completed nor aborted',
    'shoal-2 could copy none of its chunks for 40 minutes: of 3 no host that answers has a good copy. Start the hosts that are down',
  ]);
});

test('health: a layout that settles for long says for whom it waits', async (t) => {
  const at = (hostId: HostId, sync: number) => ({ hostId, ack: 4, sync, syncAck: 3 });
  const layout = { settled: false, oldest: 3, progress: [at(a, 4), at(b, 4), at(c, 3)] };
  const settling = (settlesForMs: number) => health(all(), layout, {}, { settlesForMs, overstaying: [] });
  t.deepEqual((await settling(minuteMs)).findings, ['Layout 4 settles: data moves to its new owners']);
  t.deepEqual((await settling(3 * hourMs)).findings, [
    'Layout 4 settles: data moves to its new owners; it settles for 3 hours and waits for shoal-3: start what is down, or remove it by force',
  ]);
});

test('health: a host that stays though its time on the roster is over is told, with what needs it', async (t) => {
  const overstaying = [{ hostId: b, why: 'layout 4 has 2 voters' }];
  t.deepEqual((await health(all(), {}, {}, { settlesForMs: 0, overstaying })).findings, [
    'The time of shoal-2 on the roster has run out, and it stays for now: layout 4 has 2 voters. If it never leaves, give it up with ' +
      '"shoal host remove --force"',
  ]);
});
