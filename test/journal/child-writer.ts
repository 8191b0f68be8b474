/** Appends to a journal until it is killed: `child-writer.ts DIRECTORY CLUSTERID`. Prints the count that is on disk. */
import { openJournal } from '../../agent/journal/open-journal.ts';
import { openHostKey } from '../../agent/peer/host-key.ts';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { deafRpc, emptyRoster } from './alone.ts';

const [directory = '', clusterId = ''] = process.argv.slice(2);
const key = await openHostKey(directory);
const journal = await openJournal(
  {
    runtime: systemRuntime({ level: 'warn' }),
    key,
    rpc: deafRpc(key.hostId),
    roster: emptyRoster,
    discovery: undefined,
  },
  { directory, clusterId: parseClusterId(clusterId) },
);
for (let count = 0; ; ) {
  for (let n = 0; n < 50; n++)
    journal.append({
      requestId: null,
      actor: null,
      action: 'test.write',
      target: String(count++),
      outcome: 'done',
      detail: { padding: 'x'.repeat(1000) },
    });
  await journal.flush();
  console.log(count);
}
