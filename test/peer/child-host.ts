/** A host in a process of its own, for tests that kill it: `child-host.ts DIRECTORY LISTEN`. Prints one JSON line when it is up. */
import { readClusterFile } from '../../agent/peer/cluster-file.ts';
import { openPeer } from '../../agent/peer/open-peer.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';

const [directory = '', listen = ''] = process.argv.slice(2);
const cluster = await readClusterFile(directory);
if (!cluster) throw new Error(`no cluster in ${directory}`);
const peer = await openPeer(
  { runtime: systemRuntime({ level: 'warn' }) },
  { directory, cluster, listen: [listen], bulk: { host: '127.0.0.1', port: 0 } },
);
peer.rpc.handle('test.echo', (_from, body) => body);
peer.rpc.handle('test.hang', () => new Promise(() => {}));
peer.bulk.serve('hang', () => new Promise(() => {}));
console.log(JSON.stringify({ hostId: peer.self, addresses: peer.addresses() }));
