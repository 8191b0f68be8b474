import test from 'ava';
import { type OwnMembers, openMembers } from '../../agent/membership/members.ts';
import { loopbackSettings } from '../../agent/membership/settings.ts';
import type { Gossip, Rpc } from '../../agent/peer/port.ts';
import { digestOf, layoutCodec, nextLayout } from '../../agent/ring/layout.ts';
import { type OwnRing, openRing } from '../../agent/ring/open-ring.ts';
import type { Syncer } from '../../agent/ring/port.ts';
import type { RingSettings } from '../../agent/ring/settings.ts';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout, LayoutTale } from '../../proto/message/layout.ts';
import { fakeSigner } from '../fake/signer.ts';
import { fakeNetwork, fakeRoster, hostId } from '../membership/fake-network.ts';
import { until } from '../until.ts';
import { firstLayout, layoutAfter } from './make.ts';

const quick: RingSettings = {
  partitionBits: 6,
  joinStableMs: 60,
  deadRemoveMs: 600_000,
  proposerStepMs: 150,
  copyDelayMs: 20,
  tickMs: 20,
};
const swim = {
  ...loopbackSettings,
  probePeriodMs: 60,
  probeTimeoutMs: 25,
  gossipPeriodMs: 10,
  exchangePeriodMs: 300,
  reconnectPeriodMs: 60,
};

interface Node {
  readonly self: HostId;
  readonly ring: OwnRing;
  readonly members: OwnMembers;
  readonly rpc: Rpc;
  readonly gossip: Gossip;
}

const town = () => {
  const founder = hostId(0);
  const network = fakeNetwork();
  const roster = fakeRoster([founder]);
  const disks = new Map<HostId, KeyValue>();
  /** Hosts whose `layout.known` stands: it is kept beside the store, which alone is lost by `loseDisk`. */
  const known = new Set<HostId>();
  const nodes: Node[] = [];
  return {
    network,
    roster,
    async start(
      index: number,
      options: {
        readonly settings?: Partial<RingSettings>;
        readonly syncer?: Syncer;
        /** The ring opens only then: the host is a member already and has heard of no layout. */
        readonly ringAfter?: () => Promise<unknown>;
      } = {},
    ): Promise<Node> {
      const self = hostId(index);
      roster.add(self);
      const keyValue = disks.get(self) ?? memoryKeyValue();
      disks.set(self, keyValue);
      const world = {
        runtime: network.runtime(),
        roster,
        keyValue,
        signer: fakeSigner(self),
        ...network.join(self),
      };
      const card = {
        name: `host ${index}`,
        zone: 'z',
        peerAddresses: [],
        bulkAddress: '127.0.0.1:1',
        apiUrl: 'http://127.0.0.1:2',
        s3Url: null,
        capacityBytes: 1e12,
        version: '0.1.0',
      };
      const members = await openMembers(world, { card, swim });
      await options.ringAfter?.();
      const life = { isFirst: !known.has(self), ended: async () => void known.add(self) };
      const ring = openRing(
        { ...world, members },
        { ...quick, ...options.settings, isFounder: index === 0, life, draining: members.setDraining },
      );
      if (options.syncer) ring.addSyncer(options.syncer);
      ring.start();
      const node = { self, ring, members, rpc: world.rpc, gossip: world.gossip };
      nodes.push(node);
      return node;
    },
    async leave(node: Node): Promise<void> {
      await node.members.leave();
      this.kill(node);
    },
    kill(node: Node): void {
      node.ring.stop();
      node.members.stop();
      network.kill(node.self);
    },
    loseDisk: (host: HostId): void => void disks.delete(host),
    logged: (message: string) => network.lines.filter((line) => line.message === message),
    [Symbol.dispose]() {
      for (const node of nodes) {
        node.ring.stop();
        node.members.stop();
      }
    },
  };
};

const isAt = (node: Node, ...members: readonly Node[]): boolean => {
  const { settled, members: listed } = node.ring.describe();
  const ids = listed.map(({ hostId }) => hostId).sort();
  return (
    settled &&
    ids.join() ===
      members
        .map(({ self }) => self)
        .sort()
        .join()
  );
};
const settled = (what: string, nodes: readonly Node[], members: readonly Node[] = nodes): Promise<boolean> =>
  until(what, () => nodes.every((node) => isAt(node, ...members)));
