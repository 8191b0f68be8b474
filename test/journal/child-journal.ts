/** A host with a journal in a process of its own: `child-journal.ts DIRECTORY DHTPORT`. Notes its pid; prints each target that it can read, once. */
import { openJournal } from '../../agent/journal/open-journal.ts';
import { readClusterFile } from '../../agent/peer/cluster-file.ts';
import { openPeer } from '../../agent/peer/open-peer.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import type { ClusterId } from '../../proto/ids.ts';

const [directory = '', dhtPort] = process.argv.slice(2);
const cluster = await readClusterFile(directory);
if (!cluster) throw new Error(`no cluster in ${directory}`);
const runtime = systemRuntime({ level: 'warn' });
const peer = await openPeer(
  { runtime },
  {
    directory,
    cluster,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bulk: { host: '127.0.0.1', port: 0 },
    discovery: { host: '127.0.0.1', port: Number(dhtPort) },
  },
);
const journal = await openJournal(
  { runtime, key: peer.key, rpc: peer.rpc, roster: peer.roster, discovery: peer.discovery },
  { directory, clusterId: cluster.clusterId as ClusterId },
);
journal.append({ requestId: null, actor: null, action: 'test', target: `${process.pid}`, outcome: 'done' });
await journal.flush();
for (let after = {}; ; ) {
  const page = await journal.read({ limit: 100, after });
  for (const { target } of page.records) console.log(target);
  after = page.next;
  await new Promise((resolve) => setTimeout(resolve, 20));
}
