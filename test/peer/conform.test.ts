/** The suites of the peer ports, on the real thing. */
import test from 'ava';
import { conformBulk } from '../conform/bulk.ts';
import { conformGossip } from '../conform/gossip.ts';
import { conformRpc } from '../conform/rpc.ts';
import { startCluster, startPair } from './cluster.ts';

conformRpc(test, 'rpc', async (t) => {
  const [a, b] = await startPair(t);
  return { a: a.peer.rpc, b: b.peer.rpc };
});

conformGossip(test, 'gossip', async (t) => (await startCluster(t, 3)).hosts.map((host) => host.peer));

conformBulk(test, 'bulk', async (t) => {
  const [a, b] = await startPair(t);
  return { a: a.peer, b: b.peer };
});