const startThree = async (house: ReturnType<typeof town>): Promise<[Node, Node, Node]> => {
  const nodes: [Node, Node, Node] = [await house.start(0), await house.start(1), await house.start(2)];
  await settled('three hosts', nodes);
  return nodes;
};
const ownersOf = (node: Node) => Array.from({ length: 64 }, (_, partition) => node.ring.owners(partition));

test('ring: the first host founds version 1 and owns everything', async (t) => {
  using house = town();
  const node = await house.start(0);
  await until('founded', () => node.ring.newest === 1);
  t.deepEqual(node.ring.ownerSets(5), [{ layoutVersion: 1, owners: [node.self], quorum: 1, complete: true }]);
  t.is(node.ring.partitionCount, 64);
});

test('ring: hosts join by themselves, one, two, three, and all compute the same owners', async (t) => {
  using house = town();
  const a = await house.start(0);
  await settled('one', [a]);
  const b = await house.start(1);
  await settled('two', [a, b]);
  t.is(a.ring.ownerSets(0)[0]?.quorum, 2, 'with two hosts a write needs both');
  const c = await house.start(2);
  await settled('three', [a, b, c]);
  t.deepEqual(ownersOf(a), ownersOf(b));
  t.deepEqual(ownersOf(a), ownersOf(c));
  t.is(new Set(a.ring.owners(0)).size, 3);
  t.is(a.ring.oldest, a.ring.newest);
});

test('ring: a host off the roster leaves the layout without a word of its own', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  house.kill(c);
  house.roster.remove(c.self);
  await settled('two are left', [a, b]);
  t.false(a.ring.owners(0).includes(c.self));
});

test('ring: a dead host leaves the layout after its time', async (t) => {
  using house = town();
  const settings = { deadRemoveMs: 200 };
  const nodes = [
    await house.start(0, { settings }),
    await house.start(1, { settings }),
    await house.start(2, { settings }),
  ];
  const [a, b, c] = nodes as [Node, Node, Node];
  await settled('three hosts', nodes);
  house.kill(c);
  await settled('two are left', [a, b]);
  t.regex(house.logged('layout learned').at(-1)?.fields.reason as string, /^removed: host 2$/);
});

test('ring: a host that is dead for less than its time moves nothing', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  const version = a.ring.newest;
  house.kill(c);
  await until('dead', () => a.members.get(c.self)?.state === 'dead');
  const again = await house.start(2);
  await until('back', () => a.members.isReachable(c.self) && again.ring.newest === version);
  await settled('the same three', [a, b, again]);
  t.is(a.ring.newest, version);
  t.deepEqual(ownersOf(again), ownersOf(a));
});

test('ring: a host that left on purpose stays in the layout for as long as a dead one', async (t) => {
  using house = town();
  const settings = { deadRemoveMs: 500 };
  const nodes = [
    await house.start(0, { settings }),
    await house.start(1, { settings }),
    await house.start(2, { settings }),
  ];
  const [a, b, c] = nodes as [Node, Node, Node];
  await settled('three hosts', nodes);
  const version = a.ring.newest;
  await house.leave(c);
  await until('left', () => a.members.get(c.self)?.state === 'left');
  const leftAt = Date.now();
  t.is(a.ring.newest, version);
  await settled('two are left', [a, b]);
  t.true(Date.now() - leftAt > 300, 'not before its time');
});

test('ring: many joins at once and proposals by several hosts end in one chain', async (t) => {
  using house = town();
  // No turns: everyone proposes as soon as it can.
  const settings = { proposerStepMs: 0 };
  const a = await house.start(0, { settings });
  await settled('one', [a]);
  const b = await house.start(1, { settings });
  const c = await house.start(2, { settings });
  await settled('three', [a, b, c]);
  const d = await house.start(3, { settings });
  const e = await house.start(4, { settings });
  const all = [a, b, c, d, e];
  await settled('five', all);
  for (const node of all) t.deepEqual(ownersOf(node), ownersOf(a));
  t.deepEqual(house.logged('layout fork refused'), []);
});

