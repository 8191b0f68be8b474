import test from 'ava';
import { until } from '../until.ts';
import { startCluster } from './cluster.ts';

test('peer: three hosts that joined by invites know, reach and hear each other', async (t) => {
  const { hosts } = await startCluster(t, 3);
  for (const { peer } of hosts) t.is(peer.roster.list().length, 3);
  for (const { peer } of hosts) peer.rpc.handle('test.echo', (from, body) => ({ from, body }));
  for (const { peer: a } of hosts)
    for (const { peer: b } of hosts)
      t.deepEqual(await a.rpc.request(b.self, 'test.echo', { text: 'hi', bytes: new Uint8Array([1, 2]) }), {
        from: a.self,
        body: { text: 'hi', bytes: a === b ? new Uint8Array([1, 2]) : Buffer.from([1, 2]) },
      });
  const heard: string[] = [];
  for (const [index, { peer }] of hosts.entries())
    peer.gossip.subscribe(
      'news',
      (from, body) => void heard.push(`${index}:${from === hosts[0]?.peer.self}:${body}`),
    );
  await until('gossip arrives', async () => {
    hosts[0]?.peer.gossip.publish('news', 'rain');
    return heard.includes('1:true:rain') && heard.includes('2:true:rain');
  });
  t.false(heard.some((line) => line.startsWith('0:')));
});
