/** Hosts whose addresses nobody was told, on real sockets. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openAddressBook } from '../../agent/peer/address-book.ts';
import { startDht } from '../../agent/peer/dht.ts';
import { type HostKey, newHostKey } from '../../agent/peer/host-key.ts';
import { encodeInvite, parseInvite, signInvite } from '../../agent/peer/invite.ts';
import { joinCluster } from '../../agent/peer/join.ts';
import { openLookout } from '../../agent/peer/lookout.ts';
import type { Roster } from '../../agent/peer/roster.ts';
import type { HostId } from '../../proto/ids.ts';
import type { InviteBody } from '../../proto/message/peer.ts';
import { emptyRoster } from '../journal/alone.ts';
import { until } from '../until.ts';
import { recordingRuntime, startCluster, type TestHost, takeDiscovery, tempDirectory } from './cluster.ts';

const discovery = { host: '127.0.0.1', port: 0 };

const three = async (t: ExecutionContext) => {
  const [a, b, c] = (await startCluster(t, 3, { discovery })).hosts;
  if (!a || !b || !c) throw new Error('three hosts were started');
  return { a, b, c };
};

const areConnected = (a: TestHost, b: TestHost): boolean =>
  [
    [a, b],
    [b, a],
  ].every(([one, other]) => other && one?.peer.connections.connected().includes(other.peer.self));

const forgetAddresses = (host: TestHost): Promise<void> => rm(join(host.directory, 'addresses.json'));

/** A TCP address at which nobody listens. */
const deadAddress = async (): Promise<string> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `/ip4/127.0.0.1/tcp/${typeof address === 'object' ? address?.port : 1}`;
};

test('discovery: two hosts that both came back at other addresses find each other through the DHT', async (t) => {
  const { a, b } = await three(t);
  const before = [a.peer.addresses(), b.peer.addresses()];
  await Promise.all([a.peer.stop(), b.peer.stop()]);
  await a.restart({ discovery: await takeDiscovery() });
  await b.restart({ discovery: await takeDiscovery() });
  for (const [index, { peer }] of [a, b].entries()) {
    t.notDeepEqual(peer.addresses().peer, before[index]?.peer);
    t.not(peer.addresses().dht, before[index]?.dht);
  }
  // Nobody passes addresses of a third host on in this test: there are no member cards.
  await until('they are connected', () => areConnected(a, b));
  t.true([...a.lines, ...b.lines].some((line) => line.message === 'host found in the DHT'));
  b.peer.rpc.handle('test.echo', (_from, body) => body);
  t.is(await a.peer.rpc.request(b.peer.self, 'test.echo', 'again'), 'again');
  await until('they know all of the new addresses', () =>
    [
      [a, b],
      [b, a],
    ].every(([one, other]) => {
      const known = other && one?.peer.addressesOf(other.peer.self);
      return known && JSON.stringify(known) === JSON.stringify(other.peer.addresses());
    }),
  );
});

test('discovery: hosts that have lost every address meet at a node of their settings, and by nothing else', async (t) => {
  const meeting = await startDht(await takeDiscovery(), []);
  t.teardown(() => meeting.stop());
  const { hosts } = await startCluster(t, 2, { discovery });
  const [a, b] = hosts;
  if (!a || !b || !meeting.address) return t.fail();
  await Promise.all([a.peer.stop(), b.peer.stop()]);
  await Promise.all([forgetAddresses(a), forgetAddresses(b)]);
  await a.restart({ discovery: await takeDiscovery() });
  await b.restart({ discovery: await takeDiscovery() });
  t.is(a.peer.addressesOf(b.peer.self), undefined);
  t.deepEqual(a.peer.connections.connected(), []);
  for (const host of [a, b])
    await host.restart({
      discovery: { ...(await takeDiscovery()), bootstrap: [meeting.address, 'no address'] },
    });
  await until('they are connected', () => areConnected(a, b));
});

test('discovery: the DHT node of a two-host cluster is enough when all other addresses have changed', async (t) => {
  const { hosts } = await startCluster(t, 2, { discovery });
  const [a, b] = hosts;
  if (!a || !b) return t.fail();
  await Promise.all([a.peer.stop(), b.peer.stop()]);
  await a.restart();
  await b.restart({ discovery: await takeDiscovery() });
  await until('they are connected', () => areConnected(a, b));
  t.pass();
});

/** Lookouts of any hosts on a DHT of one node, with one address book and one roster. */
const openAlone = async (t: ExecutionContext) => {
  const { runtime } = recordingRuntime();
  const dht = await startDht(await takeDiscovery(), []);
  t.teardown(dht.stop);
  const book = await openAddressBook({ log: runtime.log }, { directory: await tempDirectory(t) });
  t.teardown(book.flush);
  const rostered = new Set<HostId>();
  const roster: Roster = { ...emptyRoster, has: (hostId) => rostered.has(hostId) };
  const lookout = (key: HostKey, port = 1, wallMs = Date.now()) =>
    openLookout(
      {
        runtime: { ...runtime, clock: { ...runtime.clock, wallMs: () => wallMs } },
        ...{ key, roster, book, dht: dht.dht },
        addresses: () => ({ peer: [`/ip4/127.0.0.1/tcp/${port}`] }),
      },
      { topic: Buffer.alloc(32, 7) },
    );
  return { book, rostered, lookout };
};