test('ring: all is known after everyone was killed and started again', async (t) => {
  using house = town();
  const nodes = await startThree(house);
  const before = ownersOf(nodes[0]);
  const version = nodes[0].ring.newest;
  for (const node of nodes) house.kill(node);
  const again = [await house.start(0), await house.start(1), await house.start(2)];
  for (const node of again) t.is(node.ring.newest, version, 'from its own disk, before any other answers');
  await settled('the same three', again);
  t.deepEqual(ownersOf(again[1] as Node), before);
});

test('ring: writes go to both versions until every syncer is done, and only then the old one retires', async (t) => {
  using house = town();
  const done = Promise.withResolvers<void>();
  const asked: number[] = [];
  const a = await house.start(0);
  await settled('one', [a]);
  const syncer: Syncer = {
    name: 'slow',
    async sync(version) {
      asked.push(version);
      await done.promise;
    },
  };
  const b = await house.start(1, { syncer });
  await until('the newcomer copies', () => asked.length > 0);
  await until('the other is done', () =>
    a.ring.describe().progress.some(({ hostId, sync }) => hostId === a.self && sync === 2),
  );
  t.deepEqual(asked, [2]);
  for (const node of [a, b]) {
    t.deepEqual(
      node.ring.ownerSets(0).map(({ layoutVersion, complete }) => [layoutVersion, complete]),
      [
        [1, true],
        [2, undefined],
      ],
    );
    t.deepEqual(new Set(node.ring.owners(0)), new Set([a.self, b.self]));
  }
  done.resolve();
  await settled('both', [a, b]);
});

test('ring: a syncer that fails is asked again', async (t) => {
  using house = town();
  const a = await house.start(0);
  let tries = 0;
  const syncer: Syncer = {
    name: 'clumsy',
    async sync() {
      if (++tries < 3) throw new Error('the owner went away');
    },
  };
  const b = await house.start(1, { syncer });
  await settled('both', [a, b]);
  t.is(tries, 3);
});

test('ring: an unsettled version that waits for a dead host is followed by one without it, which ends the copying for the older', async (t) => {
  using house = town();
  const settings = { deadRemoveMs: 300 };
  const aborted: number[] = [];
  const a = await house.start(0, { settings });
  const b = await house.start(1, { settings });
  await settled('two', [a, b]);
  const stuckAt = a.ring.newest + 1;
  b.ring.addSyncer({
    name: 'stuck in one version',
    sync: (version, signal) =>
      new Promise((resolve, reject) => {
        if (version !== stuckAt) return resolve();
        signal.addEventListener('abort', () => {
          aborted.push(version);
          reject(signal.reason);
        });
      }),
  });
  const never = { name: 'never', sync: () => new Promise<void>(() => {}) };
  const c = await house.start(2, { settings, syncer: never });
  await until('three are settling', () => [a, b, c].every((node) => node.ring.newest === stuckAt));
  house.kill(c);
  await settled('two again', [a, b]);
  t.is(a.ring.newest, stuckAt + 1);
  t.deepEqual(aborted, [stuckAt]);
});

test('ring: an owner refuses whoever works with an older layout, and sends it the newer one', async (t) => {
  using house = town();
  const [a, b] = await startThree(house);
  const { newest } = a.ring;
  t.notThrows(() => a.ring.checkVersion(b.self, newest));
  t.throws(() => a.ring.checkVersion(b.self, newest - 1), { code: 'STALE_LAYOUT' });
  t.notThrows(
    () => a.ring.checkVersion(b.self, newest + 1),
    'it is this host that lags: it asks, and serves on',
  );
});

test('ring: a host that missed the gossip of a layout learns it by contact', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  house.network.stopGossip();
  const d = await house.start(3);
  await settled('four, by votes, pushes and comparisons', [a, b, c, d]);
  t.pass();
});

test('ring: another layout of a known version is refused and logged', async (t) => {
  using house = town();
  const [a, b] = await startThree(house);
  const before = a.ring.describe();
  const chain = (await b.rpc.request(a.self, 'layout.fetch', { after: a.ring.newest - 1 })) as LayoutTale;
  const [real] = chain.layouts;
  if (!real) throw new Error('no layout');
  const forged = { ...real, reason: 'mine alone' };
  await b.rpc.request(a.self, 'layout.push', { ...chain, layouts: [forged] });
  const orphan = layoutAfter(firstLayout(real.members[0] as never, 6), real.members, 'from elsewhere');
  await b.rpc.request(a.self, 'layout.push', {
    ...chain,
    layouts: [{ ...orphan, version: a.ring.newest + 1 }],
  });
  await until('both are logged', () => house.logged('layout fork refused').length === 2);
  t.deepEqual(a.ring.describe(), before);
});

