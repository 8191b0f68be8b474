/** The same store over the real network: rpc on libp2p, bytes on mutual TLS. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { MiB } from '../../proto/units.ts';
import { collect, pieces } from '../conform/content.ts';
import { startCluster as startPeers } from '../peer/cluster.ts';
import { until } from '../until.ts';
import { startCluster } from './cluster.ts';

test('chunks over mutual TLS: an upload reaches three hosts, and a damaged copy is mended from another', async (t) => {
  const { hosts } = await startPeers(t, 3);
  await using cluster = await startCluster(3, {
    peers: hosts.map(({ peer }) => ({ self: peer.self, rpc: peer.rpc, bulk: peer.bulk })),
  });
  for (const { peer } of hosts)
    for (const other of hosts) peer.setAddresses(other.peer.self, { bulk: other.peer.addresses().bulk });
  const bytes = randomBytes(33 * MiB);
  const { content } = await cluster
    .host(0)
    .chunks.content.write(pieces(bytes), { user: 'u', bytesMax: 100 * MiB, digests: ['md5'] });
  for (const host of cluster.hosts)
    await until('every owner has all chunks', async () => (await host.files()).length === 9);
  const [id] = await cluster.host(1).files();
  const path = cluster.host(1).path(id as never);
  const good = await readFile(path);
  await writeFile(path, randomBytes(good.length));
  t.true(bytes.equals(await collect(cluster.host(1).chunks.content.read(content))));
  await until('it is mended', async () => good.equals(await readFile(path).catch(() => Buffer.of())));
});
