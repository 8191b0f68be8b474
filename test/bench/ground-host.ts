/** A host of the ground in a process of its own: `ground-host.ts DIRECTORY SEED...`. Says its address, then does what it is told. */
import { type GroundOrder, openGroundHost } from './ground.ts';
import { type Contention, contendHere } from './register.ts';

const [directory = '', ...seeds] = process.argv.slice(2);
const host = await openGroundHost(directory, seeds);
let callers = 0;
let contention: Promise<Contention> | undefined;

let readUpTo = {};

/** Reads on in its journal until it has seen so many. */
const readUntil = async (action: string, events: number): Promise<void> => {
  for (let seen = 0; seen < events; ) {
    const page = await host.journal.read({ after: readUpTo, limit: 1_000 });
    seen += page.records.filter((record) => record.action === action).length;
    readUpTo = page.next;
    if (page.records.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
};

process.on('message', async (order: GroundOrder) => {
  if ('action' in order) await readUntil(order.action, order.events);
  else {
    callers = order.callers;
    if (callers > 0) contention = contendHere(host, callers, () => callers === 0);
  }
  process.send?.(callers === 0 && contention ? await contention : {});
});
process.once('disconnect', async () => {
  callers = 0;
  await contention;
  await host.stop();
  process.exit(0);
});
process.send?.(host.address);