test('ring: nobody votes for a version that does not follow, or that is decided', async (t) => {
  using house = town();
  const [a, b] = await startThree(house);
  const vote = { version: a.ring.newest + 1, previous: '0'.repeat(64), request: { kind: 'read' } };
  await t.throwsAsync(b.rpc.request(a.self, 'layout.register', vote), {
    code: 'STALE_LAYOUT',
    message: /follows another/,
  });
  await t.throwsAsync(b.rpc.request(a.self, 'layout.register', { ...vote, version: a.ring.newest }), {
    code: 'STALE_LAYOUT',
    message: /the newest here/,
  });
  await t.throwsAsync(b.rpc.request(a.self, 'layout.register', { ...vote, request: { kind: 'nonsense' } }), {
    code: 'BAD_REQUEST',
  });
});

test('ring: nobody votes for a force that no operator used, or for a member that is not on the roster', async (t) => {
  using house = town();
  const [a, b] = await startThree(house);
  const tale = (await b.rpc.request(a.self, 'layout.fetch', { after: a.ring.newest - 1 })) as LayoutTale;
  const newest = tale.layouts.at(-1);
  if (!newest) return t.fail();
  const ballot = { round: 1_000, host: b.self, run: 1 };
  const ask = (next: Layout) =>
    b.rpc.request(a.self, 'layout.register', {
      ...{ version: next.version, previous: digestOf(newest) },
      request: {
        kind: 'accept',
        accepted: { ballot, value: layoutCodec.encode(next), lineage: [1] },
        next: null,
      },
    });
  const rest = newest.members.filter((member) => member.hostId !== a.self);
  const proposal = { atMs: 1, by: b.self, reason: 'mine' };
  await t.throwsAsync(ask(nextLayout(newest, { ...proposal, members: rest, forced: [a.self] })), {
    message: /what is forced is not voted on/,
  });
  const stranger = { ...(rest[0] as Layout['members'][number]), hostId: hostId(77) };
  await t.throwsAsync(ask(nextLayout(newest, { ...proposal, members: [...newest.members, stranger] })), {
    message: /is not on the roster here/,
  });
});

test('ring: a minority changes nothing; the operator can force the dead majority out', async (t) => {
  using house = town();
  const settings = { deadRemoveMs: 100 };
  const a = await house.start(0, { settings });
  const b = await house.start(1, { settings });
  await settled('two', [a, b]);
  const version = a.ring.newest;
  house.kill(b);
  await until('it tried to remove the dead host', () => house.logged('layout not agreed').length > 0);
  t.is(a.ring.newest, version);
  await t.throwsAsync(a.ring.force(a.self), { code: 'CONFLICT' });
  await t.throwsAsync(a.ring.force(hostId(77)), { code: 'NOT_FOUND' });
  await a.ring.force(b.self);
  await settled('alone', [a]);
  t.deepEqual(
    a.ring.ownerSets(0).map(({ owners, quorum }) => ({ owners, quorum })),
    [{ owners: [a.self], quorum: 1 }],
  );
  t.is(house.logged('layout FORCED by an operator: what only the removed host held is given up').length, 1);
});

test('ring: while a forced version settles, older owner sets count without the host that is gone', async (t) => {
  using house = town();
  const hold = Promise.withResolvers<void>();
  const a = await house.start(0);
  const b = await house.start(1);
  await settled('two', [a, b]);
  a.ring.addSyncer({ name: 'slow', sync: () => hold.promise });
  house.kill(b);
  await until('dead', () => a.members.get(b.self)?.state === 'dead');
  await a.ring.force(b.self);
  t.deepEqual(
    a.ring.ownerSets(0).map(({ owners, quorum }) => ({ owners, quorum })),
    [
      { owners: [a.self], quorum: 1 },
      { owners: [a.self], quorum: 1 },
    ],
  );
  hold.resolve();
  await settled('alone', [a]);
});