test('discovery: a host that is off the roster is not sought, one that is on it is', async (t) => {
  const { book, rostered, lookout } = await openAlone(t);
  const [removed, present] = [newHostKey(), newHostKey()];
  await lookout(removed).publish();
  await lookout(present).publish();
  rostered.add(present.hostId);
  const { seek } = lookout(newHostKey());
  seek(removed.hostId);
  seek(present.hostId);
  await until('it is found', () => book.get(present.hostId) !== undefined);
  t.is(book.get(removed.hostId), undefined);
  rostered.add(removed.hostId);
  seek(removed.hostId);
  await until('it is found, too', () => book.get(removed.hostId) !== undefined);
});

test('discovery: a record written after the clock went back still replaces the older one', async (t) => {
  const { book, rostered, lookout } = await openAlone(t);
  const key = newHostKey();
  rostered.add(key.hostId);
  await lookout(key, 1, 2e12).publish();
  await lookout(key, 2, 1e12).publish();
  lookout(key).seek(key.hostId);
  await until('it is found', () => book.get(key.hostId) !== undefined);
  t.deepEqual(book.get(key.hostId)?.peer, ['/ip4/127.0.0.1/tcp/2']);
});

/** An invite whose hosts are no longer at their libp2p addresses. */
const staleInvite = async (
  t: ExecutionContext,
  host: TestHost,
  dht: InviteBody['addresses'][number]['dht'],
) => {
  const { token } = host.peer.invites.issue();
  const peer = [await deadAddress()];
  const addresses = [{ hostId: newHostKey().hostId, peer, ...(dht ? { dht } : {}) }];
  const body = { ...parseInvite(token).body, addresses };
  return {
    token: encodeInvite(signInvite(host.peer.key, host.peer.cluster, body)),
    inviteId: body.inviteId,
    directory: await tempDirectory(t),
  };
};

test('discovery: a newcomer whose token has only a DHT node that lives finds a host by the topic', async (t) => {
  const { hosts, register } = await startCluster(t, 2, { discovery });
  const [a, b] = hosts;
  if (!a || !b) return t.fail();
  const { runtime } = recordingRuntime();
  const { token, inviteId, directory } = await staleInvite(t, a, b.peer.addresses().dht);
  register.issued.set(inviteId, undefined);
  const joined = await joinCluster({ runtime }, token, { directory, hostName: 'host-3' });
  t.true([a, b].some(({ peer }) => peer.roster.has(joined.hostId)));
});

test('discovery: a newcomer whose token leads nowhere is told so', async (t) => {
  const { hosts } = await startCluster(t, 1);
  const [a] = hosts;
  if (!a) return t.fail();
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  for (const dht of [undefined, `127.0.0.1:${silent.address().port}`]) {
    const { token, directory } = await staleInvite(t, a, dht);
    const { runtime } = recordingRuntime();
    await t.throwsAsync(joinCluster({ runtime }, token, { directory, hostName: 'host-2' }), {
      code: 'UNREACHABLE',
    });
  }
});

test('discovery: a seed is enough for a host that has forgotten all addresses', async (t) => {
  const { hosts } = await startCluster(t, 2);
  const [a, b] = hosts;
  if (!a || !b) return t.fail();
  await Promise.all([a.peer.stop(), b.peer.stop()]);
  await Promise.all([forgetAddresses(a), forgetAddresses(b)]);
  await a.restart();
  await b.restart({ seeds: [`${a.peer.addresses().peer[0]}/p2p/${a.peer.self}`] });
  await until('they are connected', () => areConnected(a, b));
  await t.throwsAsync(b.restart({ seeds: ['/ip4/127.0.0.1/tcp/1'] }), { message: /Cannot use seed/ });
});

/** Does a datagram to the mDNS group come back on this machine? */
const hasMulticast = async (): Promise<boolean> => {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    await once(socket.bind(0, '0.0.0.0'), 'listening');
    socket.addMembership('224.0.0.251');
    const heard = once(socket, 'message', { signal: AbortSignal.timeout(1_000) });
    socket.send('here', socket.address().port, '224.0.0.251');
    await heard;
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
};

test('discovery: on one LAN mDNS is enough, for hosts that have forgotten all addresses and for a newcomer', async (t) => {
  if (!(await hasMulticast())) {
    t.log('skipped: multicast does not work on this machine');
    t.pass();
    return;
  }
  const { hosts, register } = await startCluster(t, 2);
  const [a, b] = hosts;
  if (!a || !b) return t.fail();
  await Promise.all([a.peer.stop(), b.peer.stop()]);
  await Promise.all([forgetAddresses(a), forgetAddresses(b)]);
  await a.restart({ mdns: true });
  await b.restart({ mdns: true });
  await until('they are connected', () => areConnected(a, b), 30_000);

  const { token, inviteId, directory } = await staleInvite(t, a, undefined);
  register.issued.set(inviteId, undefined);
  for (const { peer } of [a, b]) peer.invites.serve(register.hooks);
  const { runtime } = recordingRuntime();
  const joined = await joinCluster({ runtime }, token, { directory, hostName: 'host-3', mdns: true });
  await until('both know it', () => [a, b].every(({ peer }) => peer.roster.has(joined.hostId)));
  t.pass();
});