test('ring: a host that lost its disk votes when enough others have told it what it can have promised', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  const ask = async (from: Node) => {
    const { layouts } = (await from.rpc.request(a.self, 'layout.fetch', {
      after: a.ring.newest - 1,
    })) as LayoutTale;
    const [newest] = layouts;
    if (!newest) throw new Error('no layout');
    const vote = { version: newest.version + 1, previous: digestOf(newest), request: { kind: 'read' } };
    return from.rpc.request(c.self, 'layout.register', vote);
  };
  t.deepEqual(await ask(b), { kind: 'state', accepted: null, lives: {} });
  house.kill(b);
  house.kill(c);
  house.loseDisk(c.self);
  const reborn = await house.start(2);
  await until('it knows the layout again', () => reborn.ring.newest === a.ring.newest);
  await until('it asked the others', () => house.logged('votes not recalled').length > 0);
  t.false(reborn.ring.isVoter, 'one of the two others is not enough');
  await t.throwsAsync(ask(a), { code: 'STALE_LAYOUT', message: /has not recalled its votes yet/ });
  await house.start(1);
  await until('it votes', () => reborn.ring.isVoter);
  t.like(await ask(a), { kind: 'state', accepted: null });
});

test('ring: what a host that lost its disk has recalled it knows after a restart', async (t) => {
  using house = town();
  const [, b, c] = await startThree(house);
  house.kill(c);
  house.loseDisk(c.self);
  const reborn = await house.start(2);
  await until('it votes', () => reborn.ring.isVoter);
  house.kill(reborn);
  house.kill(b);
  const again = await house.start(2);
  t.true(again.ring.isVoter);
});

test('ring: two of three that lost their disks at once never vote again, until an operator forces one out', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  for (const node of [b, c]) {
    house.kill(node);
    house.loseDisk(node.self);
  }
  const again = [await house.start(1), await house.start(2)] as const;
  await until('both know the layout again', () => again.every(({ ring }) => ring.newest === a.ring.newest));
  await until('both asked', () => house.logged('votes not recalled').length > 3);
  t.false(again.some(({ ring }) => ring.isVoter));
  const [kept, lost] = again;
  house.roster.remove(lost.self);
  house.kill(lost);
  await a.ring.force(lost.self);
  await until('the other recalls from the one that is left', () => kept.ring.isVoter);
  const d = await house.start(3);
  await settled('a newcomer is agreed on', [a, kept, d]);
});

test('ring: a newcomer that first hears of the layouts when it is a member already may vote on the next one', async (t) => {
  using house = town();
  const a = await house.start(0);
  await settled('one', [a]);
  const b = await house.start(1, {
    ringAfter: () => until('the other made it a member', () => a.ring.newest === 2),
  });
  await settled('two', [a, b]);
  const c = await house.start(2);
  await settled('both have agreed on a third', [a, b, c]);
  t.is(a.ring.newest, 3);
});

test('ring: of two hosts one that lost its store recalls its votes from the other', async (t) => {
  using house = town();
  const [a, b] = [await house.start(0), await house.start(1)];
  await settled('two', [a, b]);
  house.kill(b);
  house.loseDisk(b.self);
  const again = await house.start(1);
  await until('it votes', () => again.ring.isVoter);
  const c = await house.start(2);
  await settled('both have agreed on a third', [a, again, c]);
  t.is(again.ring.newest, a.ring.newest);
});

test('ring: a founder that lost its layouts while others are on the roster founds no second chain', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  const version = b.ring.newest;
  house.kill(a);
  house.loseDisk(a.self);
  const again = await house.start(0);
  await until('it learned the layout from the others', () => again.ring.newest === version);
  t.is(house.logged('layout founded').length, 1);
  t.deepEqual(ownersOf(again), ownersOf(c));
});

test('ring: paused on one host, nothing is proposed or copied anywhere, also after all were restarted, until it is resumed', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  const version = a.ring.newest;
  await a.ring.pause(true, 'ada');
  await until('all know', () => [a, b, c].every(({ ring }) => ring.describe().paused?.by === 'ada'));
  const d = await house.start(3);
  await until('it would join', () =>
    [a, b, c].every(({ ring }) => ring.plan().next?.reason === 'joined: host 3'),
  );
  t.is(a.ring.plan().hold, 'paused by ada');
  await until('a newcomer hears of it', () => d.ring.describe().paused?.by === 'ada');
  for (const node of [a, b, c, d]) house.kill(node);
  const again = [await house.start(0), await house.start(1), await house.start(2), await house.start(3)];
  await until('it would join', () =>
    again.slice(0, 3).every(({ ring }) => ring.plan().next?.reason === 'joined: host 3'),
  );
  t.true(again.every(({ ring }) => ring.newest === version));
  await (again[2] as Node).ring.pause(false, 'bob');
  await settled('it has joined', again);
  t.is(a.ring.describe().settled, true);
});

test('ring: nobody votes while it is paused, also for a host that has not heard of it', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  await a.ring.pause(true, 'ada');
  const { layouts } = (await b.rpc.request(a.self, 'layout.fetch', {
    after: a.ring.newest - 1,
  })) as LayoutTale;
  const newest = layouts[0] as LayoutTale['layouts'][0];
  const vote = { version: newest.version + 1, previous: digestOf(newest), request: { kind: 'read' } };
  const votes = await Promise.allSettled(
    [a, b].map(({ self }) => c.rpc.request(self, 'layout.register', vote)),
  );
  t.true(
    votes.some(({ status }) => status === 'rejected'),
    'a majority knows, so no majority votes',
  );
  await t.throwsAsync(c.rpc.request(a.self, 'layout.register', vote), { message: /paused/ });
});

test('ring: a pause stops the copying for a version that settles, and a resume goes on with it', async (t) => {
  using house = town();
  const a = await house.start(0);
  await settled('one', [a]);
  const tries: AbortSignal[] = [];
  const done = Promise.withResolvers<void>();
  const syncer: Syncer = {
    name: 'slow',
    async sync(_version, signal) {
      tries.push(signal);
      await Promise.race([done.promise, new Promise((resolve) => signal.addEventListener('abort', resolve))]);
      signal.throwIfAborted();
    },
    progress: () => ({ rows: 40, bytes: 4_000 }),
  };
  const b = await house.start(1, { syncer });
  await until('it copies', () => tries.length === 1 && b.ring.moving()?.rowsLeft === 40);
  await a.ring.pause(true, 'ada');
  await until('it has stopped', () => tries.length === 1 && tries[0]?.aborted === true);
  await until('and says so', () => b.ring.moving() === null);
  t.false(b.ring.describe().settled);
  await a.ring.pause(false, 'ada');
  await until('it goes on', () => tries.length === 2);
  done.resolve();
  await settled('both', [a, b]);
});

test('ring: a paused ring still follows a removal by force', async (t) => {
  using house = town();
  const [a, b] = [await house.start(0), await house.start(1)];
  await settled('two', [a, b]);
  await a.ring.pause(true, 'ada');
  house.kill(b);
  // One that still counts as alive, and is on the roster, would be let in again at once.
  await until('dead', () => a.members.get(b.self)?.state === 'dead');
  await a.ring.force(b.self);
  t.is(a.ring.newest, 3);
  t.false(a.ring.describe().settled, 'and copies nothing until it is resumed');
  await a.ring.pause(false, 'ada');
  await settled('alone', [a]);
});

test('ring: a drained host leaves the layout, stays a member that is there, and comes back when it is taken back', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  const d = await house.start(3);
  await settled('four', [a, b, c, d]);
  await a.ring.drain(d.self, true, 'ada');
  await settled('three', [a, b, c, d], [a, b, c]);
  t.is(b.members.get(d.self)?.state, 'draining');
  t.true(b.members.isReachable(d.self));
  t.is(d.ring.newest, a.ring.newest, 'it follows the layout: it may be asked anything');
  house.kill(d);
  const again = await house.start(3);
  await until('it is drained in its next life, too', () => b.members.get(d.self)?.state === 'draining');
  const version = a.ring.newest;
  await c.ring.drain(d.self, false, 'ada');
  await settled('four again', [a, b, c, again]);
  t.is(a.ring.newest, version + 1);
  t.deepEqual(
    a.ring
      .history()
      .slice(0, 2)
      .map(({ reason }) => reason),
    ['joined: host 3', 'drained: host 3'],
  );
});

test('ring: a host that the live layouts need is not spared, until it was drained', async (t) => {
  using house = town();
  const a = await house.start(0);
  const b = await house.start(1);
  await settled('two', [a, b]);
  const isLeft = (host: HostId): boolean => host !== b.self;
  t.throws(() => a.ring.checkSpare(b.self, isLeft), { code: 'CONFLICT', message: /Drain it first/ });
  await a.ring.drain(b.self, true, 'ada');
  await settled('one', [a, b], [a]);
  t.notThrows(() => a.ring.checkSpare(b.self, isLeft));
});

test('ring: a host whose time on the roster has run out is needed until the others have its share', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  const isNeeded = (): boolean =>
    a.ring.needOf(c.self, (host) => host !== c.self && !house.roster.isOver(host)) !== undefined;
  t.false(isNeeded(), 'two of three are a quorum');
  house.roster.expire(b.self);
  t.true(isNeeded());
  await settled('it left', [a, b, c], [a, c]);
  house.roster.expire(c.self);
  await settled('alone', [a, b, c], [a]);
  t.false(isNeeded());
});

test('ring: replicas become as many as is asked for, down and up', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  const copies = (node: Node) => new Set(ownersOf(node).map(({ length }) => length));
  t.deepEqual(copies(a), new Set([3]));
  await b.ring.setReplicas(2, 'ada');
  await until('two', () =>
    [a, b, c].every((node) => isAt(node, a, b, c) && node.ring.describe().replicas === 2),
  );
  t.deepEqual(copies(c), new Set([2]));
  await c.ring.setReplicas(5, 'ada');
  await until('as many as there are', () =>
    [a, b, c].every((node) => isAt(node, a, b, c) && node.ring.describe().replicas === 3),
  );
  t.is(a.ring.describe().replicasWanted, 5);
  await t.throwsAsync(a.ring.setReplicas(0, 'ada'), { code: 'BAD_REQUEST' });
});

test('ring: a wish that no majority hears of is not confirmed, holds here, and spreads when they are back', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  house.kill(b);
  house.kill(c);
  await t.throwsAsync(a.ring.pause(true, 'ada'), { code: 'QUORUM_MISSED', message: /1 of 3 voters/ });
  t.is(a.ring.describe().paused?.by, 'ada');
  const again = [await house.start(1), await house.start(2)];
  await until('they know', () => again.every(({ ring }) => ring.describe().paused?.by === 'ada'));
  t.pass();
});

test('ring: of two wishes at once one stands, the same everywhere', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  await Promise.all([a.ring.setReplicas(1, 'ada'), b.ring.setReplicas(2, 'bob')]);
  await until('settled alike', () => {
    const all = [a, b, c].map((node) => (isAt(node, a, b, c) ? node.ring.describe().replicas : 0));
    return new Set(all).size === 1 && (all[0] ?? 0) > 0 && (all[0] ?? 3) < 3;
  });
  t.pass();
});

test('ring: of two wishes that were confirmed the later one stands, though its host had not heard of the earlier', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  house.kill(a);
  await c.ring.pause(true, 'ada');
  const late = await house.start(0);
  t.is(late.ring.describe().paused, null);
  await late.ring.pause(false, 'bob');
  for (const { ring } of [late, b, c]) t.is(ring.describe().paused, null);
});

test('ring: the history tells when, by which host and why; the plan what the next one would move', async (t) => {
  using house = town();
  const [a, b, c] = await startThree(house);
  const [newest, ...older] = a.ring.history();
  t.like(newest, { version: a.ring.newest, hosts: 3, live: true, forced: false });
  t.regex(newest?.reason ?? '', /^joined: .*host 2$/);
  t.is(older.at(-1)?.reason, 'founded');
  t.true([a.self, b.self, c.self].includes(newest?.hostId as HostId));
  t.true(Math.abs((newest?.atMs ?? 0) - Date.now()) < 60_000);
  await a.ring.pause(true, 'ada');
  await house.start(3);
  await until('planned', () => a.ring.plan().next !== null);
  const { next, pairs } = a.ring.plan();
  t.is(pairs, 192);
  t.is(next?.members.length, 4);
  const won = next?.members.find(({ partitionsNow }) => partitionsNow === 0)?.partitions ?? 0;
  t.true(won >= 46 && won <= 50, `a quarter of 192: ${won}`);
  t.is(next?.partitionsToMove, won);
});
